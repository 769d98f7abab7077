"""The one module of the package that knows freqtrade: settings and errors for the adapters."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.freqai_config import FreqaiSettings, read_freqai_config
from dualwindow.settings_errors import sentences

logger = logging.getLogger(__name__)


class StrategySettings(BaseModel):
    """Settings of the companion strategy, under the root key `dualwindow` of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    leverage: float = Field(1.0, ge=1.0, le=125.0, description="Leverage of futures positions")


@contextmanager
def refusing() -> Iterator[None]:
    """Turn the package's errors into freqtrade's, which end the bot with a message and exit 2.

    Raises:
        OperationalException: with the message of the package's error.
    """
    try:
        yield
    except DualWindowError as error:
        raise OperationalException(str(error)) from error


def read_settings(config: Mapping[str, Any]) -> FreqaiSettings:
    """Read and check the settings of the model.

    Raises:
        OperationalException: with every problem in one message.
    """
    features = config.get("freqai", {}).get("feature_parameters", {})
    timeframes = {*features.get("include_timeframes", []), config.get("timeframe", "1m")}
    with refusing():
        return read_freqai_config(
            config,
            cores=os.cpu_count() or 1,
            timeframe_seconds={name: timeframe_to_seconds(name) for name in timeframes},
        )


def read_strategy_settings(config: Mapping[str, Any]) -> StrategySettings:
    """Read and check the settings of the companion strategy.

    Raises:
        OperationalException: with every problem in one message.
    """
    with refusing():
        try:
            return StrategySettings.model_validate(dict(config.get("dualwindow", {})))
        except ValidationError as error:
            raise SettingsError(sentences(error, StrategySettings), "dualwindow") from None

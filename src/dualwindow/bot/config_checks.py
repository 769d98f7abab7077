"""Settings and errors between freqtrade and the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds

from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.settings import TrainingConfig
from dualwindow.settings.freqai import FreqaiSettings, read_freqai_config
from dualwindow.settings.pairs import pairs_in
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: Largest loss at the label's stop loss, as a fraction of the stake, far from liquidation.
_LARGEST_STAKE_LOSS: Final = 0.5
#: The pairlist that reads `exchange.pair_whitelist`; freqtrade's default.
_STATIC: Final = "StaticPairList"


@contextmanager
def refusing() -> Iterator[None]:
    """Raise the package's errors as `OperationalException`: freqtrade logs it and exits with 2."""
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
            cores=read_cores().usable,
            timeframe_seconds={name: timeframe_to_seconds(name) for name in timeframes},
        )


def read_strategy_settings(config: Mapping[str, Any], training: TrainingConfig) -> RootSettings:
    """Read and check the settings of the strategy.

    Raises:
        OperationalException: with every problem in one message; also when the leverage would bring
            liquidation, or the reach of freqtrade's stop loss, nearer than the label's stop loss.
    """
    with refusing():
        settings = RootSettings.from_config(config)
        stop = max(training.long_sl_pct, training.short_sl_pct)
        loss = settings.leverage * stop
        if settings.leverage > 1 and loss > _LARGEST_STAKE_LOSS:
            problem = (
                f"leverage {settings.leverage} with a stop loss of {stop} would lose {loss:.0%} of "
                "the stake, too near to liquidation for the stop to be reached; use at most "
                f"{_LARGEST_STAKE_LOSS / stop:.0f}"
            )
            raise SettingsError([problem], ROOT_KEY)
        return settings


def is_live(config: Mapping[str, Any]) -> bool:
    """Whether this is a dry run or live trading, not a backtest or another command."""
    return config.get("runmode") in (RunMode.DRY_RUN, RunMode.LIVE)


def named_pairs(config: Mapping[str, Any]) -> list[str]:
    """Pairs that `exchange.pair_whitelist` names, where a StaticPairList reads it."""
    methods = [entry.get("method") for entry in config.get("pairlists") or []]
    if methods and _STATIC not in methods:
        return []
    return pairs_in(config["exchange"].get("pair_whitelist") or [])

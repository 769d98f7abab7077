"""Settings and errors between freqtrade and the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import leverage_problems
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.pairs import pairs_in
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

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
    checked = check_config(config, cores=read_cores().usable, memory=training_memory(), in_bot=True)
    with refusing():
        return checked.required()[0]


def read_strategy_settings(config: Mapping[str, Any], training: TrainingConfig) -> RootSettings:
    """Read and check the settings of the strategy.

    Raises:
        OperationalException: with every problem in one message; also when the leverage would bring
            liquidation, or the reach of freqtrade's stop loss, nearer than the label's stop loss.
    """
    with refusing():
        settings = RootSettings.from_config(config)
        if problems := leverage_problems(training, settings):
            raise SettingsError(problems, ROOT_KEY)
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

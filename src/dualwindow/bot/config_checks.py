"""Settings and errors between freqtrade and the package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, RunMode, TradingMode
from freqtrade.exceptions import OperationalException

from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import leverage_problems
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: A pair of the whitelist that is not a pattern, such as BTC/USDT or BTC/USDT:USDT.
_PLAIN_PAIR: Final = re.compile(r"\w+/\w+(:\w+)?")


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


def plain_pairs(config: Mapping[str, Any]) -> list[str]:
    """Pairs of the whitelist that are no patterns."""
    whitelist = config["exchange"].get("pair_whitelist") or []
    return [pair for pair in whitelist if _PLAIN_PAIR.fullmatch(pair)]


def require_candle_files(config: Mapping[str, Any]) -> None:
    """Refuse a backtest without the candles of a pair; freqtrade would leave out the pair.

    Raises:
        OperationalException: naming pairs, timeframes, folder and the command that downloads them.
    """
    if config.get("runmode") not in (RunMode.BACKTEST, RunMode.HYPEROPT):
        return
    datadir = Path(config["datadir"])
    features = config["freqai"]["feature_parameters"]
    pairs = dict.fromkeys(plain_pairs(config) + features.get("include_corr_pairlist", []))
    mode = TradingMode(config.get("trading_mode", "spot"))
    candle_type = CandleType.SPOT if mode == TradingMode.SPOT else CandleType.FUTURES
    handler = get_datahandler(datadir, config.get("dataformat_ohlcv", "feather"))
    available = set(handler.ohlcv_get_available_data(datadir, mode))
    missing = [
        (pair, timeframe)
        for pair in pairs
        for timeframe in dict.fromkeys([config["timeframe"], *features["include_timeframes"]])
        if (pair, timeframe, candle_type) not in available
    ]
    if missing:
        named = ", ".join(f"{pair} {timeframe}" for pair, timeframe in missing)
        only, timeframes = (" ".join(dict.fromkeys(names)) for names in zip(*missing, strict=True))
        raise OperationalException(
            f"there are no candles for {named} in {datadir}; download them with freqtrade "
            f"download-data --pairs {only} --timeframes {timeframes} --timerange ... or remove the "
            "pair from exchange.pair_whitelist"
        )

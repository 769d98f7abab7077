"""Settings and errors between freqtrade and the package."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from freqtrade.configuration import TimeRange
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, RunMode, TradingMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds

from dualwindow.backtest.price_files import funding_frame
from dualwindow.data.candles.feather import CandleBatch
from dualwindow.data.candles.price_steps import StepSearch
from dualwindow.data.candles.table_files import FEATHER, table_file
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange
from dualwindow.errors import DataError, DualWindowError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.settings import TrainingConfig
from dualwindow.settings.freqai import FreqaiSettings, read_freqai_config
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

logger = logging.getLogger(__name__)

#: Largest loss at the label's stop loss, as a fraction of the stake, far from liquidation.
_LARGEST_STAKE_LOSS: Final = 0.5
#: Of freqtrade's funding rates and mark prices.
_FUNDING_TIMEFRAME: Final = "1h"
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


def require_sound_candles(config: Mapping[str, Any], training: TrainingConfig) -> None:
    """Refuse a backtest on candles that cannot be read, or whose price step is a whole barrier.

    freqtrade takes a damaged file for one without candles. Every file of the pairs is read once,
    of all timeframes, and their funding. Large price steps are logged.

    Raises:
        OperationalException: naming file or pair, cause and way out.
    """
    if config.get("runmode") not in (RunMode.BACKTEST, RunMode.HYPEROPT):
        return
    features = config["freqai"]["feature_parameters"]
    own = plain_pairs(config)
    timeframes = dict.fromkeys([config["timeframe"], *features["include_timeframes"]])
    period = _candles_of(config)
    with refusing():
        for pair in dict.fromkeys([*own, *features.get("include_corr_pairlist", [])]):
            for kind in (CandleType.FUNDING_RATE, CandleType.MARK):
                if (path := _stored_at(config, pair, _FUNDING_TIMEFRAME, kind)).is_file():
                    funding_frame(path)
            for timeframe in timeframes:
                search = StepSearch()
                for batch in _stored(config, pair, timeframe):
                    traded = batch.within(period)
                    search.add(traded["close"], traded.seconds)
                search.end()
                if pair in own and timeframe == config["timeframe"] and search.largest:
                    if refusal := search.largest.refusal(training):
                        raise DataError(f"{pair}: {search.text()} {refusal}")
                    if warning := search.largest.warning(training):
                        logger.warning("%s: %s %s", pair, search.text(), warning)


def _stored_at(config: Mapping[str, Any], pair: str, timeframe: str, kind: CandleType) -> Path:
    """Freqtrade's path of a pair's candles, or of what it keeps like candles."""
    datadir = Path(config["datadir"])
    handler = get_datahandler(datadir, config.get("dataformat_ohlcv", FEATHER))
    path: Path = handler._pair_data_filename(datadir, pair, timeframe, kind)
    return path


def _candles_of(config: Mapping[str, Any]) -> DateRange:
    """The candles that a backtest trains on and trades."""
    asked = TimeRange.parse_timerange(config.get("timerange"))
    days = config["freqai"].get("train_period_days", 0)
    first = asked.startts - days * DAY_SECONDS if asked.starttype else None
    return DateRange(first, asked.stopts if asked.stoptype else None)


def _stored(config: Mapping[str, Any], pair: str, timeframe: str) -> Iterator[CandleBatch]:
    """The candles of a pair's file, and nothing where there is none."""
    mode = TradingMode(config.get("trading_mode", "spot"))
    kind = CandleType.SPOT if mode == TradingMode.SPOT else CandleType.FUTURES
    path = _stored_at(config, pair, timeframe, kind)
    if path.is_file():
        file = table_file(path)
        yield from file.candles(range(file.batches))

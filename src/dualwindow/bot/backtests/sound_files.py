"""Whether the files of a backtest's candles can be read, and how large their price steps are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from freqtrade.configuration import TimeRange
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, TradingMode
from numpy.typing import NDArray

from dualwindow.backtest.funding_files import (
    FUNDING_TIMEFRAMES,
    MARKS,
    RATES,
    Beside,
    read_frame,
    wrong_funding,
)
from dualwindow.backtest.missing_funding import missing_payments, missing_text
from dualwindow.backtest.prices import Funding
from dualwindow.data.candles.feather import WAY_OUT, CandleBatch
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import impossible_candles
from dualwindow.data.candles.price_steps import StepSearch
from dualwindow.data.candles.table_files import FEATHER, table_file
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange, utc_text
from dualwindow.errors import DataError
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

HOUR: Final = 3600


class SoundFiles:
    """Looks once through the files of a pair, which freqtrade takes for missing where damaged.

    Args:
        config: freqtrade's.
        training: the model's settings.
        timeframes: of the features, that of the trades first.
    """

    def __init__(
        self, config: Mapping[str, Any], training: TrainingConfig, timeframes: Sequence[str]
    ) -> None:
        self._training = training
        self._timeframes = timeframes
        self._datadir = Path(config["datadir"])
        self._handler = get_datahandler(self._datadir, config.get("dataformat_ohlcv", FEATHER))
        mode = TradingMode(config.get("trading_mode", "spot"))
        self._type = CandleType.SPOT if mode == TradingMode.SPOT else CandleType.FUTURES
        self._period = _candles_of(config)
        #: The first moment of the time range that is traded, seconds since 1970.
        self._traded_from = TimeRange.parse_timerange(config.get("timerange")).startts
        self._has_fallback = config.get("futures_funding_rate") is not None
        self._read: set[str] = set()

    def require(self, pair: str, *, traded: bool) -> None:
        """Read the candles of all timeframes, and the funding, of a pair.

        A large price step of a pair that is `traded` is logged.

        Raises:
            DataError: when a file cannot be read, half of its candles or some funding are
                impossible, or a step is a whole barrier of a traded pair, with the way out.
        """
        if pair in self._read:
            return
        self._read.add(pair)
        hours = _Hours()
        for timeframe in self._timeframes:
            search, impossible = StepSearch(), _Impossible()
            for batch in self._batches(pair, timeframe):
                own = batch.within(self._period)
                impossible.add(own)
                if timeframe == self._timeframes[0]:
                    hours.add(own)
                    if traded:
                        search.add(own["close"], own.seconds)
            if refusal := impossible.refusal(self._path(pair, timeframe, self._type)):
                raise DataError(f"{pair}: {refusal}")
            search.end()
            if search.largest:
                if refusal := search.largest.refusal(self._training):
                    raise DataError(f"{pair}: {search.text()} {refusal}")
                if warning := search.largest.warning(self._training):
                    logger.warning("%s: %s %s", pair, search.text(), warning)
        self._require_funding(pair, hours, traded=traded)

    def _require_funding(self, pair: str, hours: _Hours, *, traded: bool) -> None:
        """Refuse funding that freqtrade would pay by mistake, and warn of payments that lack."""
        kinds = {RATES: CandleType.FUNDING_RATE, MARKS: CandleType.MARK}
        paths = {
            kind: path
            for kind, type_ in kinds.items()
            if (path := self._path(pair, FUNDING_TIMEFRAMES[0], type_)).is_file()
        }
        frames = {kind: read_frame(path) for kind, path in paths.items()}
        for kind, frame in frames.items():
            if problem := wrong_funding(paths[kind], frame):
                raise DataError(f"{pair}: {problem}, freqtrade would pay them")
        seconds, opens = hours.since(self._traded_from)
        if MARKS in frames:
            beside = Beside.candles(frames[MARKS], seconds, opens)
            problem = beside.problem(paths[MARKS])
            if beside.is_other_market:
                raise DataError(f"{pair}: {problem}, freqtrade would pay them")
            if problem and traded:
                logger.warning("%s: %s", pair, problem)
        if not traded or len(frames) < len(kinds) or not len(seconds) or self._has_fallback:
            return
        rates = utc_seconds(frames[RATES]["date"])
        paid = Funding.from_frames(frames[RATES], frames[MARKS]).seconds
        missing = missing_payments(rates, paid, int(seconds[0]), int(seconds[-1]))
        if len(missing):
            text = missing_text(missing, paths[RATES].parent)
            logger.warning("%s: %s; the backtest trades without them", pair, text)

    def _path(self, pair: str, timeframe: str, kind: CandleType) -> Path:
        """Freqtrade's path of a pair's candles, or of what it keeps like candles."""
        return Path(self._handler._pair_data_filename(self._datadir, pair, timeframe, kind))

    def _batches(self, pair: str, timeframe: str) -> Iterator[CandleBatch]:
        """The candles of a pair's file, and nothing where there is none."""
        path = self._path(pair, timeframe, self._type)
        if path.is_file():
            file = table_file(path)
            yield from file.candles(range(file.batches))


class _Impossible:
    """Counts impossible candles, most of which no window would outlast."""

    def __init__(self) -> None:
        self._rows = self._count = 0
        self._first = ""

    def add(self, batch: CandleBatch) -> None:
        rows = np.flatnonzero(impossible_candles(batch))
        if len(rows) and not self._first:
            row = int(rows[0])
            values = ", ".join(f"{name} {batch[name][row]:.6g}" for name in batch.columns)
            self._first = f"{utc_text(int(batch.seconds[row]))} ({values})"
        self._rows += len(batch)
        self._count += len(rows)

    def refusal(self, path: Path) -> str:
        """The sentence about a file of which half is impossible; empty where less is."""
        if 2 * self._count < max(self._rows, 1):
            return ""
        return (
            f"{self._count:,} of {counted(self._rows, 'candle')} in {path} that this run needs are "
            f"impossible, the first of {self._first}; {WAY_OUT}"
        )


class _Hours:
    """Opens of the candles that begin at a full hour, in the order of their file."""

    def __init__(self) -> None:
        self._seconds: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._opens: list[NDArray[np.float64]] = [np.empty(0)]

    def add(self, batch: CandleBatch) -> None:
        full = batch.seconds % HOUR == 0
        self._seconds.append(batch.seconds[full])
        self._opens.append(batch["open"][full])

    def since(self, first: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Dates from `first` on, in seconds since 1970 and ascending, and opens."""
        seconds, opens = np.concatenate(self._seconds), np.concatenate(self._opens)
        order = seconds.argsort(kind="stable")
        order = order[seconds[order] >= first]
        return seconds[order], opens[order]


def _candles_of(config: Mapping[str, Any]) -> DateRange:
    """The candles that a backtest trains on and trades."""
    asked = TimeRange.parse_timerange(config.get("timerange"))
    days = config["freqai"].get("train_period_days", 0)
    first = asked.startts - days * DAY_SECONDS if asked.starttype else None
    return DateRange(first, asked.stopts if asked.stoptype else None)

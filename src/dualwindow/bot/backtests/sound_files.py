"""Whether the files of a backtest's candles can be read, and how large their price steps are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from freqtrade.configuration import TimeRange
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, TradingMode

from dualwindow.backtest.price_files import funding_frame, wrong_funding
from dualwindow.data.candles.feather import CandleBatch
from dualwindow.data.candles.price_steps import StepSearch
from dualwindow.data.candles.table_files import FEATHER, table_file
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

#: Of freqtrade's funding rates and mark prices.
_FUNDING_TIMEFRAME: Final = "1h"


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
        self._read: set[str] = set()

    def require(self, pair: str, *, traded: bool) -> None:
        """Read the candles of all timeframes, and the funding, of a pair.

        A large price step of a pair that is `traded` is logged.

        Raises:
            DataError: when a file cannot be read, funding is impossible, or a step is a whole
                barrier of a traded pair, with the way out.
        """
        if pair in self._read:
            return
        self._read.add(pair)
        for kind in (CandleType.FUNDING_RATE, CandleType.MARK):
            path = self._path(pair, _FUNDING_TIMEFRAME, kind)
            if path.is_file() and (problem := wrong_funding(path, funding_frame(path))):
                raise DataError(f"{pair}: {problem}, freqtrade would pay them")
        for timeframe in self._timeframes:
            search = StepSearch()
            for batch in self._batches(pair, timeframe):
                if traded and timeframe == self._timeframes[0]:
                    own = batch.within(self._period)
                    search.add(own["close"], own.seconds)
            search.end()
            if search.largest:
                if refusal := search.largest.refusal(self._training):
                    raise DataError(f"{pair}: {search.text()} {refusal}")
                if warning := search.largest.warning(self._training):
                    logger.warning("%s: %s %s", pair, search.text(), warning)

    def _path(self, pair: str, timeframe: str, kind: CandleType) -> Path:
        """Freqtrade's path of a pair's candles, or of what it keeps like candles."""
        return Path(self._handler._pair_data_filename(self._datadir, pair, timeframe, kind))

    def _batches(self, pair: str, timeframe: str) -> Iterator[CandleBatch]:
        """The candles of a pair's file, and nothing where there is none."""
        path = self._path(pair, timeframe, self._type)
        if path.is_file():
            file = table_file(path)
            yield from file.candles(range(file.batches))


def _candles_of(config: Mapping[str, Any]) -> DateRange:
    """The candles that a backtest trains on and trades."""
    asked = TimeRange.parse_timerange(config.get("timerange"))
    days = config["freqai"].get("train_period_days", 0)
    first = asked.startts - days * DAY_SECONDS if asked.starttype else None
    return DateRange(first, asked.stopts if asked.stoptype else None)

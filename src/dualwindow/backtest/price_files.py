"""Prices of a date range from freqtrade's candle files, with the funding beside them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from dualwindow.backtest.prices import Funding, TradeCandles, impossible_funding
from dualwindow.data.candles.feather import WAY_OUT
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.pairs import stem_of
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.table_files import SUFFIXES, table_file
from dualwindow.errors import DataError
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)

#: Candles read at a time.
_ROWS: Final = 65_536
#: freqtrade keeps funding rates and mark prices under this timeframe; older versions used 8h.
_FUNDING_TIMEFRAMES: Final = ("1h", "8h")
_FUNDING_FILES: Final = ("funding_rate", "mark")


def read_trade_candles(
    source: CandleSource, candle_seconds: int = 60, *, funding: bool = True
) -> TradeCandles:
    """Read the candles of a source, missing and impossible ones at the last price.

    Args:
        source: the pair's files, and the date range that is wanted.
        candle_seconds: seconds between two candles.
        funding: false leaves payments out; so do spot, and missing files of them, which is logged.

    Raises:
        DataError: when a file is missing or damaged, the date range has no candle, or a price
            cannot be traded at.
    """
    frame = known_frame(read_candle_frame(source, candle_seconds))
    return with_funding(TradeCandles.from_frame(frame), source, funding=funding)


def read_candle_frame(source: CandleSource, candle_seconds: int = 60) -> pd.DataFrame:
    """Read the same candles as freqtrade's frame: date, prices and volume.

    Raises:
        DataError: when a file is missing or damaged, or the date range has no candle.
    """
    file = CandleFile(source.paths, candle_seconds, source.timerange)
    batches = list(file.batches(lambda: _ROWS))
    columns = {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0].columns
    }
    seconds = np.concatenate([batch.seconds for batch in batches])
    return pd.DataFrame({"date": pd.to_datetime(seconds, unit="s", utc=True), **columns})


def with_funding(
    candles: TradeCandles, source: CandleSource, *, funding: bool = True
) -> TradeCandles:
    """Candles of a source with its funding, as in `read_trade_candles`."""
    if not funding or ":" not in source.pair:
        return candles
    return replace(candles, funding=read_funding(source))


def read_funding(source: CandleSource) -> Funding | None:
    """Funding of a future from freqtrade's two files; None where one is missing or damaged.

    They lie beside the candles, in the candles' format or in another one.
    """
    stem = source.path.parent / stem_of(source.pair)
    for timeframe in _FUNDING_TIMEFRAMES:
        found = [_file(Path(f"{stem}-{timeframe}-{name}"), source) for name in _FUNDING_FILES]
        paths = [path for path in found if path is not None]
        if len(paths) < len(found):
            continue
        try:
            frames = [funding_frame(path) for path in paths]
            for path, frame in zip(paths, frames, strict=True):
                if problem := wrong_funding(path, frame):
                    logger.warning(
                        "%s: %s; figures after fees are without them", source.pair, problem
                    )
            return Funding.from_frames(*frames)
        except (DataError, ValueError, TypeError, LookupError, AttributeError) as error:
            logger.warning(
                "%s: the funding in %s cannot be read (%s), so that figures after fees are without "
                "it; download the pair again",
                source.pair,
                paths[0].parent,
                error,
            )
            return None
    logger.warning(
        "%s: there are no funding rates and mark prices beside %s, so that figures after fees are "
        "without funding; `freqtrade download-data` brings them for futures",
        source.pair,
        source.path,
    )
    return None


def _file(stem: Path, source: CandleSource) -> Path | None:
    """The file of a name without its suffix, in the format of the candles if there is one."""
    there = [stem.with_name(f"{stem.name}{suffix}") for suffix in SUFFIXES.values()]
    there.sort(key=lambda path: not source.path.name.endswith(path.name[len(stem.name) :]))
    return next((path for path in there if path.is_file()), None)


def wrong_funding(path: Path, frame: pd.DataFrame) -> str:
    """The sentence about impossible values in a file of rates or marks; empty where there are none.

    Raises:
        DataError: when they are no numbers.
    """
    marks = path.name[: path.name.index(".")].endswith(_FUNDING_FILES[1])
    try:
        rows = np.flatnonzero(impossible_funding(frame, marks=marks))
    except (ValueError, TypeError, LookupError) as error:
        raise DataError(f"{path} holds no numbers ({error}); {WAY_OUT}") from error
    if not len(rows):
        return ""
    first = frame.iloc[int(rows[0])]
    values = ", ".join(f"{name} {first[name]:.6g}" for name in frame if name != "date")
    return (
        f"{path} has impossible rates or marks: {counted(len(rows), 'row')}, the first of "
        f"{first['date']} "
        f"({values}); {WAY_OUT}"
    )


def funding_frame(path: Path) -> pd.DataFrame:
    """Rates by their own name, else opens: of marks, and of rates as freqtrade once wrote them.

    Files without names of columns are told apart by their number.

    Raises:
        DataError: when the file is damaged, or holds neither.
    """
    for columns in (("date", "funding_rate"), ("date", "open")):
        try:
            return table_file(path, columns).frame()
        except DataError:
            continue
    return table_file(path).frame()

"""Where the candles of pairs are, found among those that freqtrade has downloaded.

A file that lies where freqtrade reads it is used alone. Only when there is none, files in
subfolders or split by years (`2023/BTC_USDT-1m.feather`, `BTC_USDT-1m-2024.feather`) are taken,
one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from dualwindow.data.candles.datadir import CandleFolder, FoundFile
from dualwindow.data.candles.pairs import FUTURES, SPOT, stem_of
from dualwindow.data.candles.table_files import FEATHER, table_file
from dualwindow.data.candles.timerange import EVERYTHING, DateRange, utc_text
from dualwindow.errors import DataError


@dataclass(frozen=True)
class CandleSource:
    """A pair, as freqtrade names it, its candle files in time order, and what is trained on.

    Example:
        >>> source = CandleSource("BTC/USDT", Path("2023.feather"), further=(Path("2024.feather"),))
        >>> [path.name for path in source.paths]
        ['2023.feather', '2024.feather']
    """

    pair: str
    path: Path
    timerange: DateRange = EVERYTHING
    further: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file, in time order."""
        return (self.path, *self.further)


@dataclass(frozen=True)
class AvailablePair:
    """Candles that are there: files in time order, first and last date, and rows on disk.

    Dates are seconds since 1970; they are None when there is a problem with the files.
    """

    pair: str
    market: str
    paths: tuple[Path, ...]
    first: int | None = None
    last: int | None = None
    rows: int = 0
    problem: str | None = None


def find_sources(
    pairs: Sequence[str],
    folder: Path,
    *,
    trading_mode: str,
    exchange: str | None = None,
    timeframe: str = "1m",
    timerange: DateRange = EVERYTHING,
    excluded: Sequence[str] = (),
    data_format: str = FEATHER,
) -> list[CandleSource]:
    """Find the candles of some pairs.

    Args:
        pairs: as users write them: `BTC_USDT`, `BTC/USDT`, `BTC-USDT`, `BTC/USDT:USDT`,
            `BTC_USDT_USDT`; in futures `BTC/USDT` is `BTC/USDT:USDT`. One given twice counts once.
            Or patterns of pairs that are there, as in freqtrade's `pair_whitelist`:
            `.*/USDT:USDT`.
        folder: of the exchange (freqtrade's `datadir`), its `futures` folder, `user_data`, or
            `user_data/data`.
        trading_mode: `futures`, or anything else for spot.
        exchange: name of the exchange's folder; needed when a user folder has several.
        timeframe: of the candles.
        timerange: of the sources; a message names it as the range to download.
        excluded: pairs and patterns of freqtrade's `pair_blacklist`, of which no pattern brings
            one; a pair that is named itself is wanted.
        data_format: freqtrade's `dataformat_ohlcv`; files of another format are taken where a pair
            has none of it.

    Raises:
        DataError: naming the folder, every pair that is not there, those that are, and how to
            download the others; or files of a pair that overlap.
    """
    market = FUTURES if trading_mode == FUTURES else SPOT
    place = CandleFolder.find(Path(folder), exchange, timeframe, pairs, market)
    place = replace(place, data_format=data_format)
    wanted = [pair for written in pairs for pair in place.matching(written, market, excluded)]
    files = {written: place.files_of(written, market) for written in wanted}
    if missing := [written for written, found in files.items() if not found]:
        raise DataError(place.not_there(missing, market, timerange))
    sources: dict[str, CandleSource] = {}
    for written, found in files.items():
        pair = found[0].name.pair
        # A coin's name may have characters that no file's name can have.
        pair = written if "/" in written and stem_of(written) == stem_of(pair) else pair
        if pair not in sources:
            path, *further = _in_time_order(pair, found)
            sources[pair] = CandleSource(pair, path, timerange, tuple(further))
    return list(sources.values())


def available_pairs(
    folder: Path, *, exchange: str | None = None, timeframe: str = "1m"
) -> list[AvailablePair]:
    """Every pair whose candles lie in a folder as in `find_sources`, spot before futures, sorted.

    Raises:
        DataError: when the folder is not there, or it is not clear which exchange is meant.
    """
    place = CandleFolder.find(Path(folder), exchange, timeframe, ["BTC/USDT"], SPOT)
    return [
        _available(pair, market, place.files_of(pair, market))
        for market in (SPOT, FUTURES)
        for pair in place.pairs(market)
    ]


def newest_candle(sources: Sequence[CandleSource]) -> int:
    """Date of the newest candle of any pair, seconds since 1970; `train_days` end with it.

    Not that of the pair that ends first: one that was taken off the market years ago would pull
    the others' last days there unseen. As it is, that pair is refused by name.

    Raises:
        DataError: when no file holds a candle, or one cannot be read.
    """
    ends = [table_file(path).ends() for source in sources for path in source.paths]
    dates = [last for _, last in filter(None, ends)]
    if not dates:
        named = ", ".join(str(source.path) for source in sources) or "no file"
        raise DataError(f"{named} holds no candle; download the pairs again")
    return max(dates)


def _available(pair: str, market: str, files: Sequence[FoundFile]) -> AvailablePair:
    try:
        paths = _in_time_order(pair, files)
        readable = [table_file(path) for path in paths]
        ends = [end for end in (file.ends() for file in readable) if end is not None]
    except DataError as error:
        paths = tuple(file.path for file in files)
        return AvailablePair(pair, market, paths, problem=str(error))
    if not ends:
        return AvailablePair(pair, market, paths, problem=f"{paths[0]} holds no candle")
    first, last = min(first for first, _ in ends), max(last for _, last in ends)
    return AvailablePair(pair, market, paths, first, last, sum(file.rows for file in readable))


def _in_time_order(pair: str, files: Sequence[FoundFile]) -> tuple[Path, ...]:
    """The files of a pair, each after the one before; those without a candle are left out."""
    paths = tuple(file.path for file in files)
    if len(paths) == 1:
        return paths
    ends = [(path, table_file(path).ends()) for path in paths]
    ordered = sorted((end, path) for path, end in ends if end is not None)
    for ((_, last), path), ((first, _), following) in pairwise(ordered):
        if first <= last:
            raise DataError(
                f"{pair} has candles in two files, {path} until {utc_text(last)} and {following} "
                f"from {utc_text(first)}, and which of them is right cannot be known; move one of "
                "them to another place"
            )
    return tuple(path for _, path in ordered) or paths[:1]

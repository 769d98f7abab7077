"""The folder in which freqtrade keeps the candles of an exchange, and what lies in it.

freqtrade keeps one file a pair and timeframe: `user_data/data/<exchange>/BTC_USDT-1m.feather` for
spot, `.../futures/BTC_USDT_USDT-1m-futures.feather` for futures, or another format's ending.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from dualwindow.data.candles.pairs import (
    FUTURES,
    SPOT,
    CandleFileName,
    pair_of,
    settled_stem,
    stem_of,
)
from dualwindow.data.candles.table_files import FEATHER, SUFFIXES
from dualwindow.data.candles.timerange import EVERYTHING, DateRange, utc_text
from dualwindow.errors import DataError
from dualwindow.settings.pairs import is_pair

#: Subfolders are looked into, and theirs.
_PLACES: Final = ("", "*/", "*/*/")
_PAIRS_NAMED: Final = 20
#: Characters of patterns that are in no pair in whichever form.
_SIGNS_OF_A_PATTERN: Final = frozenset("*?|[](){}^\\+")
#: Days to download when no date is known: three months, and a moving average's month before.
_DAYS: Final = 125


@dataclass(frozen=True)
class FoundFile:
    """A candle file and what its name holds."""

    path: Path
    name: CandleFileName


@dataclass(frozen=True)
class CandleFolder:
    """Where the candles of one exchange, whose name may be unknown, lie for a timeframe.

    Of files that differ in their format alone, that of the `data_format` counts, else the first of
    `table_files.SUFFIXES`.
    """

    path: Path
    exchange: str | None
    timeframe: str
    data_format: str = FEATHER

    @classmethod
    def find(
        cls, folder: Path, exchange: str | None, timeframe: str, pairs: Sequence[str], market: str
    ) -> CandleFolder:
        """Find the exchange's folder in what a user may name instead of it.

        `sources.find_sources` describes folder, exchange and pairs.

        Raises:
            DataError: when it is not there, or it is not clear which exchange is meant.
        """
        wanted = [pair_of(settled_stem(pair, market)) for pair in pairs]
        way_out = "download candles first: " + download_command(wanted, market, timeframe, exchange)
        if not folder.is_dir():
            raise DataError(f"there is no data folder {folder}; check the path, or {way_out}")
        inside = folder / "data" if (folder / "data").is_dir() else folder
        if exchange is not None and (inside / exchange).is_dir():
            return cls(inside / exchange, exchange, timeframe)
        if inside.name != "data" or any(candle_files(inside)):
            home = inside.parent if inside.name == "futures" else inside
            named = home.name if home.parent.name == "data" else None
            return cls(inside, exchange or named, timeframe)
        there = sorted(path.name for path in inside.iterdir() if path.is_dir())
        if len(there) == 1 and exchange is None:
            return cls(inside / there[0], there[0], timeframe)
        asked = "no exchange is named" if exchange is None else f"none for exchange {exchange!r}"
        raise DataError(
            f"{inside} has a folder of candles for each exchange ({', '.join(there) or 'none yet'})"
            f", and {asked}; name one of them, or {way_out}"
        )

    @cached_property
    def files(self) -> tuple[FoundFile, ...]:
        """Every candle file of the timeframe, spot and futures, subfolders included."""
        found: dict[Path, FoundFile] = {}
        for place in _PLACES:
            here = candle_files(self.path, place, self.data_format)
            for stem, path in sorted(here, key=lambda file: file[1].with_name(file[0])):
                name = CandleFileName.parse(stem)
                if name is not None and name.timeframe == self.timeframe:
                    found.setdefault(path.with_name(stem), FoundFile(path, name))
        return tuple(found.values())

    def pairs(self, market: str) -> list[str]:
        """Every pair of a market, sorted, as freqtrade names it."""
        return sorted({file.name.pair for file in self.files if file.name.market == market})

    def files_of(self, written: str, market: str) -> list[FoundFile]:
        """The files of a pair as a user writes it: the one that freqtrade reads, or else all."""
        mine = _of_pair(self.files, written, market)
        homes = (self.path, self.path / "futures")
        own = [file for file in mine if file.path.parent in homes and not file.name.part]
        return own[:1] or mine

    def matching(self, written: str, market: str, excluded: Sequence[str] = ()) -> list[str]:
        """The pairs that are meant: one that is written out, or all that match a pattern.

        A pattern is one of freqtrade's `pair_whitelist`; it brings no excluded pair.

        Raises:
            DataError: when the pattern is not valid, or of no pair.
        """
        if not _is_pattern(written) or self.files_of(written, market):
            return [written]
        shut_out = [_pattern(pattern) for pattern in excluded]
        there = self.pairs(market)
        found = [
            pair
            for pair in there
            if _pattern(written).fullmatch(pair)
            and not any(pattern.fullmatch(pair) for pattern in shut_out)
        ]
        if not found:
            raise DataError(
                f"{self.path} has no {self.timeframe} candles of a pair like {written!r} ({market}"
                f"{', pair_blacklist left out' if excluded else ''}); "
                f"{_named(there)} are there; download those that are meant, or name pairs"
            )
        return found

    def not_there(self, missing: Sequence[str], market: str, needed: DateRange) -> str:
        """Message for pairs that are missing in a date range with its buffer, with the way out."""
        wanted = [pair_of(settled_stem(pair, market)) for pair in missing]
        settled = [pair for pair in wanted if market == SPOT and ":" in pair]
        if settled:
            return (
                f"{', '.join(settled)}: with a coin of settlement this is a futures pair, and "
                "trading_mode is spot; set trading_mode futures, or leave the coin out"
            )
        parts = [
            f"{self.path} has no {self.timeframe} candles of {', '.join(wanted)} ({market})",
            f"those of {_named(self.pairs(market))} are there",
        ]
        other = SPOT if market == FUTURES else FUTURES
        if elsewhere := [pair for pair in missing if self.files_of(pair, other)]:
            parts.append(f"{', '.join(elsewhere)} is there as {other}: set trading_mode {other}")
        command = download_command(wanted, market, self.timeframe, self.exchange, needed)
        return "; ".join([*parts, f"download: {command}"])


def candle_files(
    folder: Path, place: str = "", data_format: str = FEATHER
) -> Iterator[tuple[str, Path]]:
    """Yield name without suffix and path of the files in the formats of candles, its own first."""
    for name in sorted(SUFFIXES, key=lambda other: other != data_format):
        suffix = SUFFIXES[name]
        for path in sorted(folder.glob(f"{place}*{suffix}")):
            yield path.name.removesuffix(suffix), path


def download_command(
    pairs: Sequence[str],
    market: str,
    timeframe: str,
    exchange: str | None,
    needed: DateRange = EVERYTHING,
    *,
    earlier: bool = False,
) -> str:
    """The freqtrade command that brings candles; `earlier` where newer ones are there already.

    Without an exchange, that of freqtrade's configuration is meant; without a first date of what
    is needed, the last months are.
    """
    words = ["freqtrade download-data", *([f"--exchange {exchange}"] if exchange else [])]
    words += ["--pairs", *pairs]
    words += [f"--timeframes {timeframe}", f"--trading-mode {market}"]
    if needed.first is None:
        words.append(f"--days {_DAYS}")
    else:
        last = "" if needed.stop is None else _day(needed.stop)
        words.append(f"--timerange {_day(needed.first)}-{last}")
    return " ".join([*words, *(["--prepend"] if earlier else [])])


def _named(pairs: Sequence[str]) -> str:
    more = f" and {len(pairs) - _PAIRS_NAMED} more" if len(pairs) > _PAIRS_NAMED else ""
    return f"{', '.join(pairs[:_PAIRS_NAMED]) or 'no pair'}{more}"


def _is_pattern(written: str) -> bool:
    """Whether it stands for pairs in freqtrade's whitelist, and is none in any form."""
    return not is_pair(written) if "/" in written else bool(_SIGNS_OF_A_PATTERN & set(written))


def _pattern(written: str) -> re.Pattern[str]:
    """As freqtrade's `expand_pairlist` reads it."""
    try:
        return re.compile(written, re.IGNORECASE)
    except re.error as error:
        raise DataError(
            f"{written!r} is neither a pair nor a pattern ({error}); write it like BTC/USDT, or "
            "like .*/USDT"
        ) from None


def _day(second: int) -> str:
    return utc_text(second)[:10].replace("-", "")


def _of_pair(files: Sequence[FoundFile], written: str, market: str) -> list[FoundFile]:
    """The files of the pair that a user means."""
    by_stem: dict[str, list[FoundFile]] = {}
    for file in files:
        if file.name.market == market:
            by_stem.setdefault(stem_of(file.name.pair), []).append(file)
    stem = settled_stem(written, market)
    if stem not in by_stem:
        # Written in small letters, or settled in another coin: BTC_USD is BTC/USD:BTC there.
        begin = stem.rpartition("_")[0] if market == FUTURES else stem
        alike = [other for other in by_stem if other.casefold() == stem.casefold()] or [
            other for other in by_stem if market == FUTURES and other.rpartition("_")[0] == begin
        ]
        stem = alike[0] if len(alike) == 1 else stem
    return by_stem.get(stem, [])

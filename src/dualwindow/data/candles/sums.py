"""Sums over blocks of candles: whether two frames hold the same ones, wherever both reach."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from dualwindow.columns import CANDLE_COLUMNS
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.timerange import utc_text

#: Bytes of the sum of one block: against accidents, not against attackers.
_SUM_BYTES: Final = 8

#: A stretch of time, seconds since 1970, without its end.
Stretch = tuple[int, int]


@dataclass(frozen=True)
class CandleSums:
    """Sums of consecutive blocks of candles.

    Attributes:
        begin: date of the first candle, seconds since 1970.
        stop: end of the last block; candles from here on are not in it.
        block: seconds between two edges of blocks, which lie at multiples of it.
        sums: sums of the blocks in time order, 16 hexadecimal digits a block.
    """

    begin: int
    stop: int
    block: int
    sums: str

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where `to_dict` did not make the content."""
        begin, stop, block = (int(content[name]) for name in ("begin", "stop", "block"))
        return cls(begin, stop, block, str(content["sums"]))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def blocks(self) -> Iterator[tuple[int, int, str]]:
        """Begin, end and sum of every block."""
        digits = 2 * _SUM_BYTES
        for number, (begin, stop) in enumerate(_blocks(self.begin, self.stop, self.block)):
            yield begin, stop, self.sums[number * digits : (number + 1) * digits]


class SummedCandles:
    """Candles of one pair and timeframe, whose blocks are summed when they are asked for.

    Example:
        >>> dates = pd.date_range("2025-01-01", periods=4, freq="min", tz="UTC")
        >>> prices = dict.fromkeys(("open", "high", "low", "close", "volume"), [1.0, 2.0, 3.0, 4.0])
        >>> candles = SummedCandles(pd.DataFrame({"date": dates, **prices}), 60)
        >>> saved = candles.sums(candles.begin, candles.stop, 120)
        >>> candles.changes(saved)
        []
    """

    def __init__(self, frame: pd.DataFrame, candle_seconds: int) -> None:
        self._seconds = utc_seconds(frame["date"])
        prices = [frame[name].to_numpy(np.float64) for name in CANDLE_COLUMNS[1:]]
        # Adding 0 makes -0.0 and 0.0 the same bytes.
        self._values = np.column_stack([self._seconds.astype(np.float64), *prices]) + 0.0
        self._known: dict[Stretch, str] = {}
        #: Date of the first candle and end of the last, seconds since 1970; both 0 without any.
        self.begin = int(self._seconds[0]) if len(self._seconds) else 0
        self.stop = int(self._seconds[-1]) + candle_seconds if len(self._seconds) else 0

    def sums(self, begin: int, stop: int, block: int) -> CandleSums:
        """Sums from `begin` to `stop`, both cut to what is there; edges as in `CandleSums`."""
        begin, stop = max(begin, self.begin), min(stop, self.stop)
        sums = [self._sum(*ends) for ends in _blocks(begin, stop, block)]
        return CandleSums(begin, max(begin, stop), block, "".join(sums))

    def changes(self, saved: CandleSums) -> list[Stretch]:
        """Blocks that lie wholly within these candles and have another sum than the saved one."""
        return [
            (begin, stop)
            for begin, stop, known in saved.blocks()
            if self.begin <= begin and stop <= self.stop and self._sum(begin, stop) != known
        ]

    def _sum(self, begin: int, stop: int) -> str:
        if (begin, stop) not in self._known:
            first, end = self._seconds.searchsorted([begin, stop])
            content = np.ascontiguousarray(self._values[first:end]).data
            digest = hashlib.blake2b(content, digest_size=_SUM_BYTES).hexdigest()
            self._known[begin, stop] = digest
        return self._known[begin, stop]


def _blocks(begin: int, stop: int, block: int) -> Iterator[Stretch]:
    if begin >= stop:
        return iter(())
    inner = range((begin // block + 1) * block, stop, block)
    return pairwise([begin, *inner, stop])


def changes_text(changes: Iterable[Mapping[str, Stretch]]) -> str:
    """Every series in some changes, with the stretch of time that holds all of its own."""
    joined: dict[str, Stretch] = {}
    for where in changes:
        for name, (begin, stop) in where.items():
            first, last = joined.get(name, (begin, stop))
            joined[name] = min(first, begin), max(last, stop)
    return ", ".join(
        f"{name} between {utc_text(begin)} and {utc_text(stop)} UTC"
        for name, (begin, stop) in joined.items()
    )

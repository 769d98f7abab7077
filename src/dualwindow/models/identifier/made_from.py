"""The candles that a model or a saved prediction was made from, and whether they have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.candles.sums import CandleSums, Stretch, SummedCandles

#: Candles of one block: a day of minutes, and an hour where a command may see only a part.
BLOCK: Final = 1440
FINE_BLOCK: Final = 60

#: Bits of a float32 feature that count: summation in another order changes the last few.
_SIGNIFICANT: Final = np.uint32(0xFFFFFF00)


@dataclass(frozen=True)
class FeatureRows:
    """Features of rows of candles, summed up.

    Attributes:
        digest: of their values to four digits.
        unknown: rows without a value in every feature, those that are not there included.
    """

    digest: str
    unknown: int


@dataclass(frozen=True)
class MadeFrom:
    """Everything that FreqAI knew of candles when it made a model or predicted a slice.

    Attributes:
        first: date of the first own row, of the training, seconds since 1970.
        until: end of the last own row, of the training or the slice.
        series: pair and timeframe, as `series_name` writes them, to the sums of their candles from
            the first that was loaded up to `until`.
        rows: the own rows' features; None where only the candles are known.
    """

    first: int
    until: int
    series: Mapping[str, tuple[CandleSums, ...]]
    rows: FeatureRows | None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where `to_dict` did not make the content."""
        rows = content["rows"]
        return cls(
            int(content["first"]),
            int(content["until"]),
            {
                str(name): tuple(CandleSums.from_dict(part) for part in parts)
                for name, parts in content["series"].items()
            },
            None if rows is None else FeatureRows(str(rows["digest"]), int(rows["unknown"])),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        rows = self.rows
        return {
            "first": self.first,
            "until": self.until,
            "series": {
                name: [part.to_dict() for part in parts] for name, parts in self.series.items()
            },
            "rows": None if rows is None else {"digest": rows.digest, "unknown": rows.unknown},
        }

    def changes(
        self, candles: Mapping[str, SummedCandles], since: int | None = None
    ) -> dict[str, Stretch]:
        """Series whose candles differ, to the stretch of time that holds all their changes.

        Blocks that end before `since`, seconds since 1970, do not count; neither do blocks that
        the candles of now do not cover.
        """
        found = {}
        for name, parts in self.series.items():
            if name not in candles:
                continue
            blocks = [block for part in parts for block in candles[name].changes(part)]
            blocks = [block for block in blocks if since is None or block[1] > since]
            if blocks:
                found[name] = blocks[0][0], blocks[-1][1]
        return found

    def begin(self, name: str) -> int | None:
        """Date of the first candle of a series, seconds since 1970; None without any."""
        begins = [part.begin for part in self.series.get(name, ()) if part.sums]
        return min(begins, default=None)


class Change(Enum):
    """How the candles of now compare with those that something was made from."""

    NONE = "none"
    #: Fewer are loaded now; where both reach they are the same.
    LOADS_LESS = "loads less"
    #: Older ones are there now, and rows are known that were not.
    OLDER_CANDLES = "older candles"
    CANDLES = "candles"
    #: The model that predicted was trained again.
    MODEL = "model"
    #: It is not known which candles there were.
    RECORD = "record"


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    Attributes:
        change: its kind.
        where: the stretch that changed, by series; without an effect where `change` is NONE.
    """

    change: Change
    where: Mapping[str, Stretch]

    @property
    def is_current(self) -> bool:
        """Whether what was made is what would be made now, or was made from more."""
        return self.change in (Change.NONE, Change.LOADS_LESS)


def compare(
    made: MadeFrom,
    candles: Mapping[str, SummedCandles],
    rows_now: Callable[[int, int], FeatureRows],
) -> Comparison:
    """Compare the candles of now with those that a model or prediction was made from.

    Candles before the own rows matter as far as features look back, which the features alone
    know; they are asked for only where such candles have changed.

    Args:
        made: what was noted then.
        candles: of now, by series.
        rows_now: from begin and end, seconds since 1970, to the features of now.
    """
    where = made.changes(candles)
    if made.changes(candles, since=made.first):
        return Comparison(Change.CANDLES, where)
    begins = {name: made.begin(name) for name in made.series}
    pairs = [
        (begin, candles[name].begin)
        for name, begin in begins.items()
        if begin is not None and name in candles
    ]
    loads_less = any(then < now for then, now in pairs)
    loads_more = any(now < then for then, now in pairs)
    same = Comparison(Change.LOADS_LESS if loads_less else Change.NONE, where)
    if not where and not (loads_more and made.rows is not None and made.rows.unknown):
        return same
    if made.rows is None:
        return Comparison(Change.CANDLES, where)
    now = rows_now(made.first, made.until)
    if where:
        changed = now.digest != made.rows.digest
        return Comparison(Change.CANDLES, where) if changed else same
    return Comparison(Change.OLDER_CANDLES, {}) if now.unknown < made.rows.unknown else same


def summed_rows(features: NDArray[np.float32], expected: int) -> FeatureRows:
    """Sum up (N, F) features of rows of which `expected` should be there."""
    known = np.isfinite(features)
    whole = np.where(known, features, np.float32(np.nan)).astype(np.float32)
    content = np.ascontiguousarray(whole.view(np.uint32) & _SIGNIFICANT).data
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return FeatureRows(digest, expected - int(np.count_nonzero(known.all(axis=1))))


def series_name(pair: str, timeframe: str) -> str:
    """The name of a pair's candles of a timeframe, for messages too.

    Example:
        >>> series_name("BTC/USDT", "5m")
        'BTC/USDT 5m'
    """
    return f"{pair} {timeframe}"

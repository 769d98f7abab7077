"""Drift: how far features lie from those of the training.

The measure is the population stability index of a feature's deciles (N. Siddiqi, Credit Risk
Scorecards, 2006; the divergence of H. Jeffreys, 1946). Its usual limits of 0.1 and 0.25 are of
independent samples, and a day of candles is none: a moving average of a month hardly moves in it.
So a feature counts as drifted where its index is above that of every stretch of the training that
is as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dualwindow.runtime.counts import counted

#: Candles that are compared: a day of them, but no fewer than this.
_LEAST: Final = 100
_DAY: Final = 86_400
#: Stretches that a training must hold, or they are made shorter.
_STRETCHES: Final = 8
#: Candles of a stretch below which nothing can be told.
_TOO_FEW: Final = 20
_DECILES: Final = np.arange(1, 10) / 10.0
#: Candles, evenly spaced, that deciles are found of; bins are counted over all candles.
_DECILE_ROWS: Final = 100_000
#: Added to every count, so that an empty bin is no infinity.
_PRIOR: Final = 0.5
#: Words where there is no drift to tell.
UNKNOWN_DRIFT: Final = (
    "drift is not known: it takes a day of predicted candles, and a model of this version"
)
#: Drifted features that a line names.
_NAMED: Final = 5


@dataclass(frozen=True)
class FeatureDrift:
    """One feature.

    Attributes:
        name: of the feature.
        index: population stability index of the newest candles.
        limit: the largest of any stretch of the training that is as long.
    """

    name: str
    index: float
    limit: float

    @property
    def drifted(self) -> bool:
        """Whether it lies farther from the training than the training ever lay from itself."""
        return self.index > self.limit


@dataclass(frozen=True)
class Drift:
    """The newest candles of a pair beside the training of its model.

    Attributes:
        candles: that were compared.
        features: the drifted ones first, by how far they are above their limits.
    """

    candles: int
    features: tuple[FeatureDrift, ...]

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """The drifted features."""
        return tuple(feature for feature in self.features if feature.drifted)

    @property
    def text(self) -> str:
        """The drifted features in one line, the farthest ones by name."""
        found, of_these = self.drifted, f"in the newest {counted(self.candles, 'candle')}"
        of = f"of {counted(len(self.features), 'feature')}"
        if not found:
            return f"no drift {of} {of_these}"
        named = ", ".join(feature.name for feature in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return f"{len(found)} {of} drifted {of_these}: {named}{more}"


@dataclass(frozen=True)
class FeatureSpread:
    """How a training's features are spread.

    Attributes:
        candles: of a stretch that is compared.
        edges: feature name to the limits between its bins, rising: its deciles and both ends.
        shares: feature name to the share of the training's candles in every bin.
        limits: feature name to the largest index of a stretch of the training.
    """

    candles: int
    edges: Mapping[str, tuple[float, ...]]
    shares: Mapping[str, tuple[float, ...]]
    limits: Mapping[str, float]

    @classmethod
    def of(
        cls, names: tuple[str, ...], features: NDArray[np.floating], candle_seconds: int
    ) -> Self | None:
        """The spread of (N, C) features in time order; None for too few candles.

        Rows with an unknown value are left out.
        """
        known = np.isfinite(features).all(axis=1)
        features = features if known.all() else features[known]
        candles = min(_day(candle_seconds), len(features) // _STRETCHES)
        if candles < _TOO_FEW:
            return None
        edges, shares, limits = {}, {}, {}
        for at, name in enumerate(names):
            column = features[:, at].astype(np.float64)
            # Bins are those of the numbers that are written down; the outer two are of values that
            # the training has never seen.
            some = column[:: -(-len(column) // _DECILE_ROWS)]
            found = {float(f"{edge:.6g}") for edge in np.quantile(some, _DECILES)}
            beyond = np.nextafter(np.float32(column.max()), np.float32(np.inf))
            edges[name] = tuple(sorted({*found, float(column.min()), float(beyond)}))
            bins = np.searchsorted(edges[name], column, side="right")
            number = len(edges[name]) + 1
            counts = np.bincount(bins, minlength=number)
            shares[name] = tuple(round(share, 6) for share in (counts / len(column)).tolist())
            stretches = bins[: len(bins) // candles * candles].reshape(-1, candles)
            parts = [np.bincount(own, minlength=number) for own in stretches]
            # Beside the rest of the training: as part of it a stretch would look nearer.
            rest = len(column) - candles
            limits[name] = max(
                stability_index(own, tuple(((counts - own) / rest).tolist())) for own in parts
            )
        return cls(candles, edges, shares, limits)

    @classmethod
    def of_parts(
        cls,
        names: tuple[str, ...],
        parts: Sequence[NDArray[np.floating]],
        candle_seconds: int,
        most: int | None = None,
    ) -> Self | None:
        """The spread of parts of a training, such as its pairs, each (N, C) in time order.

        Of more than `most` candles altogether, that many are looked at: whole days, evenly spaced,
        so that a file that is larger than memory is not read as a whole.
        """
        if most is not None and sum(map(len, parts)) > most:
            parts = _some_days(parts, _day(candle_seconds), most)
        if not parts:
            return None
        features = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return cls.of(names, features, candle_seconds)

    @property
    def names(self) -> tuple[str, ...]:
        """(C,) names of the features."""
        return tuple(self.edges)

    @cached_property
    def _table(self) -> NDArray[np.float64]:
        """(C, 11) limits between bins, filled up with infinity."""
        table = np.full((len(self.edges), len(_DECILES) + 2), np.inf)
        for row, edges in zip(table, self.edges.values(), strict=True):
            row[: len(edges)] = edges
        return table

    def bins(self, row: NDArray[np.floating]) -> bytes | None:
        """The bins of (C,) features of one candle, a byte each; None where one is unknown."""
        if not np.isfinite(row).all():
            return None
        found = (row.astype(np.float64)[:, None] >= self._table).sum(axis=1)
        return bytes(found.astype(np.uint8))

    def drift(self, bins: NDArray[np.uint8]) -> Drift | None:
        """The drift of the last rows of (N, C) bins; None where they are fewer than a stretch."""
        if len(bins) < self.candles:
            return None
        newest = bins[-self.candles :]
        found = [
            FeatureDrift(
                name,
                stability_index(np.bincount(newest[:, at], minlength=len(shares)), shares),
                self.limits[name],
            )
            for at, (name, shares) in enumerate(self.shares.items())
        ]
        found.sort(key=lambda feature: feature.limit - feature.index)
        return Drift(self.candles, tuple(found))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        features = {
            name: {
                "edges": list(self.edges[name]),
                "shares": list(self.shares[name]),
                "limit": self.limits[name],
            }
            for name in self.edges
        }
        return {"candles": self.candles, "features": features}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where `to_dict` did not make the content."""
        features = dict(content["features"])
        return cls(
            int(content["candles"]),
            {name: tuple(map(float, own["edges"])) for name, own in features.items()},
            {name: tuple(map(float, own["shares"])) for name, own in features.items()},
            {name: float(own["limit"]) for name, own in features.items()},
        )


def stability_index(counts: NDArray[np.int64], shares: tuple[float, ...]) -> float:
    """Population stability index of counts by bin against shares: sum of (p - q) ln(p / q).

    Half a candle is added to every bin of both.

    Example:
        >>> round(stability_index(np.array([50, 50]), (0.5, 0.5)), 3)
        0.0
        >>> round(stability_index(np.array([90, 10]), (0.5, 0.5)), 2)
        0.85
    """
    total = float(counts.sum())
    whole = total + _PRIOR * len(counts)
    now = (counts + _PRIOR) / whole
    then = (np.array(shares) * total + _PRIOR) / whole
    return float(((now - then) * np.log(now / then)).sum())


def _day(candle_seconds: int) -> int:
    """Candles that are compared, where there are enough."""
    return max(_DAY // candle_seconds, _LEAST)


def _some_days(
    parts: Sequence[NDArray[np.floating]], day: int, most: int
) -> list[NDArray[np.floating]]:
    """At most `most` rows in stretches of a day, evenly spaced over the whole days of all parts."""
    before = np.cumsum([0, *(len(part) // day for part in parts)])
    wanted = min(max(most // day, 1), int(before[-1]))
    found = []
    for number in np.linspace(0, before[-1] - 1, wanted).astype(np.int64):
        at = int(np.searchsorted(before, number, side="right")) - 1
        first = int(number - before[at]) * day
        found.append(parts[at][first : first + day])
    return found

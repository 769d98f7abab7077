"""Permutation importance: how much worse a model is without the content of a feature.

A feature, or a part of the window, is replaced by that of another day at the same time of day, so
that its values stay possible, hours keep their character, and labels that overlap move together
(Breiman 2001, Random forests; whole blocks as in the block bootstrap). What the model then loses is
what it took from there. Features that say the same thing stand in for one another: each alone may
seem to matter little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import LONG, SHORT
from dualwindow.evaluation.evidence.day_clusters import DayEstimate, day_mean
from dualwindow.evaluation.losses import row_losses

#: A feature, or all features of some candles of the window.
Kind = Literal["feature", "part of the window"]
#: Replacements that are averaged.
REPEATS: Final = 3
_DAY: Final = 86_400
#: Parts of the window.
_PARTS: Final = 4


@dataclass(frozen=True)
class Loss:
    """A mean with the ends of its 95 % interval over days; None where these are too few."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, estimate: DayEstimate) -> Self:
        """With the interval of an estimate."""
        interval = estimate.interval()
        if interval is None:
            return cls(estimate.value, None, None)
        return cls(interval.value, interval.low, interval.high)

    def text(self, decimals: int) -> str:
        """Value and interval, such as `+0.0120 [+0.0080, +0.0160]`."""
        shown = f"{self.value:+.{decimals}f}"
        if self.low is None or self.high is None:
            return f"{shown} [too few days]"
        return f"{shown} [{self.low:+.{decimals}f}, {self.high:+.{decimals}f}]"


@dataclass(frozen=True)
class Importance:
    """What is lost without one feature or one part of the window.

    Attributes:
        name: of the feature, or the candles of the part.
        kind: which of them it is.
        log_loss: rise of the log loss, nats a candle.
        edge_pct: fall of what the likelier side earns beyond a coin flip, percent of a trade's
            stake; None without prices.
    """

    name: str
    kind: Kind
    log_loss: Loss
    edge_pct: Loss | None


@dataclass(frozen=True)
class Importances:
    """Importance of every feature and part of the window, each kind by falling rise of log loss.

    Attributes:
        period: of the candles, in words.
        rows: windows that were looked at.
        days: on which they ended.
        found: the features, then the parts.
    """

    period: str
    rows: int
    days: int
    found: list[Importance]


@dataclass(frozen=True)
class WindowRows:
    """M windows with what happened after them.

    Attributes:
        windows: (M, P, C) float32.
        labels: (M,) class codes, all known.
        seconds: (M,) dates of their last candles.
        pair: (M,) numbers of their pairs.
        profit: (M, 2) of a SHORT and a LONG that is entered then, fraction of the stake, NaN where
            it is not known; None without prices.
    """

    windows: NDArray[np.float32]
    labels: NDArray[np.integer]
    seconds: NDArray[np.int64]
    pair: NDArray[np.int64]
    profit: NDArray[np.float64] | None

    @property
    def day(self) -> NDArray[np.int64]:
        """(M,) days since 1970."""
        return self.seconds // _DAY


#: Name to the candles and features, of a window, that are replaced.
Places = Mapping[tuple[str, Kind], tuple[slice, Sequence[int]]]


def places_of(names: Sequence[str], window: Sequence[int], candles: int) -> Places:
    """Every feature, and the window in four parts.

    Args:
        names: (C,) features.
        window: positions of those that the window is made of; the others count at its last candle.
        candles: P.

    Example:
        >>> places = places_of(["close_change"], [0], 8)
        >>> [name for name, _ in places]
        ['close_change', 'candles 1 to 2 back', 'candles 3 to 4 back', 'candles 5 to 6 back', \
'candles 7 to 8 back']
    """
    found: dict[tuple[str, Kind], tuple[slice, Sequence[int]]] = {
        (name, "feature"): (slice(None), (place,)) for place, name in enumerate(names)
    }
    edges = [round(candles * part / _PARTS) for part in range(_PARTS + 1)]
    for newer, older in pairwise(edges):
        if older > newer:
            part = slice(candles - older, candles - newer)
            found[f"candles {newer + 1} to {older} back", "part of the window"] = part, window
    return found


def importances(
    rows: WindowRows,
    predict: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    places: Places,
    *,
    period: str = "",
    seed: int = 0,
) -> Importances:
    """Replace one place after another by that of other days, and see what is lost.

    Args:
        rows: windows of at least two days of every pair.
        predict: (M, P, C) windows to (M, 3) probabilities.
        places: from `places_of`.
        period: of the candles, in words.
        seed: of the days that stand in for each other.
    """
    random = np.random.default_rng(seed)
    donors = [_donors(rows, random) for _ in range(REPEATS)]
    loss, edge = _row_figures(rows, predict(rows.windows))
    found = []
    for (name, kind), (candles, features) in places.items():
        lost, missed = np.zeros(len(rows.labels)), np.zeros(len(rows.labels))
        for donor in donors:
            replaced = rows.windows.copy()
            at = np.arange(replaced.shape[1])[candles], np.asarray(features, np.int64)
            replaced[np.ix_(np.arange(len(donor)), *at)] = rows.windows[np.ix_(donor, *at)]
            other_loss, other_edge = _row_figures(rows, predict(replaced))
            lost += (other_loss - loss) / REPEATS
            missed += (edge - other_edge) / REPEATS
        fall = Loss.of(day_mean(missed, rows.day).times(100.0)) if rows.profit is not None else None
        found.append(Importance(name, kind, Loss.of(day_mean(lost, rows.day)), fall))
    found.sort(key=lambda each: (each.kind != "feature", -each.log_loss.value))
    return Importances(period, len(rows.labels), len(np.unique(rows.day)), found)


def _donors(rows: WindowRows, random: np.random.Generator) -> NDArray[np.int64]:
    """(M,) for every window one of the same pair on another day, closest in the time of day."""
    donors = np.arange(len(rows.labels))
    for pair in np.unique(rows.pair):
        own = np.flatnonzero(rows.pair == pair)
        days = random.permutation(np.unique(rows.day[own]))
        # Every day takes the next one in a circle by chance, so that none takes itself.
        for day, other in zip(days, np.roll(days, 1), strict=True):
            mine, theirs = (own[rows.day[own] == each] for each in (day, other))
            apart = np.abs(rows.seconds[mine, None] % _DAY - rows.seconds[None, theirs] % _DAY)
            donors[mine] = theirs[np.minimum(apart, _DAY - apart).argmin(axis=1)]
    return donors


def _row_figures(
    rows: WindowRows, probabilities: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(M,) log losses, and (M,) what the likelier side earned beyond a coin flip, 0 unknown."""
    loss = row_losses(rows.labels, probabilities)[:, 0]
    if rows.profit is None:
        return loss, np.zeros(len(loss))
    half = np.nan_to_num((rows.profit[:, 1] - rows.profit[:, 0]) / 2)
    return loss, np.where(probabilities[:, LONG] >= probabilities[:, SHORT], half, -half)

"""What anybody could say without a network, fitted on the training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES

PRIOR: Final = "prior"
VOLATILITY: Final = "volatility"
MAJORITY: Final = "majority"
SHUFFLED: Final = "shuffled"

#: Baselines as they are called in sentences.
BASELINE_TITLES: Final = {
    PRIOR: "class prior",
    VOLATILITY: "volatility baseline",
    MAJORITY: "majority class",
    SHUFFLED: "shuffled labels",
}

_BINS: Final = 10


@dataclass(frozen=True)
class Baselines:
    """Four forecasts that know the training rows' labels and volatility and nothing else.

    Attributes:
        prior: (3,) class shares of the training rows, each class counted once more than it was.
        edges: (9,) volatilities between the deciles of the training rows; empty where the
            volatility is not known.
        shares: class shares in each decile, one more than there are edges. Where labels overlap a
            decile holds few independent ones, so that some rows of the prior are mixed in.
        shuffled: likewise after the labels were shuffled among the rows: what the table finds
            where there is nothing to find.
    """

    prior: tuple[float, ...]
    edges: tuple[float, ...]
    shares: tuple[tuple[float, ...], ...]
    shuffled: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(
        cls,
        labels: NDArray[np.integer],
        volatility: NDArray[np.floating] | None,
        *,
        mixed_in: int,
        seed: int = 0,
    ) -> Baselines:
        """Fit on training rows.

        Args:
            labels: (N,) class codes, all known.
            volatility: (N,) trailing volatility of the same rows; None where it is not known.
            mixed_in: rows of the prior that are added to each decile; F, for labels that look F
                candles ahead.
            seed: of the shuffle.
        """
        counts = np.bincount(labels, minlength=len(CLASS_NAMES)) + 1
        prior = counts / counts.sum()
        if volatility is None or not len(labels):
            edges, bins = np.empty(0), np.zeros(len(labels), dtype=np.int64)
        else:
            edges = np.quantile(volatility, np.arange(1, _BINS) / _BINS)
            bins = _bins(volatility, edges)
        shuffled = np.random.default_rng(seed).permutation(labels)
        return cls(
            prior=tuple(prior.tolist()),
            edges=tuple(edges.tolist()),
            shares=_table(labels, bins, len(edges) + 1, prior * mixed_in),
            shuffled=_table(shuffled, bins, len(edges) + 1, prior * mixed_in),
        )

    def probabilities(
        self, rows: int, volatility: NDArray[np.floating] | None
    ) -> dict[str, NDArray[np.float64]]:
        """What each baseline says of other rows, without a look at their labels.

        Args:
            rows: M.
            volatility: (M,) of these rows; None leaves out those that need it.

        Returns:
            Name to (M, 3). The majority class is said with its share, and the rest is shared
            evenly by the other two.
        """
        prior = np.array(self.prior)
        share = prior.max()
        majority = np.where(np.arange(len(prior)) == prior.argmax(), share, (1 - share) / 2)
        found = {PRIOR: np.tile(prior, (rows, 1)), MAJORITY: np.tile(majority, (rows, 1))}
        if volatility is not None and self.edges:
            bins = _bins(volatility, np.array(self.edges))
            found[VOLATILITY] = np.array(self.shares)[bins]
            found[SHUFFLED] = np.array(self.shuffled)[bins]
        return found

    def decisions(
        self, probabilities: Mapping[str, NDArray[np.float64]], *, seed: int = 0
    ) -> dict[str, NDArray[np.int8]]:
        """What each baseline would decide: the likeliest class; shuffled labels draw theirs.

        Args:
            probabilities: name to (M, 3), from `probabilities`.
            seed: of the draws.

        Returns:
            Name to (M,) class codes.
        """
        found = {name: each.argmax(axis=1).astype(np.int8) for name, each in probabilities.items()}
        if SHUFFLED in probabilities:
            below = np.cumsum(probabilities[SHUFFLED], axis=1)[:, :-1]
            draws = np.random.default_rng(seed).random(len(below))
            found[SHUFFLED] = (draws[:, None] >= below).sum(axis=1).astype(np.int8)
        return found

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        tables = {name: [list(row) for row in getattr(self, name)] for name in ("shares", SHUFFLED)}
        return {"prior": list(self.prior), "edges": list(self.edges), **tables}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Baselines:
        """Read what `to_dict` made.

        Raises:
            ValueError: when the shapes do not fit; KeyError or TypeError when it is something else.
        """
        found = cls(
            prior=tuple(map(float, content["prior"])),
            edges=tuple(map(float, content["edges"])),
            shares=tuple(tuple(map(float, row)) for row in content["shares"]),
            shuffled=tuple(tuple(map(float, row)) for row in content[SHUFFLED]),
        )
        expected = (len(found.edges) + 1, len(CLASS_NAMES))
        shapes = {np.shape(found.shares), np.shape(found.shuffled)}
        if len(found.prior) != len(CLASS_NAMES) or shapes != {expected}:
            raise ValueError(f"baselines of {len(found.prior)} classes and tables {shapes}")
        return found


def _bins(volatility: NDArray[np.floating], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.searchsorted(edges, volatility, side="right"), dtype=np.int64)


def _table(
    labels: NDArray[np.integer],
    bins: NDArray[np.int64],
    rows: int,
    mixed_in: NDArray[np.float64],
) -> tuple[tuple[float, ...], ...]:
    """Class shares of each bin."""
    cells = bins * len(CLASS_NAMES) + labels
    counts = np.bincount(cells, minlength=rows * len(CLASS_NAMES)).reshape(rows, -1) + mixed_in
    shares = counts / counts.sum(axis=1, keepdims=True)
    return tuple(tuple(row) for row in shares.tolist())

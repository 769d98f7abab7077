"""Baselines: forecasts without a network, fitted on the training rows alone."""

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

#: Names of the baselines in sentences.
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
        prior: (3,) class shares of the training rows, a row of every class added.
        edges: (9,) volatilities between the deciles of the training rows; empty where the
            volatility is not known.
        shares: class shares by decile, one more than there are edges. Where labels overlap a
            decile holds few independent ones, so that some rows of the prior are mixed in.
        shuffled: class shares by decile after the labels were shuffled among the rows: the result
            of the table where there is nothing to find.
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
            mixed_in: rows of the prior that are added to every decile; the future window in
                candles, by which labels overlap.
            seed: of the shuffle.

        Example:
            >>> baselines = Baselines.fit(np.array([0, 1, 1, 1, 1, 1, 2]), None, mixed_in=0)
            >>> baselines.prior
            (0.2, 0.6, 0.2)
            >>> baselines.probabilities(1, None)["majority"].tolist()
            [[0.2, 0.6, 0.2]]
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
        """Forecasts of other rows, whose labels are not used.

        Args:
            rows: M.
            volatility: (M,) of these rows; None leaves out the baselines that need it.

        Returns:
            Name to (M, 3). The majority class has its share, the other two share the rest evenly.
        """
        prior = np.array(self.prior)
        share = prior.max()
        majority = np.where(np.arange(len(prior)) == prior.argmax(), share, (1 - share) / 2)
        forecasts = {PRIOR: np.tile(prior, (rows, 1)), MAJORITY: np.tile(majority, (rows, 1))}
        if volatility is not None and self.edges:
            bins = _bins(volatility, np.array(self.edges))
            forecasts[VOLATILITY] = np.array(self.shares)[bins]
            forecasts[SHUFFLED] = np.array(self.shuffled)[bins]
        return forecasts

    def decisions(
        self, probabilities: Mapping[str, NDArray[np.float64]], *, seed: int = 0
    ) -> dict[str, NDArray[np.int8]]:
        """Name to (M,) class codes: the likeliest of (M, 3); shuffled labels draw theirs."""
        decisions = {
            name: shares.argmax(axis=1).astype(np.int8) for name, shares in probabilities.items()
        }
        if SHUFFLED in probabilities:
            below = np.cumsum(probabilities[SHUFFLED], axis=1)[:, :-1]
            draws = np.random.default_rng(seed).random(len(below))
            decisions[SHUFFLED] = (draws[:, None] >= below).sum(axis=1).astype(np.int8)
        return decisions

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        tables = {name: [list(row) for row in getattr(self, name)] for name in ("shares", SHUFFLED)}
        return {"prior": list(self.prior), "edges": list(self.edges), **tables}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Baselines:
        """Read the result of `to_dict`.

        Raises:
            ValueError: when the shapes do not fit; KeyError or TypeError for other content.
        """
        baselines = cls(
            prior=tuple(map(float, content["prior"])),
            edges=tuple(map(float, content["edges"])),
            shares=tuple(tuple(map(float, row)) for row in content["shares"]),
            shuffled=tuple(tuple(map(float, row)) for row in content[SHUFFLED]),
        )
        expected = (len(baselines.edges) + 1, len(CLASS_NAMES))
        shapes = {np.shape(baselines.shares), np.shape(baselines.shuffled)}
        if len(baselines.prior) != len(CLASS_NAMES) or shapes != {expected}:
            raise ValueError(f"baselines of {len(baselines.prior)} classes and tables {shapes}")
        return baselines


def _bins(volatility: NDArray[np.floating], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.searchsorted(edges, volatility, side="right"), dtype=np.int64)


def _table(
    labels: NDArray[np.integer],
    bins: NDArray[np.int64],
    rows: int,
    mixed_in: NDArray[np.float64],
) -> tuple[tuple[float, ...], ...]:
    """Class shares by bin."""
    cells = bins * len(CLASS_NAMES) + labels
    counts = np.bincount(cells, minlength=rows * len(CLASS_NAMES)).reshape(rows, -1) + mixed_in
    shares = counts / counts.sum(axis=1, keepdims=True)
    return tuple(tuple(row) for row in shares.tolist())

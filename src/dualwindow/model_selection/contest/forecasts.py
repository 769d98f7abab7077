"""A contender's forecast, and the baselines: forecasts of the training rows' class shares.

A contender returns its probabilities of the validation and of the test rows, and the class shares
that it has learned from. Calibrating and scoring them is the same for all, and not its business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, CLOSE_CHANGE
from dualwindow.data.datasets.statistics import trained_prior
from dualwindow.data.features.windows import trailing_volatility
from dualwindow.evaluation.baselines import PRIOR, VOLATILITY, Baselines
from dualwindow.model_selection.contest.market import Fold

#: Names of the baselines in tables.
PRIOR_NAME: Final = "class prior"
TABLE_NAME: Final = "volatility table"


@dataclass(frozen=True)
class Forecast:
    """Probabilities of a contender.

    Attributes:
        validation: (M, 3) of the validation rows.
        test: (K, 3) of the test rows.
        trained: (3,) class shares that it has learned from, none 0.
    """

    validation: NDArray[np.floating]
    test: NDArray[np.floating]
    trained: tuple[float, ...]


#: Fits on the training rows of a fold with a seed.
Contender = Callable[[Fold, int], Forecast]


def learned_shares(fold: Fold, *, mirrored: bool = False) -> tuple[float, ...]:
    """(3,) class shares of the training rows, each class counted once more than it was.

    `mirrored` tells whether every row was learned from with its mirror image.
    """
    counts = np.bincount(fold.market.labels[fold.train], minlength=len(CLASS_NAMES))
    return trained_prior(counts, "none", mirrored=mirrored)


def prior(fold: Fold, _seed: int) -> Forecast:
    """The class shares of the training rows."""
    return _baseline(PRIOR, fold, lambda _: None)


def volatility_table(fold: Fold, _seed: int) -> Forecast:
    """The class shares by decile of trailing volatility."""
    dataset, window = fold.market.dataset, fold.market.config.window_size
    changes = dataset.features[:, dataset.names.index(CLOSE_CHANGE)]
    return _baseline(VOLATILITY, fold, lambda rows: trailing_volatility(changes, rows, window))


def _baseline(
    name: str, fold: Fold, known: Callable[[NDArray[np.int64]], NDArray[np.float64] | None]
) -> Forecast:
    labels, mixed_in = fold.market.labels[fold.train], fold.market.config.future_window
    baselines = Baselines.fit(labels, known(fold.train), mixed_in=mixed_in)
    validation, test = (
        baselines.probabilities(len(rows), known(rows))[name]
        for rows in (fold.validation, fold.test)
    )
    return Forecast(validation, test, learned_shares(fold))

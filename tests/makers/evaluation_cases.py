"""Labels and probabilities made up at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """Rows of a made-up evaluation.

    Attributes:
        labels: (N,) int8.
        probabilities: (N, 3) float32.
        volatility: (N,).
        seconds: (N,) in no order, with doubles.
    """

    labels: Array
    probabilities: Array
    volatility: Array
    seconds: Array


def random_case(seed: int, rows: int) -> Case:
    """A case in which probabilities, volatility and labels have nothing to do with each other."""
    random = np.random.default_rng(seed)
    return Case(
        labels=random.integers(0, 3, rows).astype(np.int8),
        probabilities=random.dirichlet([1, 1, 1], rows).astype(np.float32),
        volatility=random.gamma(2.0, 0.001, rows),
        seconds=random.integers(0, rows // 2 + 1, rows) * 60 + 1_700_000_000,
    )


def cases(max_rows: int = 40) -> st.SearchStrategy[Case]:
    return st.builds(random_case, seed=st.integers(0, 2**31), rows=st.integers(1, max_rows))

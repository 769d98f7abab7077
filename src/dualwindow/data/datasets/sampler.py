"""Which windows an epoch trains on and in which order, found a stretch at a time.

The order is a function of (seed, epoch) alone. It is never written out: a keyed permutation gives
for each position the row that stands there, so an epoch over years of candles takes no memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.statistics import ClassBalance, drawn_counts, sampled_counts

#: Rounds of the permutation; four suffice for a pseudo-random one, more mix small sets better.
_ROUNDS: Final = 8


class KeyedPermutation:
    """A pseudo-random permutation of 0 ... n - 1, computed position by position.

    A generalised Feistel network over a table of nearly square shape, whose results are walked on
    until they lie below n (Black and Rogaway 2002, Ciphers with arbitrary finite domains). The
    round function is the finalizer of SplitMix64 (Steele et al. 2014).

    Args:
        n: how many numbers are permuted.
        key: equal keys give equal permutations.
    """

    def __init__(self, n: int, key: list[int]) -> None:
        self._n = n
        rows = math.isqrt(max(n - 1, 0)) + 1
        # At most one row more than n needs, so that hardly a result has to be walked on.
        self._shape = np.uint64(rows), np.uint64(max(-(-n // rows), 1))
        self._keys = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """(M,) images of (M,) positions, each in 0 ... n - 1."""
        values = self._feistel(positions.astype(np.uint64))
        outside = np.flatnonzero(values >= self._n)
        while len(outside):
            values[outside] = self._feistel(values[outside])
            outside = outside[values[outside] >= self._n]
        return values.astype(np.int64)

    def _feistel(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        rows, columns = self._shape
        row, column = np.divmod(values, columns)
        # Each half in turn is moved by a function of the other, which can be undone.
        for even, odd in self._keys.reshape(-1, 2):
            row = (row + _moved(column, even)) % rows
            column = (column + _moved(row, odd)) % columns
        return np.asarray(row * columns + column)


@dataclass(frozen=True)
class EpochPart:
    """Some windows of an epoch in the order of training: (M,) last rows, classes and mirroring.

    The classes are those before mirroring.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


class EpochOrder:
    """The windows of one epoch: a function of (seed, epoch) and the candidates alone.

    Args:
        candidates: all training rows.
        balance: undersample draws every class down to the rarest that occurs, again each epoch.
        mirror: whether each window is mirrored with probability one half.
        seed: of the training.
        epoch: counted from 0.
        every: every n-th candidate of a class is taken, from a beginning that changes from epoch
            to epoch; neighbouring windows share all candles but one, and teach little new.

    Example:
        >>> from dualwindow.data.datasets.dataset import ClassIndex, Dataset, PairSpan
        >>> labels = np.array([0, 1, 1, 1, 2, 2], np.int8)
        >>> columns = 60 * np.arange(6), np.zeros((6, 1), np.float32), labels
        >>> pairs = (PairSpan("BTC/USDT", 0, 6),)
        >>> dataset = Dataset(("close_change",), *columns, pairs, 60, ClassIndex(labels))
        >>> balance = dict(balance="undersample", mirror=False)
        >>> order = EpochOrder(dataset.labelled(), **balance, seed=42, epoch=0)
        >>> sorted(order.part(0, len(order)).labels.tolist())
        [0, 1, 2]
    """

    def __init__(
        self,
        candidates: Selection,
        *,
        balance: ClassBalance,
        mirror: bool,
        seed: int,
        epoch: int,
        every: int = 1,
    ) -> None:
        self._candidates = candidates
        self._mirror = mirror
        self._every = every
        self._ends = np.cumsum(drawn_counts(candidates.counts, balance, every))
        sampled = sampled_counts(candidates.counts, every).tolist()
        self._order = KeyedPermutation(len(self), [seed, epoch, len(CLASS_NAMES)])
        self._draws = [
            KeyedPermutation(count, [seed, epoch, code]) for code, count in enumerate(sampled)
        ]
        # As many epochs as there are beginnings share no row; then another round begins, shifted by
        # what is left at the end, so that every row has its turn.
        round_, place = divmod(epoch, every)
        drawn = np.random.default_rng([seed, round_, 98])
        places = np.maximum(candidates.counts - (np.array(sampled) - 1) * every, 1)
        shifts = drawn.integers(np.maximum(places - every + 1, 1))
        self._begins = np.minimum(shifts + drawn.permutation(every)[place], places - 1)
        self._mirror_key = np.random.SeedSequence([seed, epoch, 99]).generate_state(1, np.uint64)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def part(self, start: int, stop: int) -> EpochPart:
        """The windows at the positions `start` up to but not including `stop`."""
        return self.at(np.arange(start, min(stop, len(self))))

    def at(self, positions: NDArray[np.int64]) -> EpochPart:
        """The windows at (M,) positions below the epoch's length."""
        shuffled = self._order(positions)
        labels = np.searchsorted(self._ends, shuffled, side="right")
        rows = np.empty(len(positions), dtype=np.int64)
        for code, draw in enumerate(self._draws):
            of_class = labels == code
            first = self._ends[code - 1] if code else 0
            ordinals = self._begins[code] + self._every * draw(shuffled[of_class] - first)
            rows[of_class] = self._candidates.rows(code, ordinals)
        return EpochPart(rows, labels.astype(np.int64), self._mirrored(positions))

    def _mirrored(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        if not self._mirror:
            return np.zeros(len(positions), dtype=np.bool_)
        mixed = _mixed(positions.astype(np.uint64) + self._mirror_key)
        return np.asarray(mixed & np.uint64(1) == 1)


def _moved(half: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    # Below 2**63, so that adding a half to it never wraps: that would end the permutation.
    return np.asarray(_mixed(half + key) >> np.uint64(1))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer: every bit of the input moves about half of the output's bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))

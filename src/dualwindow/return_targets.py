"""What the auxiliary head learns: returns of the next candles over the volatility before them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLOSE_CHANGE
from dualwindow.dataset import Dataset
from dualwindow.errors import SettingsError
from dualwindow.evaluation.volatility import trailing_volatility
from dualwindow.settings import TrainingConfig

#: Candles of the nearer horizon; the farther one is the label's own.
NEAR_HORIZON: Final = 30
#: Targets are clipped to this on either side, so that a calm hour before news does not rule a step.
TARGET_BOUND: Final = 8.0
#: Changes gathered in one go.
_VALUES_IN_MEMORY: Final = 1 << 20


def horizons_of(future_window: int) -> tuple[int, int]:
    """Candles ahead that the two targets look, never further than the label: at most F."""
    return min(NEAR_HORIZON, future_window), future_window


@dataclass(frozen=True)
class ReturnTargets:
    """Computes targets for any rows from the flat features, a bounded number of rows at a time.

    A target is the log return of rows r+1 ... r+h over the standard deviation of the changes in the
    window that ends at r and the root of h, so that both horizons are of one size in any market.

    Attributes:
        changes: (N,) change of the close over the candle before; may be a mapped file.
        seconds: (N,) candle dates, seconds since 1970.
        window_size: P, candles.
        future_window: F, candles.
        candle_seconds: seconds between two candles.
    """

    changes: NDArray[np.float32] = field(repr=False)
    seconds: NDArray[np.int64] = field(repr=False)
    window_size: int
    future_window: int
    candle_seconds: int

    @classmethod
    def of(cls, dataset: Dataset, config: TrainingConfig) -> Self | None:
        """The targets that the settings ask for; None where `auxiliary_weight` is 0.

        Raises:
            SettingsError: when the features lack the change of the close.
        """
        if not config.auxiliary_weight:
            return None
        if CLOSE_CHANGE not in dataset.names:
            raise SettingsError(
                [
                    f"auxiliary_weight {config.auxiliary_weight} needs the feature {CLOSE_CHANGE}, "
                    f"from which it knows the returns, and the features are "
                    f"{', '.join(dataset.names)}; let the strategy make it, or set "
                    "auxiliary_weight to 0"
                ]
            )
        return cls(
            dataset.features[:, dataset.names.index(CLOSE_CHANGE)],
            dataset.seconds,
            config.window_size,
            config.future_window,
            dataset.candle_seconds,
        )

    def __call__(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Targets of some rows; each depends on its own row alone, whichever stand beside it.

        Args:
            rows: (M,) rows with a class, in any order.
            mirrored: (M,) true where the window is mirrored, which turns the return around.

        Returns:
            (M, 2) by `horizons_of`; NaN where the window stood still, or where the candles ahead
            are not all there.
        """
        targets = np.full((len(rows), 2), np.nan)
        ahead = self.future_window
        known = np.flatnonzero(rows + ahead < len(self.changes))
        last = self.seconds[rows[known] + ahead] - self.seconds[rows[known]]
        known = known[last == ahead * self.candle_seconds]
        if len(known):
            targets[known] = self._returns(rows[known]) / self._deviations(rows[known])
        targets[~np.isfinite(targets)] = np.nan
        signed = np.where(mirrored[:, None], -targets, targets)
        return signed.clip(-TARGET_BOUND, TARGET_BOUND).astype(np.float32)

    def _returns(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(M, 2) log returns, float64."""
        # Row r+1 is the first that an order at the close of r gains from.
        futures = np.lib.stride_tricks.sliding_window_view(self.changes, self.future_window)
        ends = np.array(horizons_of(self.future_window)) - 1
        found = np.empty((len(rows), 2))
        step = max(_VALUES_IN_MEMORY // self.future_window, 1)
        for first in range(0, len(rows), step):
            part = futures[rows[first : first + step] + 1].astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                found[first : first + step] = np.log1p(part).cumsum(axis=1)[:, ends]
        return found

    def _deviations(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(M, 2) what a random walk of the window's volatility strays; NaN where it stood still."""
        volatility = trailing_volatility(self.changes, rows, self.window_size)
        volatility[volatility == 0] = np.nan
        return np.outer(volatility, np.sqrt(horizons_of(self.future_window)))

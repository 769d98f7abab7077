"""The wide path alone: dense layers over the wide features, without a look at the window."""

from __future__ import annotations

from torch import Tensor

from dualwindow.models.networks.contract import CoreSizes, Factors
from dualwindow.models.networks.layers import DenseCore


class LinearCore(DenseCore):
    """Dense layers over the wide features, or over the last candle's where there are no wide ones.

    Without `dense` layers it is a logistic regression.
    """

    def __init__(self, sizes: CoreSizes) -> None:
        super().__init__()
        self._alone = sizes.wide_features > 0
        self.add_dense(0 if self._alone else sizes.features, sizes)

    def summed_up(self, window: Tensor, _factors: Factors) -> Tensor:
        """The features of the last candle, (B, C); (B, 0) beside wide features."""
        last = window[:, -1]
        return last[:, :0] if self._alone else last

"""LSTM layers with LayerNorm, of which the last state goes into the dense layers."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from dualwindow.models.networks.contract import CoreSizes, Factors
from dualwindow.models.networks.layers import DenseCore, patches_of, steps_of


class LSTMCore(DenseCore):
    """Recurrent layers over the steps of a window, `layers` wide."""

    kind: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM

    def __init__(self, sizes: CoreSizes) -> None:
        super().__init__()
        self.patches, width = patches_of(sizes)
        self.recurrent = nn.ModuleList()
        self.norms = nn.ModuleList()
        for units in sizes.layers:
            self.recurrent.append(self.kind(width, units))
            self.norms.append(nn.LayerNorm(units))
            width = units
        self.add_dense(width, sizes, below=sizes.layers[:-1])

    def summed_up(self, window: Tensor, factors: Factors) -> Tensor:
        """The normalised last state of the last layer, (B, units)."""
        x = steps_of(window, self.patches)
        last = len(self.recurrent) - 1
        for index, (layer, norm) in enumerate(zip(self.recurrent, self.norms, strict=True)):
            x, _ = layer(x)  # (steps, B, units)
            # Of the last layer only the last step is looked at.
            x = norm(x[-1] if index == last else x)
            if index < last and factors:
                # The same units in all steps (Gal and Ghahramani 2016, arXiv:1512.05287).
                x = x * factors[index]
        return x

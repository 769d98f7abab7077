"""A temporal convolutional network: dilated causal layers that together cover the window."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dualwindow.models.networks.contract import CoreSizes, Factors
from dualwindow.models.networks.layers import DenseCore, patches_of, steps_of
from dualwindow.settings.checks.sizes import TCN_TAPS, tcn_widths


class TCNCore(DenseCore):
    """Layers that read a step, the one 1, 2, 4, ... steps before it and the one twice as far.

    (Bai, Kolter and Koltun 2018, arXiv:1803.01271.) There are as many as cover all steps; those
    beyond `layers` are as wide as its last. Only steps that reach the last one are computed.
    """

    def __init__(self, sizes: CoreSizes) -> None:
        super().__init__()
        self.patches, width = patches_of(sizes)
        steps = sizes.candles // sizes.patch
        widths = tcn_widths(sizes.layers, steps)
        self.mixes = nn.ModuleList()
        self.norms = nn.ModuleList()
        for units in widths:
            self.mixes.append(nn.Linear(TCN_TAPS * width, units))
            self.norms.append(nn.LayerNorm(units))
            width = units
        for number, places in enumerate(_places(steps, len(widths))):
            self.register_buffer(f"places{number}", places, persistent=False)
        self.add_dense(width, sizes)

    def summed_up(self, window: Tensor, _factors: Factors) -> Tensor:
        """The last step of the last layer, (B, units)."""
        x = steps_of(window, self.patches)
        for number, (mix, norm) in enumerate(zip(self.mixes, self.norms, strict=True)):
            places: Tensor = getattr(self, f"places{number}")
            # Step 0 stands for what lies before the window.
            x = torch.cat([torch.zeros_like(x[:1]), x])
            read = x[places.flatten()].view(*places.shape, *x.shape[1:])
            mixed = torch.relu(norm(mix(torch.cat(list(read.unbind(1)), dim=-1))))
            # Where widths agree a layer adds to the one below it.
            x = mixed + read[:, -1] if mixed.shape[-1] == x.shape[-1] else mixed
        return x[-1]


def _places(steps: int, layers: int) -> list[Tensor]:
    """Of every layer, bottom up: (N, taps) places, from 1, in what the layer below has computed.

    The last tap is the step itself; 0 stands for a step before the window.
    """
    needed, found = [steps - 1], []
    for layer in reversed(range(layers)):
        reach = [2**layer * tap for tap in reversed(range(TCN_TAPS))]
        wanted = [[step - back for back in reach] for step in needed]
        below = sorted({step for row in wanted for step in row if step >= 0})
        if layer == 0:
            below = list(range(steps))
        at = {step: place for place, step in enumerate(below, start=1)}
        found.append(torch.tensor([[at.get(step, 0) for step in row] for row in wanted]))
        needed = below
    return found[::-1]

"""Layers that several cores have: patches below, dense layers and the head above."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dualwindow.models.networks.contract import CoreSizes, Factors
from dualwindow.settings.checks.sizes import CHANNELS_PER_FEATURE


def patches_of(sizes: CoreSizes) -> tuple[nn.Conv1d | None, int]:
    """The layer that merges candles, None for one candle a step, and the width of a step."""
    if sizes.patch == 1:
        return None, sizes.features
    channels = sizes.features * CHANNELS_PER_FEATURE
    return nn.Conv1d(sizes.features, channels, sizes.patch, sizes.patch), channels


def steps_of(window: Tensor, patches: nn.Conv1d | None) -> Tensor:
    """Steps first, as recurrent kernels want them: (B, P, C) to (P / k, B, width).

    The convolution is one product: patches do not overlap, so they are rows.
    """
    if patches is None:
        return window.transpose(0, 1)
    candles, features = patches.kernel_size[0], window.shape[2]
    rows = window.reshape(len(window), -1, candles * features).transpose(0, 1)
    weight = patches.weight.transpose(1, 2).reshape(patches.out_channels, -1)
    return nn.functional.linear(rows, weight, patches.bias)


class DenseCore(nn.Module):
    """A core that ends in dense layers, to which wide features come, and a head.

    `dropped` are the widths of layers below, then that of the last hidden layer. A core below
    makes its own layers, then calls `add_dense`; `forward` asks it for what it makes of a window.
    """

    dropped: tuple[int, ...]

    def add_dense(self, width: int, sizes: CoreSizes, below: tuple[int, ...] = ()) -> None:
        """Add dense layers and the head over so many features of the window."""
        width += sizes.wide_features
        self.dense = nn.ModuleList()
        for units in sizes.dense:
            self.dense.append(nn.Linear(width, units))
            width = units
        self.head = nn.Linear(width, sizes.classes)
        self.dropped = (*below, width)

    def summed_up(self, window: Tensor, factors: Factors) -> Tensor:
        """(B, U) of scaled windows (B, P, C); `factors` begin with those of the layers below."""
        raise NotImplementedError

    def hidden(self, window: Tensor, wide: Tensor, factors: Factors = ()) -> Tensor:
        """The layer below the logits, before it is dropped."""
        x = self.summed_up(window, factors)
        if wide.shape[1]:
            x = torch.cat([x, wide], dim=-1)
        for layer in self.dense:
            x = torch.relu(layer(x))
        return x

    def forward(self, window: Tensor, wide: Tensor, factors: Factors = ()) -> Tensor:
        """(B, 3) logits, see `networks.contract`."""
        x = self.hidden(window, wide, factors)
        logits: Tensor = self.head(x * factors[-1] if factors else x)
        return logits

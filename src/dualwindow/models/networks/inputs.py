"""What a network takes: windows, and beside them the wide features of their last candles.

Without wide features inputs are the windows (B, P, C). With W of them they are one table
(B, P * C + W), a window row by row and the wide features behind it, so that whatever moves inputs
moves one tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from dualwindow.data.features.column_roles import ColumnRoles

#: Scaled features are clipped to this many interquartile ranges on either side of the median.
SCALED_BOUND: Final = 8.0


def parted(inputs: Tensor, roles: ColumnRoles) -> tuple[Tensor, Tensor]:
    """The windows (B, P, C) and the wide features (B, W) of inputs, as views."""
    if not roles.wide:
        return inputs, inputs.new_empty(len(inputs), 0)
    candles = (inputs.shape[1] - len(roles.wide)) // len(roles.window)
    windows = inputs[:, : candles * len(roles.window)]
    return windows.view(len(inputs), candles, -1), inputs[:, windows.shape[1] :]


def joined(windows: Tensor, wide: Tensor) -> Tensor:
    """Inputs of windows (B, P, C) and wide features (B, W), which may be none."""
    return torch.cat([windows.flatten(1), wide], dim=1) if wide.shape[1] else windows


def empty(size: int, window_size: int, roles: ColumnRoles, device: torch.device) -> Tensor:
    """Inputs of `size` windows of zeros."""
    windows = torch.zeros(size, window_size, len(roles.window), device=device)
    return joined(windows, torch.zeros(size, len(roles.wide), device=device))


def mirrored(inputs: Tensor, roles: ColumnRoles, source: Tensor, sign: Tensor) -> Tensor:
    """Mirror images of unscaled inputs.

    The image of the feature at each of (C,) positions is `sign` times that at `source`; it has the
    same roles.
    """
    windows, wide = parted(inputs, roles)
    return joined(
        _image(windows, roles.window, source, sign), _image(wide, roles.wide, source, sign)
    )


def scaled(values: Tensor, features: Sequence[int], center: Tensor, scale: Tensor) -> Tensor:
    """(..., F) unscaled values of some features, scaled and clipped."""
    chosen = _chosen(features, center)
    center, scale = center.index_select(0, chosen), scale.index_select(0, chosen)
    return ((values - center) / scale).clamp(-SCALED_BOUND, SCALED_BOUND)


def _image(values: Tensor, features: Sequence[int], source: Tensor, sign: Tensor) -> Tensor:
    chosen = _chosen(features, source)
    # Positions among the chosen features, which are in order.
    own = torch.searchsorted(chosen, source.index_select(0, chosen))
    return values.index_select(-1, own) * sign.index_select(0, chosen)


def _chosen(features: Sequence[int], like: Tensor) -> Tensor:
    return torch.tensor(tuple(features), dtype=torch.int64, device=like.device)

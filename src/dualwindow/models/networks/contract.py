"""The contract between the network's shell and its core: sizes in, logits out.

The shell (`models.network`) scales and clips inputs, mirrors them, draws dropout, maps the wide
features straight to the logits, adds the trend head and takes the softmax. The core is any
`nn.Module` with one argument, its `CoreSizes`, and

    forward(window, wide, factors) -> (B, 3) logits of SHORT, HOLD, LONG

where `window` is (B, P, C), oldest candle first, `wide` is (B, W), both scaled, and `factors` has
one tensor (B, width) for each of the core's `dropped` widths in training; otherwise it is empty.

A core may have `dropped`, the widths of hidden layers whose units are dropped in training: the last
one by the setting `dropout`, those before it by `lstm_dropout`. If it has a layer `head` with a
bias of the three classes, that begins at the class prior where classes are not balanced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

#: One tensor (B, width) for each dropped layer in training, else none.
Factors = Sequence[Tensor]


@dataclass(frozen=True)
class CoreSizes:
    """Sizes that a core is made from.

    Attributes:
        candles: P, candles of a window.
        features: C, features of every candle of the window.
        wide_features: W, features of the last candle beside the window.
        classes: logits.
        layers: widths of the layers that read the window (the setting `lstm_units`).
        dense: widths of the dense layers (`dense_units`).
        patch: candles merged into one step (`patch_size`).
    """

    candles: int
    features: int
    wide_features: int
    classes: int
    layers: tuple[int, ...]
    dense: tuple[int, ...]
    patch: int


def dropped_widths(core: nn.Module) -> tuple[int, ...]:
    """The widths that a core wants factors for."""
    return tuple(getattr(core, "dropped", ()))

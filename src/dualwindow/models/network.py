"""The network: a shell of scaler, mirror, dropout, wide path and trend head around its core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.models.mirror import Mirror
from dualwindow.models.networks.contract import Factors, dropped_widths
from dualwindow.models.networks.inputs import mirrored, parted, scaled
from dualwindow.models.networks.registry import core_of
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.networks.trend import trend_logit

_SWAPPED: Final = [LONG, HOLD, SHORT]
#: Layers of the core as earlier versions named them, and as `networks.lstm` does.
_EARLIER_LAYERS: Final = {
    "patches": "patches",
    "lstms": "recurrent",
    "norms": "norms",
    "dense": "dense",
    "head": "head",
}


class DualWindowNetwork(nn.Module):
    """From unscaled inputs to logits (B, 3) in the order SHORT, HOLD, LONG.

    Inputs are windows (B, P, C), or with a wide path tables, see `networks.inputs`. The wide path
    goes into the core beside the window, and is mapped straight to the logits (Cheng et al. 2016,
    Wide and deep learning, arXiv:1606.07792).

    The core is the setting `network`, see `networks.contract`; beside it stands the trend head, see
    `networks.trend`.

    Args:
        shape: sizes of the layers.
        center: (C,) median of each feature over the training rows.
        scale: (C,) interquartile range of each feature over the training rows.
        mirror: mirror image of the features, or None for no mirroring.

    Raises:
        NetworkError: when a core of the user's own cannot be used.
    """

    center: Tensor
    scale: Tensor
    mirror_source: Tensor
    mirror_sign: Tensor

    def __init__(
        self,
        shape: NetworkShape,
        center: Sequence[float],
        scale: Sequence[float],
        mirror: Mirror | None,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.mirrors = mirror is not None
        self.register_buffer("center", torch.tensor(center, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        source = mirror.source if mirror else range(shape.n_features)
        sign = mirror.sign if mirror else [1.0] * shape.n_features
        self.register_buffer("mirror_source", torch.tensor(list(source), dtype=torch.int64))
        self.register_buffer("mirror_sign", torch.tensor(list(sign), dtype=torch.float32))

        self.core = core_of(shape.network, shape.core)
        self._widths = dropped_widths(self.core)
        self.wide: nn.Parameter | None = None
        if shape.wide_features:
            self.wide = nn.Parameter(torch.zeros(len(CLASS_NAMES), len(shape.wide_features)))
        self.trend: nn.Parameter | None = None
        if shape.trend_spans:
            # Zeros, not draws: the layers begin with the same weights with and without it.
            self.trend = nn.Parameter(
                torch.zeros(len(shape.trend_features), len(shape.trend_spans))
            )

    def mirrored(self, inputs: Tensor) -> Tensor:
        """Mirror images of unscaled inputs, of their shape."""
        return mirrored(inputs, self.shape.roles, self.mirror_source, self.mirror_sign)

    @property
    def _drawn_widths(self) -> list[int]:
        """Of the dropped widths those whose factors are drawn."""
        return [*self._widths] if self.shape.lstm_dropout else [*self._widths[-1:]]

    def draw_dropout(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw the factors (B, D) by which hidden layers are multiplied in training.

        One factor a unit and window, the same in all steps (Gal and Ghahramani 2016,
        arXiv:1512.05287). D is the width of the core's dropped layers, the last hidden one last.
        """
        if not self._widths:
            return torch.empty(batch, 0)
        drawn = torch.rand(batch, sum(self._drawn_widths), generator=generator)
        parts = torch.split(drawn, self._drawn_widths, dim=1)
        rates = [self.shape.lstm_dropout] * (len(parts) - 1) + [self.shape.dropout]
        factors = [
            (part < 1.0 - rate).float() / (1.0 - rate)
            for part, rate in zip(parts, rates, strict=True)
        ]
        return torch.cat(factors, dim=1)

    def forward(self, inputs: Tensor, dropout: Tensor | None = None) -> Tensor:
        """(B, 3) logits of unscaled inputs; `draw_dropout` drops units in training."""
        windows, wide = self.scaled_parts(inputs)
        logits: Tensor = self.core(windows, wide, self._factors(dropout))
        if self.wide is not None:
            logits = logits + nn.functional.linear(wide, self.wide)
        if self.trend is None:
            return logits
        predicted = self._trend_logit(inputs, self.trend)
        # SHORT, HOLD, LONG: of how likely HOLD is, a trend knows nothing.
        return logits + torch.stack([-predicted, torch.zeros_like(predicted), predicted], dim=-1)

    def begin_at(self, shares: Tensor) -> None:
        """Set the bias of the core's head, if it has one, to the logarithm of (3,) class shares."""
        bias = getattr(getattr(self.core, "head", None), "bias", None)
        if isinstance(bias, nn.Parameter) and bias.shape == shares.shape:
            with torch.no_grad():
                bias.copy_(torch.log(shares))

    def scaled_parts(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled and clipped windows (B, P, C) and wide features (B, W): what the core sees."""
        roles = self.shape.roles
        windows, wide = parted(inputs, roles)
        return (
            scaled(windows, roles.window, self.center, self.scale),
            scaled(wide, roles.wide, self.center, self.scale),
        )

    def _factors(self, dropout: Tensor | None) -> Factors:
        """Of each of the core's dropped widths; those that were not drawn are ones."""
        if dropout is None or not self._widths:
            return ()
        drawn = torch.split(dropout, self._drawn_widths, dim=1)
        ones = self._widths[: len(self._widths) - len(drawn)]
        return (*(dropout.new_ones(1).expand(len(dropout), width) for width in ones), *drawn)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Earlier versions had the core's weights among the network's own."""
        for name in [*state_dict]:
            layer, dot, rest = name.removeprefix(prefix).partition(".")
            if name.startswith(prefix) and layer in _EARLIER_LAYERS:
                state_dict[f"{prefix}core.{_EARLIER_LAYERS[layer]}{dot}{rest}"] = state_dict.pop(
                    name
                )
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _trend_logit(self, inputs: Tensor, weights: Tensor) -> Tensor:
        roles, at = self.shape.roles, self.shape.trend_features
        windows, _ = parted(inputs, roles)
        scale = self.scale[[roles.window[position] for position in at]]
        changes = torch.stack([windows[..., position] for position in at], dim=-1)
        return trend_logit(changes, scale, self.shape.trend_spans, weights)

    def log_probabilities(self, inputs: Tensor) -> Tensor:
        """Log probabilities (B, 3) in float32, averaged with the mirror image where it has one."""
        direct = torch.log_softmax(self(inputs).float(), dim=-1)
        if not self.mirrors:
            return direct
        mirror = torch.log_softmax(self(self.mirrored(inputs)).float(), dim=-1)
        return torch.log_softmax((direct + mirror[:, _SWAPPED]) / 2, dim=-1)


def restored_network(
    shape: NetworkShape, state: Mapping[str, Tensor], *, mirrors: bool
) -> DualWindowNetwork:
    """A network on the CPU with the weights, the scaler and the mirror of another one's state."""
    ones = [1.0] * shape.n_features
    # The real scaler and mirror come with the state; only their presence shapes the network.
    mirror = Mirror(tuple(range(shape.n_features)), tuple(ones)) if mirrors else None
    network = DualWindowNetwork(shape, ones, ones, mirror)
    network.load_state_dict(state)
    return network


def swap_sides(labels: Tensor) -> Tensor:
    """Classes of mirrored windows: SHORT becomes LONG and LONG becomes SHORT, (B,) to (B,)."""
    return (SHORT + LONG) - labels

"""The network: scaling, patches, LSTM layers with LayerNorm, wide path, dense layers, logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.models.mirror import Mirror
from dualwindow.models.networks.inputs import mirrored, parted, scaled
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.networks.trend import trend_logit
from dualwindow.settings.checks.sizes import CHANNELS_PER_FEATURE

_SWAPPED: Final = [LONG, HOLD, SHORT]


class DualWindowNetwork(nn.Module):
    """From unscaled inputs to logits (B, 3) in the order SHORT, HOLD, LONG.

    Inputs are windows (B, P, C), or with a wide path tables, see `networks.inputs`. The wide path
    joins the dense layers beside the LSTM's last state, and is mapped straight to the logits
    (Cheng et al. 2016, Wide and deep learning, arXiv:1606.07792).

    Beside the LSTM layers stands the trend head, see `networks.trend`.

    Args:
        shape: sizes of the layers.
        center: (C,) median of each feature over the training rows.
        scale: (C,) interquartile range of each feature over the training rows.
        mirror: mirror image of the features, or None for no mirroring.
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

        width = len(shape.roles.window)
        self.patches: nn.Conv1d | None = None
        if shape.patch_size > 1:
            channels = width * CHANNELS_PER_FEATURE
            self.patches = nn.Conv1d(width, channels, shape.patch_size, shape.patch_size)
            width = channels
        self.lstms = nn.ModuleList()
        self.norms = nn.ModuleList()
        for units in shape.lstm_units:
            self.lstms.append(nn.LSTM(width, units))
            self.norms.append(nn.LayerNorm(units))
            width = units
        self.dense = nn.ModuleList()
        width += len(shape.wide_features)
        for units in shape.dense_units:
            self.dense.append(nn.Linear(width, units))
            width = units
        between = shape.lstm_units[:-1] if shape.lstm_dropout else ()
        self._dropped_widths = [*between, width]
        self.head = nn.Linear(width, len(CLASS_NAMES))
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

    def draw_dropout(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw the factors (B, D) by which hidden layers are multiplied in training.

        One factor a unit and window, the same in all steps (Gal and Ghahramani 2016,
        arXiv:1512.05287). D is the width of the dropped LSTM layers and of the last hidden one.
        """
        drawn = torch.rand(batch, sum(self._dropped_widths), generator=generator)
        parts = torch.split(drawn, self._dropped_widths, dim=1)
        rates = [self.shape.lstm_dropout] * (len(parts) - 1) + [self.shape.dropout]
        factors = [
            (part < 1.0 - rate).float() / (1.0 - rate)
            for part, rate in zip(parts, rates, strict=True)
        ]
        return torch.cat(factors, dim=1)

    def forward(self, inputs: Tensor, dropout: Tensor | None = None) -> Tensor:
        """(B, 3) logits of unscaled inputs; `draw_dropout` drops units in training."""
        windows, wide = self._scaled_parts(inputs)
        logits: Tensor = self.head(self._hidden(windows, wide, dropout))
        if self.wide is not None:
            logits = logits + nn.functional.linear(wide, self.wide)
        if self.trend is None:
            return logits
        predicted = self._trend_logit(inputs, self.trend)
        # SHORT, HOLD, LONG: of how likely HOLD is, a trend knows nothing.
        return logits + torch.stack([-predicted, torch.zeros_like(predicted), predicted], dim=-1)

    def hidden(self, inputs: Tensor, dropout: Tensor | None = None) -> Tensor:
        """Compute the layer below the logits, (B, U), from what `forward` takes."""
        return self._hidden(*self._scaled_parts(inputs), dropout)

    def _scaled_parts(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        roles = self.shape.roles
        windows, wide = parted(inputs, roles)
        return (
            scaled(windows, roles.window, self.center, self.scale),
            scaled(wide, roles.wide, self.center, self.scale),
        )

    def _hidden(self, x: Tensor, wide: Tensor, dropout: Tensor | None) -> Tensor:
        """As `hidden`, from scaled windows and wide features."""
        factors = self._factors(dropout)
        # (P, B, C) or (P / k, B, 4 C): steps first, as the recurrent kernels want them.
        x = x.transpose(0, 1) if self.patches is None else self._patched(x)
        last = len(self.lstms) - 1
        for index, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True)):
            x, _ = lstm(x)  # (steps, B, units)
            # Of the last layer only the last step is looked at.
            x = norm(x[-1] if index == last else x)
            if index < last and (factor := factors[index]) is not None:
                x = x * factor
        if self.wide is not None:
            x = torch.cat([x, wide], dim=-1)
        for layer in self.dense:
            x = torch.relu(layer(x))
        return x if factors[-1] is None else x * factors[-1]

    def _factors(self, dropout: Tensor | None) -> Sequence[Tensor | None]:
        """Of each LSTM layer but the last, then of the last hidden layer; None changes nothing."""
        if dropout is None:
            return [None] * len(self.lstms)
        factors = torch.split(dropout, self._dropped_widths, dim=1)
        return [*[None] * (len(self.lstms) - len(factors)), *factors]

    def _patched(self, x: Tensor) -> Tensor:
        """The convolution of (B, P, C) as one product: patches do not overlap, so they are rows."""
        assert self.patches is not None
        candles = self.shape.patch_size
        patches = x.reshape(len(x), -1, candles * x.shape[2]).transpose(0, 1)
        weight = self.patches.weight.transpose(1, 2).reshape(self.patches.out_channels, -1)
        return nn.functional.linear(patches, weight, self.patches.bias)

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

"""The network: scaling, patches, LSTM layers with LayerNorm, dense layers, trend head, logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.models.mirror import Mirror, close_changes
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.sizes import CHANNELS_PER_FEATURE

#: Scaled features are clipped to this many interquartile ranges on either side of the median.
SCALED_BOUND: Final = 8.0
#: Shares of the window that the trend head sums up: 15, 30, 60, 120 and 180 candles by default.
TREND_SHARES: Final = (1 / 12, 1 / 6, 1 / 3, 2 / 3, 1.0)
#: Factor of the trend head's output. AdamW moves each weight by about the step size, whatever it
#: is for, and a handful of weights that begin at 0 have farther to go than those of the layers.
TREND_GAIN: Final = 5.0
_SWAPPED: Final = [LONG, HOLD, SHORT]


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network.

    Attributes:
        n_features: C, features a candle.
        lstm_units: width of each LSTM layer.
        dense_units: width of each dense layer.
        patch_size: candles merged into one LSTM step.
        dropout: share of the last dense layer's units dropped in training.
        lstm_dropout: share of the units of each LSTM layer but the last dropped in training.
        trend_features: positions of the features that the trend head sums up.
        trend_spans: candles of each of its sums; no spans, no trend head.
    """

    n_features: int
    lstm_units: tuple[int, ...]
    dense_units: tuple[int, ...]
    patch_size: int
    dropout: float
    lstm_dropout: float = 0.0
    trend_features: tuple[int, ...] = ()
    trend_spans: tuple[int, ...] = ()

    @classmethod
    def from_settings(cls, config: TrainingConfig, names: Sequence[str]) -> NetworkShape:
        """The sizes that the settings ask for; without `close_changes` there is no trend head.

        Example:
            >>> names = "volume_change", "close_change"
            >>> shape = NetworkShape.from_settings(TrainingConfig(), names)
            >>> shape.n_features, shape.trend_features, shape.trend_spans
            (2, (1,), (15, 30, 60, 120, 180))
        """
        changes = close_changes(names)
        spans: set[int] = set()
        if config.trend_head and changes:
            spans = {max(round(share * config.window_size), 1) for share in TREND_SHARES}
        return cls(
            len(names),
            config.lstm_units,
            config.dense_units,
            config.patch_size,
            config.dropout,
            config.lstm_dropout,
            changes if spans else (),
            tuple(sorted(spans)),
        )

    def to_dict(self) -> dict[str, Any]:
        """All sizes as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> NetworkShape:
        """Make a shape from `to_dict`'s result, where tuples may have become lists.

        Models of earlier versions know of neither trend head nor `lstm_dropout`, and have none.
        """
        sizes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        return cls(**sizes)


class DualWindowNetwork(nn.Module):
    """From unscaled windows (B, P, C) to logits (B, 3) in the order SHORT, HOLD, LONG.

    Beside the LSTM layers stands the trend head: a linear map of the trailing sums of the close's
    changes, straight to the sides (the autoregressive path of LSTNet, Lai et al. 2018,
    arXiv:1703.07015). An LSTM has to learn to add up, and learns the market's hours by heart
    before; a trend is found by a handful of weights.

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

        width = shape.n_features
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
        for units in shape.dense_units:
            self.dense.append(nn.Linear(width, units))
            width = units
        between = shape.lstm_units[:-1] if shape.lstm_dropout else ()
        self._dropped_widths = [*between, width]
        self.head = nn.Linear(width, len(CLASS_NAMES))
        self.trend: nn.Parameter | None = None
        if shape.trend_spans:
            # Zeros, not draws: the layers begin with the same weights with and without it.
            self.trend = nn.Parameter(
                torch.zeros(len(shape.trend_features), len(shape.trend_spans))
            )

    def mirrored(self, windows: Tensor) -> Tensor:
        """Mirror images of unscaled windows: (B, P, C) to (B, P, C)."""
        return windows.index_select(-1, self.mirror_source) * self.mirror_sign

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

    def forward(self, windows: Tensor, dropout: Tensor | None = None) -> Tensor:
        """(B, 3) logits of (B, P, C) unscaled windows; `draw_dropout` drops units in training."""
        logits: Tensor = self.head(self.hidden(windows, dropout))
        if self.trend is None:
            return logits
        predicted = self._trend_logit(windows)
        # SHORT, HOLD, LONG: of how likely HOLD is, a trend knows nothing.
        return logits + torch.stack([-predicted, torch.zeros_like(predicted), predicted], dim=-1)

    def hidden(self, windows: Tensor, dropout: Tensor | None = None) -> Tensor:
        """Compute the layer below the logits, (B, U), from what `forward` takes."""
        x = ((windows - self.center) / self.scale).clamp(-SCALED_BOUND, SCALED_BOUND)
        factors = self._factors(dropout)
        # (P, B, C) or (P / k, B, 4 C): steps first, as the recurrent kernels want them.
        x = x.transpose(0, 1) if self.patches is None else self._patched(x)
        last = len(self.lstms) - 1
        for index, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True)):
            x, _ = lstm(x)  # (steps, B, units)
            # Of the last layer only the last step is looked at.
            x = norm(x[-1] if index == last else x)
            if index < last and factors[index] is not None:
                x = x * factors[index]
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

    def _trend_logit(self, windows: Tensor) -> Tensor:
        """The trend's logit for LONG and against SHORT, (B,); its mirror image is the opposite.

        Not centred, unlike what the layers see, so that it is odd in the changes.
        """
        assert self.trend is not None
        scaled = [windows[..., at] / self.scale[at] for at in self.shape.trend_features]
        changes = torch.stack(scaled, dim=-1).clamp(-SCALED_BOUND, SCALED_BOUND)  # (B, P, K)
        # By the root of their length, so that the sums of a random walk are of one size.
        sums = [changes[:, -span:].sum(dim=1) / span**0.5 for span in self.shape.trend_spans]
        return TREND_GAIN * (torch.stack(sums, dim=-1) * self.trend).sum(dim=(1, 2))

    def log_probabilities(self, windows: Tensor) -> Tensor:
        """Log probabilities (B, 3) in float32, averaged with the mirror image where it has one."""
        direct = torch.log_softmax(self(windows).float(), dim=-1)
        if not self.mirrors:
            return direct
        mirror = torch.log_softmax(self(self.mirrored(windows)).float(), dim=-1)
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

"""The network: scaling, patches, LSTM layers with LayerNorm, dense layers, logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.mirror import Mirror
from dualwindow.settings import TrainingConfig

#: Scaled features are clipped to this many interquartile ranges on either side of the median.
SCALED_BOUND: Final = 8.0
#: Output channels of the patch convolution for each feature.
CHANNELS_PER_FEATURE: Final = 4
_SWAPPED: Final = [LONG, HOLD, SHORT]


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network.

    Attributes:
        n_features: F, features a candle.
        lstm_units: width of each LSTM layer.
        dense_units: width of each dense layer.
        patch_size: candles merged into one LSTM step.
        dropout: share of the last dense layer's units dropped in training.
    """

    n_features: int
    lstm_units: tuple[int, ...]
    dense_units: tuple[int, ...]
    patch_size: int
    dropout: float

    @classmethod
    def of(cls, config: TrainingConfig, n_features: int) -> NetworkShape:
        """The sizes that the settings ask for, for F features."""
        return cls(
            n_features, config.lstm_units, config.dense_units, config.patch_size, config.dropout
        )

    def to_dict(self) -> dict[str, Any]:
        """All sizes as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> NetworkShape:
        """Make a shape from `to_dict`'s result, where tuples may have become lists."""
        sizes = {name: tuple(content[name]) for name in ("lstm_units", "dense_units")}
        return cls(**{**content, **sizes})


class DualWindowNetwork(nn.Module):
    """From unscaled windows (B, P, F) to logits (B, 3) in the order SHORT, HOLD, LONG.

    Args:
        shape: sizes of the layers.
        center: (F,) median of each feature over the training rows.
        scale: (F,) interquartile range of each feature over the training rows.
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
        self.head_width = width
        self.head = nn.Linear(width, len(CLASS_NAMES))

    def mirrored(self, windows: Tensor) -> Tensor:
        """Mirror images of unscaled windows: (B, P, F) to (B, P, F)."""
        return windows.index_select(-1, self.mirror_source) * self.mirror_sign

    def draw_dropout(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw the factors (B, U) by which the last hidden layer is multiplied in training."""
        keep = 1.0 - self.shape.dropout
        kept = torch.rand(batch, self.head_width, generator=generator) < keep
        return kept.float() / keep

    def forward(self, windows: Tensor, dropout: Tensor | None = None) -> Tensor:
        """Compute logits.

        Args:
            windows: (B, P, F) unscaled features.
            dropout: (B, U) from `draw_dropout` in training, None in prediction.

        Returns:
            (B, 3) logits.
        """
        logits: Tensor = self.head(self.hidden(windows, dropout))
        return logits

    def hidden(self, windows: Tensor, dropout: Tensor | None = None) -> Tensor:
        """Compute the layer below the logits, (B, U), from what `forward` takes."""
        x = ((windows - self.center) / self.scale).clamp(-SCALED_BOUND, SCALED_BOUND)
        # (P, B, F) or (P / k, B, 4 F): steps first, as the recurrent kernels want them.
        x = x.transpose(0, 1) if self.patches is None else self._patched(x)
        last = len(self.lstms) - 1
        for index, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True)):
            x, _ = lstm(x)  # (steps, B, units)
            # Of the last layer only the last step is looked at.
            x = norm(x[-1] if index == last else x)
        for layer in self.dense:
            x = torch.relu(layer(x))
        if dropout is not None:
            x = x * dropout
        return x

    def _patched(self, x: Tensor) -> Tensor:
        """The convolution of (B, P, F) as one product: patches do not overlap, so they are rows."""
        assert self.patches is not None
        candles = self.shape.patch_size
        patches = x.reshape(len(x), -1, candles * x.shape[2]).transpose(0, 1)
        weight = self.patches.weight.transpose(1, 2).reshape(self.patches.out_channels, -1)
        return nn.functional.linear(patches, weight, self.patches.bias)

    def log_probabilities(self, windows: Tensor) -> Tensor:
        """Log probabilities (B, 3) in float32, averaged with the mirror image where it has one."""
        direct = torch.log_softmax(self(windows).float(), dim=-1)
        if not self.mirrors:
            return direct
        mirror = torch.log_softmax(self(self.mirrored(windows)).float(), dim=-1)
        return torch.log_softmax((direct + mirror[:, _SWAPPED]) / 2, dim=-1)


def swap_sides(labels: Tensor) -> Tensor:
    """Classes of mirrored windows: SHORT becomes LONG and LONG becomes SHORT, (B,) to (B,)."""
    return (SHORT + LONG) - labels

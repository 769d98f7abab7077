"""A member of an ensemble: its core, the linear map of its wide path, weights of its trend head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dualwindow.columns import CLASS_NAMES
from dualwindow.models.networks.contract import Factors, dropped_widths
from dualwindow.models.networks.registry import core_of
from dualwindow.models.networks.shape import NetworkShape


class Member(nn.Module):
    """Everything of a network that is trained.

    Args:
        shape: of the network that it is a member of.

    Raises:
        NetworkError: when a core of the user's own cannot be used.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.core = core_of(shape.network, shape.core, shape.ensemble)
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

    @property
    def drawn_widths(self) -> list[int]:
        """Of the core's dropped widths those whose factors are drawn, the last hidden one last."""
        return [*self._widths] if self.shape.lstm_dropout else [*self._widths[-1:]]

    @property
    def drawn_rates(self) -> list[float]:
        """The share of units that is dropped of each of `drawn_widths`."""
        below = len(self.drawn_widths) - 1
        return [self.shape.lstm_dropout] * below + [self.shape.dropout] if below >= 0 else []

    def logits(self, windows: Tensor, wide: Tensor, dropout: Tensor | None) -> Tensor:
        """(B, 3) without the trend head; `dropout` are its own factors (B, D) in training."""
        logits: Tensor = self.core(windows, wide, self._factors(dropout))
        if self.wide is not None:
            logits = logits + nn.functional.linear(wide, self.wide)
        return logits

    def begin_at(self, shares: Tensor) -> None:
        """Set the bias of the core's head, if it has one, to the logarithm of (3,) class shares."""
        bias = getattr(getattr(self.core, "head", None), "bias", None)
        if isinstance(bias, nn.Parameter) and bias.shape == shares.shape:
            with torch.no_grad():
                bias.copy_(torch.log(shares))

    def _factors(self, dropout: Tensor | None) -> Factors:
        """Of each of the core's dropped widths; those that were not drawn are ones."""
        if dropout is None or not self._widths:
            return ()
        drawn = torch.split(dropout, self.drawn_widths, dim=1)
        ones = self._widths[: len(self._widths) - len(drawn)]
        return (*(dropout.new_ones(1).expand(len(dropout), width) for width in ones), *drawn)

"""The auxiliary head: asks more of the hidden layers in training, and is thrown away after it."""

from __future__ import annotations

from typing import Final, Self

import torch
from torch import Tensor, nn

from dualwindow.network import DualWindowNetwork
from dualwindow.settings import TrainingConfig

#: Outputs: the returns over the horizons of `return_targets.horizons_of`.
OUTPUTS: Final = 2


class AuxiliaryHead(nn.Module):
    """Predicts returns from the layer below the logits; no part of a model.

    It stands outside the network, so that neither the network's weights at the start nor what is
    saved of it depend on it.

    Args:
        width: U, units of the layer below the logits.
        weight: of its loss beside the cross entropy.
        seed: of its weights at the start, drawn from a generator of its own.
    """

    def __init__(self, width: int, weight: float, seed: int) -> None:
        super().__init__()
        self._loss_weight = weight
        bound = width**-0.5
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.empty(OUTPUTS, width).uniform_(-bound, bound, generator=generator)
        # A Linear would draw from torch's global generator.
        self.weight = nn.Parameter(drawn)
        self.bias = nn.Parameter(torch.zeros(OUTPUTS))

    @classmethod
    def of(cls, network: DualWindowNetwork, config: TrainingConfig) -> Self | None:
        """The head that the settings ask for, on the network's device; None for weight 0."""
        if not config.auxiliary_weight:
            return None
        head = cls(network.head_width, config.auxiliary_weight, config.seed)
        return head.to(network.center.device)

    def forward(self, hidden: Tensor) -> Tensor:
        """Predict returns: (B, U) from `DualWindowNetwork.hidden` to (B, 2)."""
        return nn.functional.linear(hidden, self.weight, self.bias)

    def losses(self, returns: Tensor, targets: Tensor) -> Tensor:
        """Weighted Huber loss of each window.

        Args:
            returns: (B, 2) what was predicted.
            targets: (B, 2) from `ReturnTargets`; what is NaN costs nothing.

        Returns:
            (B,) float32, means over both horizons.
        """
        returns = returns.float()
        # Not a product with zero, whose gradient would be NaN.
        wanted = torch.where(targets.isnan(), returns.detach(), targets)
        losses = nn.functional.huber_loss(returns, wanted, reduction="none")
        return losses.mean(dim=1) * self._loss_weight

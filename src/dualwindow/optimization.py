"""Gradient steps and the schedule of the step size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from dualwindow.device import autocast
from dualwindow.network import DualWindowNetwork
from dualwindow.settings import TrainingConfig

#: Epochs without improvement after which the plateau schedule halves the step size.
PLATEAU_PATIENCE: Final = 3


class GradientStep:
    """Updates a network's weights from one batch.

    Args:
        network: on its device, in training mode.
        optimizer: of the network's parameters.
        class_weights: (3,) on the network's device, or None for equal weights.
        clip: largest norm of the gradient.
        dtype: arithmetic of the forward pass.
    """

    def __init__(
        self,
        network: DualWindowNetwork,
        optimizer: torch.optim.Optimizer,
        *,
        class_weights: Tensor | None,
        clip: float,
        dtype: torch.dtype,
    ) -> None:
        self._network = network
        self._optimizer = optimizer
        self._weights = class_weights
        self._clip = clip
        self._device = network.center.device
        self._dtype = dtype
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=dtype == torch.float16)

    @property
    def learning_rate(self) -> float:
        """Step size that the next call uses."""
        return float(self._optimizer.param_groups[0]["lr"])

    def __call__(self, windows: Tensor, labels: Tensor, dropout: Tensor) -> Tensor:
        """Update the weights; return the batch's mean loss, detached."""
        self._optimizer.zero_grad(set_to_none=True)
        with autocast(self._device, self._dtype):
            logits = self._network(windows, dropout)
        losses = nn.functional.cross_entropy(logits.float(), labels, reduction="none")
        if self._weights is not None:
            losses = losses * self._weights[labels]
        loss = losses.mean()
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self._network.parameters(), self._clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return loss.detach()


def schedule_of(
    optimizer: torch.optim.Optimizer, config: TrainingConfig
) -> Callable[[float], None]:
    """Return what to call with the validation loss after every epoch."""
    if config.learning_rate_schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=PLATEAU_PATIENCE
        ).step
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.epochs)
    return lambda _loss: cosine.step()

"""Gradient steps and the schedule of the step size."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from dualwindow.models.network import DualWindowNetwork
from dualwindow.runtime.device import autocast
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig

#: Epochs without improvement after which the plateau schedule halves the step size.
PLATEAU_PATIENCE: Final = 3


def optimizer_of(network: DualWindowNetwork, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW over all weights; on a GPU in one kernel, which never waits for the host."""
    fused = network.center.device.type == "cuda"
    return torch.optim.AdamW(network.parameters(), lr=config.learning_rate, fused=fused)


class GradientStep:
    """Updates a network's weights from one batch.

    A rank takes its share of the batch and splits it among its threads, forward and backward, and
    the gradients are summed: the same mathematics as one pass over the whole batch. Every member of
    an ensemble learns as it would alone, by the loss of its own logits and with a clip of its own;
    threads take members before they take shares of a batch.

    Args:
        network: on its device, in training mode, with an optimizer of its parameters.
        class_weights: (3,) on the network's device, or None for equal weights.
        clip: largest norm of the gradient.
        dtype: arithmetic of the forward pass.
        threads: that share a batch; None computes it in one piece.
        ranks: that share it before the threads do; all make the same step.
    """

    def __init__(
        self,
        network: DualWindowNetwork,
        optimizer: torch.optim.Optimizer,
        *,
        class_weights: Tensor | None,
        clip: float,
        dtype: torch.dtype,
        threads: ComputeThreads | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self._ranks = ranks
        self._threads = threads or ComputeThreads(1)
        self._members = range(network.shape.ensemble)
        self._of_members = [network.weights_of(member) for member in self._members]
        copies = self._threads.parts(len(self._members)) - 1
        self._replicas = [network, *(_replica(network) for _ in range(copies))]
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

    def tensors(self) -> dict[str, Tensor]:
        """The optimizer's moments and step counts, by `<parameter's number>.<name>`."""
        return {
            f"{number}.{name}": value
            for number, moments in self._optimizer.state_dict()["state"].items()
            for name, value in moments.items()
        }

    def values(self) -> dict[str, Any]:
        """Step size and, in fp16, the scale of the loss, as plain JSON types."""
        return {"learning_rate": self.learning_rate, "loss_scale": self._scaler.state_dict()}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Go on from what `tensors` and `values` returned for the same network and settings."""
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            number, name = key.split(".")
            moments.setdefault(int(number), {})[name] = value
        content = self._optimizer.state_dict() | {"state": moments}
        content["param_groups"][0]["lr"] = values["learning_rate"]
        self._optimizer.load_state_dict(content)
        self._scaler.load_state_dict(values["loss_scale"])

    def __call__(
        self, windows: Tensor, labels: Tensor, dropout: Tensor, total: int | None = None
    ) -> Tensor:
        """Update the weights from this rank's share of a batch.

        Args:
            windows: (B, P, C) unscaled; B may be 0 where others have windows.
            labels: (B,) classes.
            dropout: (B, D) factors.
            total: windows of the batch over all ranks; None for B.

        Returns:
            The mean loss of the whole batch over all members, detached.

        Raises:
            RankLostError: when another rank has ended.
        """
        loss = self.gradients(windows, labels, dropout, total)
        if self._ranks.count > 1:
            loss = self._over_ranks(loss)
        self._scaler.unscale_(self._optimizer)
        for weights in self._of_members:
            nn.utils.clip_grad_norm_(weights, self._clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return loss

    def gradients(
        self, windows: Tensor, labels: Tensor, dropout: Tensor, total: int | None = None
    ) -> Tensor:
        """Leave this rank's part of the gradient of every member's mean loss in the network.

        Returns:
            Its part of the mean of those losses.
        """
        if not len(labels):
            self._network.zero_grad(set_to_none=True)
            # The scale is created when it is first used.
            return self._scaler.scale(torch.zeros((), device=self._device))
        windows_in_all = len(labels) if total is None else total
        shares = self._threads.shares(len(labels), len(self._members))

        def share(replica: DualWindowNetwork, part: slice, member: int) -> Tensor:
            # A thread has its own state of autocast, and of whether gradients are wanted.
            with torch.enable_grad(), autocast(self._device, self._dtype):
                logits = replica(windows[part], dropout[part], member)
            losses = nn.functional.cross_entropy(logits.float(), labels[part], reduction="none")
            if self._weights is not None:
                losses = losses * self._weights[labels[part]]
            loss = losses.sum() / windows_in_all
            torch.autograd.backward(self._scaler.scale(loss))
            return loss.detach()

        used = self._replicas[: len(shares)]
        for replica in used:
            replica.zero_grad(set_to_none=True)
        losses = self._threads.run(
            [
                partial(share, replica, part, member)
                for replica, part in zip(used, shares, strict=True)
                for member in self._members
            ]
        )
        # Summed in the order of the shares, whichever thread was first: the same bits every time.
        for replica in used[1:]:
            pairs = zip(self._network.parameters(), replica.parameters(), strict=True)
            for parameter, other in pairs:
                if parameter.grad is not None and other.grad is not None:
                    parameter.grad += other.grad
        return torch.stack(losses).sum() / len(self._members)

    def _over_ranks(self, loss: Tensor) -> Tensor:
        """Sum gradients and loss over all ranks, in one message."""
        parameters = list(self._network.parameters())
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([part.reshape(-1) for part in [*own, loss]])
        self._ranks.add_up(flat)
        summed = torch.split(flat[:-1], [parameter.numel() for parameter in parameters])
        for parameter, gradient in zip(parameters, summed, strict=True):
            parameter.grad = gradient.view_as(parameter)
        return flat[-1]


def _replica(network: DualWindowNetwork) -> DualWindowNetwork:
    """A network with the same weights in the same memory, and gradients of its own."""
    replica = copy.deepcopy(network)
    for own, shared in zip(replica.parameters(), network.parameters(), strict=True):
        own.data = shared.data
    return replica


class Schedule:
    """Sets an optimizer's step size after every epoch.

    Plateau halves it when validation stops improving, cosine lets it fall to zero.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, config: TrainingConfig) -> None:
        self._scheduler: ReduceLROnPlateau | CosineAnnealingLR
        if config.learning_rate_schedule == "plateau":
            self._scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=PLATEAU_PATIENCE)
        else:
            self._scheduler = CosineAnnealingLR(optimizer, T_max=config.epochs)

    def begin_batch(self, done: float) -> None:
        """Set the step size of a batch; `done` is the share of all epochs that is over."""

    def __call__(self, validation_loss: float) -> None:
        """Set the step size of the next epoch."""
        if isinstance(self._scheduler, ReduceLROnPlateau):
            self._scheduler.step(validation_loss)
        else:
            self._scheduler.step()

    def values(self) -> dict[str, Any]:
        """Everything but the step size, as plain JSON types."""
        return dict(self._scheduler.state_dict())

    def restore(self, values: Mapping[str, Any]) -> None:
        """Go on from what `values` returned; the step size is the optimizer's to restore."""
        self._scheduler.load_state_dict(dict(values))


class FallingRate(Schedule):
    """Lets an optimizer's step size fall to zero along a cosine, from batch to batch."""

    def __init__(self, optimizer: torch.optim.Optimizer, config: TrainingConfig) -> None:
        self._optimizer = optimizer
        self._begin = config.learning_rate

    def begin_batch(self, done: float) -> None:
        """Set the step size of a batch; `done` is the share of all epochs that is over."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._begin * (1 + math.cos(math.pi * done)) / 2

    def __call__(self, validation_loss: float) -> None:
        """Leave the step size as it is."""

    def values(self) -> dict[str, Any]:
        """Nothing: the step size follows from the batch."""
        return {}

    def restore(self, values: Mapping[str, Any]) -> None:
        """Go on from nothing."""

"""A training between two epochs: its network, what it has reached, what it goes on with."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from dualwindow.models.checkpoint import TrainingState
from dualwindow.models.network import DualWindowNetwork
from dualwindow.settings import TrainingConfig
from dualwindow.training.gradient_step import GradientStep, Schedule
from dualwindow.training.hooks import EpochResult


class TrainingRun:
    """Everything that changes from epoch to epoch.

    Torch's global generator is not part of it: nothing draws from it once the network is built.

    Args:
        network: on the device that trains.
        step: updates the network's weights.
        schedule: changes the step size after an epoch.
        generator: of the dropout masks.

    Attributes:
        history: figures of the epochs so far, in order.
        best_epoch: the epoch (from 1) with the lowest validation loss so far.
    """

    def __init__(
        self,
        network: DualWindowNetwork,
        step: GradientStep,
        schedule: Schedule,
        generator: torch.Generator,
    ) -> None:
        self.network = network
        self.step = step
        self.generator = generator
        self._schedule = schedule
        self.history: list[EpochResult] = []
        self.best_epoch = 0
        self._best_loss = float("inf")
        self._best: Mapping[str, Tensor] = copy.deepcopy(network.state_dict())

    def is_over(self, config: TrainingConfig) -> bool:
        """Whether all epochs are done, or too many in a row brought nothing."""
        done = len(self.history)
        return done >= config.epochs or done - self.best_epoch >= config.early_stopping_patience

    def finish_epoch(self, result: EpochResult) -> None:
        """Note an epoch's figures, keep its weights if they are the best, set the step size."""
        self.history.append(result)
        if result.validation_loss < self._best_loss:
            self.best_epoch, self._best_loss = result.epoch, result.validation_loss
            self._best = copy.deepcopy(self.network.state_dict())
        self._schedule(result.validation_loss)

    def best_network(self) -> DualWindowNetwork:
        """The network with the weights of the best epoch, on the CPU, in evaluation mode."""
        self.network.load_state_dict(self._best)
        return self.network.cpu().eval()

    def state(self) -> TrainingState:
        """A copy that the epochs to come leave as it is: about four times the weights."""
        groups = {
            "network": self.network.state_dict(),
            "best": self._best,
            "optimizer": self.step.tensors(),
            "dropout": {"generator": self.generator.get_state()},
        }
        tensors = {
            f"{group}.{name}": value.detach().to("cpu", copy=True).contiguous()
            for group, members in groups.items()
            for name, value in members.items()
        }
        values = {
            "step": self.step.values(),
            "schedule": self._schedule.values(),
            "history": [vars(result) for result in self.history],
            "best_epoch": self.best_epoch,
            "best_loss": self._best_loss,
        }
        return TrainingState(tensors, values)

    def restore(self, state: TrainingState) -> None:
        """Go on from what `state` returned for a run of the same training."""
        self.network.load_state_dict(_group(state, "network"))
        self._best = _group(state, "best")
        self.step.restore(_group(state, "optimizer"), state.values["step"])
        self.generator.set_state(state.tensors["dropout.generator"])
        self._schedule.restore(state.values["schedule"])
        self.history = [EpochResult(**figures) for figures in state.values["history"]]
        self.best_epoch = state.values["best_epoch"]
        self._best_loss = state.values["best_loss"]


def _group(state: TrainingState, name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): value
        for key, value in state.tensors.items()
        if key.startswith(prefix)
    }

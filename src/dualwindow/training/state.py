"""State of a training between two epochs."""

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

    Attributes:
        network: on the device that trains.
        step: updates the network's weights; `schedule` changes its size after an epoch.
        generator: of the dropout masks.
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
        self.schedule = schedule
        self.history: list[EpochResult] = []
        self.best_epoch = 0
        self._best_loss = float("inf")
        self._best: Mapping[str, Tensor] = copy.deepcopy(network.state_dict())

    def is_over(self, config: TrainingConfig) -> bool:
        """Whether all epochs are done, or too many in a row did not improve."""
        done = len(self.history)
        return done >= config.epochs or done - self.best_epoch >= config.early_stopping_patience

    def finish_epoch(self, result: EpochResult) -> None:
        """Add an epoch's figures, keep its weights if they are the best, set the step size."""
        self.history.append(result)
        if result.validation_loss < self._best_loss:
            self.best_epoch, self._best_loss = result.epoch, result.validation_loss
            self._best = copy.deepcopy(self.network.state_dict())
        self.schedule(result.validation_loss)

    def best_network(self) -> DualWindowNetwork:
        """The network with the weights of the best epoch, on the CPU, in evaluation mode."""
        self.network.load_state_dict(self._best)
        return self.network.cpu().eval()

    def state(self) -> TrainingState:
        """A copy, about four times the size of the weights, that later epochs do not change."""
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
            "schedule": self.schedule.values(),
            "history": [vars(result) for result in self.history],
            "best_epoch": self.best_epoch,
            "best_loss": self._best_loss,
        }
        return TrainingState(tensors, values)

    def restore(self, state: TrainingState) -> None:
        """Go on from what `state` returned for a run of the same training."""
        groups: dict[str, dict[str, Tensor]] = {}
        for key, value in state.tensors.items():
            group, name = key.split(".", maxsplit=1)
            groups.setdefault(group, {})[name] = value
        self.network.load_state_dict(groups["network"])
        self._best = groups["best"]
        self.step.restore(groups.get("optimizer", {}), state.values["step"])
        self.generator.set_state(groups["dropout"]["generator"])
        self.schedule.restore(state.values["schedule"])
        self.history = [EpochResult(**figures) for figures in state.values["history"]]
        self.best_epoch = state.values["best_epoch"]
        self._best_loss = state.values["best_loss"]

"""The trainings of a life: what they were of, and what goes wrong or on meanwhile."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.models.trained_model import TrainedModel
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_model

if TYPE_CHECKING:
    from tests.lives.bot import LivedBot
    from tests.lives.life import Life

#: Turns of the training thread in a step, more than there are pairs.
TURNS = 6


@dataclass(frozen=True)
class Training:
    """A training that ended with a model.

    Attributes:
        pair: it was of.
        folder: name of the model's folder.
        sum: of the model's bytes.
        resumed: whether it went on from a checkpoint.
        undisturbed: trains the same alone, and returns the sum of its bytes.
    """

    pair: str
    folder: str
    sum: str
    resumed: bool
    undisturbed: Callable[[], str]


def sum_of(model: TrainedModel) -> str:
    return hashlib.sha256(model.to_bytes()).hexdigest()


class Trainings:
    """Stands where the adapter calls the training."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.done: list[Training] = []
        #: Not looked at yet.
        self.new: list[Training] = []
        self.trouble = ""
        self.meanwhile = 0
        #: Whether the training thread has had a whole turn in this step.
        self.turned = False

    def watch(self, bot: LivedBot) -> None:
        """Let a bot's trainings pass through here."""
        names = type(bot.model).fit.__globals__
        if getattr(names["train_model"], "is_lived", False):
            names["train_model"] = names["train_model"].real
        real = names["train_model"]

        def trained(*about: Any, **named: Any) -> TrainedModel:
            return self._train(real, *about, **named)

        trained.is_lived, trained.real = True, real  # type: ignore[attr-defined]
        names["train_model"] = trained

    def run(self, turns: int = TURNS) -> None:
        """Let the training thread have its turns."""
        from tests.lives.world import Enough

        life = self._life
        if life.bot is None:
            return
        life.bot.exchange.hour = life.clock.hour
        life.clock.turns = turns
        try:
            life.bot.model._start_scanning(life.bot.strategy)
        except Enough:
            self.turned = True
        finally:
            self.meanwhile = 0

    def _train(self, real: Any, candles: Any, labels: Any, settings: Any, **named: Any) -> Any:
        trouble, self.trouble = self.trouble, ""
        self._raise(trouble)
        session: TrainingSession = named["session"]
        path = session.checkpoint_path
        resumed = path is not None and path.is_file()
        model = real(candles, labels, settings, **named)
        folder = path.parent.name if path is not None else ""

        def undisturbed() -> str:
            quiet = {**named, "session": TrainingSession(start=session.start, chain=session.chain)}
            return sum_of(train_model(candles, labels, settings, **quiet))

        done = Training(named["name"], folder, sum_of(model), resumed, undisturbed)
        self.done.append(done)
        self.new.append(done)
        self._life.note("trained", done.pair, done.sum)
        while self.meanwhile:
            self.meanwhile -= 1
            self._life.candle()
        return model

    def _raise(self, trouble: str) -> None:
        match trouble:
            case "data":
                raise DataError("there is nothing to learn")
            case "runtime":
                raise RuntimeError("the network is broken")
            case "memory":
                raise MemoryError
            case "disk":
                raise OSError(errno.ENOSPC, "No space left on device")
            case "stopped":
                raise TrainingStoppedError("the training was stopped")


def zip_sum(folder: Path) -> str:
    """Sum of the model in a folder, as it lies there."""
    import torch

    (file,) = folder.glob("*_model.zip")
    content = torch.load(file, weights_only=False)
    return hashlib.sha256(content["payload"]).hexdigest()


__all__ = ["TURNS", "Training", "Trainings", "sum_of", "zip_sum"]

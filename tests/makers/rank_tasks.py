"""What the processes of tests of several ranks do.

Every task leaves what came of it as `FOLDER/TASK.RANK.pt`. Nothing here imports freqtrade, which
takes seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, DualWindowError
from dualwindow.runtime.distributed import ALONE, Ranks, joined_ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training.hooks import EpochResult
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_dataset

#: A network that trains in a second, with all that has to come out alike over ranks.
SETTINGS: dict[str, Any] = {
    "window_size": 60,
    "future_window": 30,
    "long_tp_pct": 0.002,
    "long_sl_pct": 0.001,
    "short_tp_pct": 0.002,
    "short_sl_pct": 0.001,
    "epochs": 4,
    "batch_size": 127,
    "learning_rate": 0.01,
    "patch_size": 5,
    "lstm_units": [12, 8],
    "dense_units": [8],
    "streaming_chunk_size": 300,
}
#: How often a rank is asked whether to stop until it is killed, or says yes: in the third epoch.
ASKED_AT_THE_END = 18


class Witness:
    """Notes what a training tells it, and says when to stop."""

    def __init__(self, at: int | None = None, act: Callable[[], bool] = lambda: True) -> None:
        self.asked = 0
        self.epochs: list[int] = []
        self.progress: list[tuple[int, int]] = []
        self._at, self._act = at, act

    def should_stop(self) -> bool:
        self.asked += 1
        return self.asked == self._at and self._act()

    def told(self, done: int, total: int) -> None:
        self.progress.append((done, total))

    def on_epoch(self, result: EpochResult) -> None:
        self.epochs.append(result.epoch)


def dataset_in(folder: Path, config: TrainingConfig) -> Dataset:
    data = np.load(folder / "data.npz")
    candles = CandleArrays(tuple(data["names"]), data["seconds"], data["features"], data["flat"])
    return Dataset.from_candles(candles, data["labels"], config, name="BTC")


def train(
    folder: Path, ranks: Ranks, witness: Witness, *, checkpoint: str = "", **changes: Any
) -> dict[str, Any]:
    config = TrainingConfig.from_parameters({**SETTINGS, **changes})
    dataset = dataset_in(folder, config)
    return outcome_of(dataset, config, ranks, witness, folder / checkpoint if checkpoint else None)


def outcome_of(
    dataset: Dataset,
    config: TrainingConfig,
    ranks: Ranks,
    witness: Witness,
    checkpoint: Path | None = None,
    figures: Path | None = None,
) -> dict[str, Any]:
    """Everything that has to be alike, or the error; and what the witness saw."""
    outcome: dict[str, Any] = {}
    try:
        finished = train_dataset(
            dataset,
            config,
            name="ranks",
            session=TrainingSession(
                hooks=[witness],
                should_stop=witness.should_stop,
                checkpoint_path=checkpoint,
                figures_path=figures,
                progress=witness.told,
                ranks=ranks,
            ),
        )
    except DualWindowError as error:
        outcome = {"error": type(error).__name__, "message": str(error)}
    else:
        outcome = {
            "weights": finished.fitted.network.state_dict(),
            "history": [{**vars(each), "seconds": 0} for each in finished.fitted.history],
            "best_epoch": finished.fitted.best_epoch,
            "evaluation": finished.evaluation.to_dict(),
        }
    seen = {name: getattr(witness, name) for name in ("asked", "epochs", "progress")}
    return outcome | seen


def whole(folder: Path, ranks: Ranks) -> dict[str, Any]:
    config = TrainingConfig.from_parameters(SETTINGS)
    figures = folder / f"figures.{ranks.number}.json"
    return outcome_of(dataset_in(folder, config), config, ranks, Witness(), None, figures)


def odd(folder: Path, ranks: Ranks) -> dict[str, Any]:
    """The settings of the test, for a last batch of few windows."""
    changes = json.loads((folder / "odd.json").read_text())
    return train(folder, ranks, Witness(), **changes)


def killed(folder: Path, ranks: Ranks) -> dict[str, Any]:
    def die() -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False

    witness = Witness(ASKED_AT_THE_END if ranks.number == ranks.count - 1 else None, die)
    return train(folder, ranks, witness, checkpoint="killed.checkpoint")


def resumed(folder: Path, ranks: Ranks) -> dict[str, Any]:
    # Only the first rank finds the file, as on several machines.
    name = "killed.checkpoint" if ranks.is_first else "elsewhere.checkpoint"
    return train(folder, ranks, Witness(), checkpoint=name)


def stopped(folder: Path, ranks: Ranks) -> dict[str, Any]:
    witness = Witness(ASKED_AT_THE_END if ranks.number == 1 else None)
    return train(folder, ranks, witness, checkpoint="stopped.checkpoint")


def stopped_in_validation(folder: Path, ranks: Ranks) -> dict[str, Any]:
    """The first rank asks in validation, and there more often than the other."""
    chunk = {"streaming_chunk_size": 64} if ranks.is_first else {}
    steps = json.loads((folder / "steps.json").read_text())
    witness = Witness(steps + 2 if ranks.is_first else None)
    return train(folder, ranks, witness, **chunk)


def other_candles(folder: Path, ranks: Ranks) -> dict[str, Any]:
    config = TrainingConfig.from_parameters(SETTINGS)
    dataset = dataset_in(folder, config)
    if ranks.number == 1:
        dataset.features[1000, 0] += 1
    return outcome_of(dataset, config, ranks, Witness())


def other_settings(folder: Path, ranks: Ranks) -> dict[str, Any]:
    return train(folder, ranks, Witness(), seed=42 + ranks.number)


def prepared(folder: Path, ranks: Ranks) -> dict[str, Any]:
    """The first of the machine makes a file, the others find it; then the first cannot."""

    def make() -> str:
        path = folder / "prepared"
        found = path.exists()
        path.write_text(f"rank {ranks.number}")
        return "found" if found else "made"

    def fail() -> str:
        raise DataError("no room for the store")

    made = ranks.first_of_machine_then_all(make)
    try:
        ranks.first_of_machine_then_all(fail if ranks.is_first else make)
    except DualWindowError as error:
        return {"made": made, "message": str(error)}
    return {"made": made, "message": ""}


TASKS = [
    whole, odd, killed, resumed, stopped, stopped_in_validation, other_candles, other_settings,
    prepared,
]  # fmt: skip


def run(folder: Path, name: str, ranks: Ranks = ALONE) -> dict[str, Any]:
    """Do one task in this process."""
    return {task.__name__: task for task in TASKS}[name](folder, ranks)


def main(folder: Path, environment: Mapping[str, str], names: Sequence[str]) -> None:
    """Be the rank that torchrun's variables say, and do some tasks."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    with joined_ranks("cpu") as ranks:
        for name in names:
            outcome = run(folder, name, ranks)
            torch.save(outcome, folder / f"{name}.{ranks.number}.pt")
            if outcome.get("error") == "RankLostError":
                sys.exit(1)

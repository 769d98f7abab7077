"""Several processes train what one trains, stop together, and outlive none of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dualwindow import ranks as module
from dualwindow.balance import drawn_counts
from dualwindow.columns import CLASS_NAMES
from dualwindow.epoch_batches import Batch, epoch_batches
from dualwindow.epoch_order import EpochOrder
from dualwindow.errors import DataError, DualWindowError, SettingsError, TrainingStoppedError
from dualwindow.features import change_features
from dualwindow.network import DualWindowNetwork, NetworkShape
from dualwindow.ranks import ALONE, Ranks, joined_ranks
from dualwindow.settings import TrainingConfig
from dualwindow.split import split_dataset
from dualwindow.stream import ChunkSizes, WindowStream
from dualwindow.trainer import Trainer
from dualwindow.windows import flat_candles, label_frame, utc_seconds
from tests import rank_tasks
from tests.datasets import dataset_of
from tests.markets import random_candles
from tests.rank_tasks import SETTINGS, ASKED_AT_THE_END

REPOSITORY = Path(__file__).resolve().parent.parent
#: Seconds after which processes that have not ended are killed.
PATIENCE = 120.0
Outcome = dict[str, Any]


def config_of(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_parameters({**SETTINGS, **changes})


def start(folder: Path, count: int, tasks: Sequence[str]) -> list[subprocess.Popen[str]]:
    """Start the ranks as torchrun would, on one machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.rank_tasks", str(folder), *tasks],
            cwd=REPOSITORY,
            env=os.environ
            | {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
            | {name: str(value) for name, value in common.items()}
            | {"RANK": str(number), "LOCAL_RANK": str(number)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]


def finish(processes: Sequence[subprocess.Popen[str]]) -> tuple[list[int], list[str]]:
    """Exit codes and error output; none outlives this, whatever happens."""
    end = time.monotonic() + PATIENCE
    try:
        errors = [each.communicate(timeout=end - time.monotonic())[1] for each in processes]
    finally:
        for each in processes:
            each.kill()
            each.wait()
    return [each.returncode for each in processes], errors


def outcomes(folder: Path, task: str, count: int = 2) -> list[Outcome]:
    paths = [folder / f"{task}.{number}.pt" for number in range(count)]
    return [torch.load(path, weights_only=False) for path in paths]


def write_data(folder: Path) -> None:
    frame = random_candles(2500, seed=3)
    features = change_features(frame)
    table = np.stack(list(features.values()), axis=1).astype(np.float32)
    np.savez(
        folder / "data.npz",
        names=np.array(list(features)),
        seconds=utc_seconds(frame["date"])[1:],
        features=table[1:],
        flat=flat_candles(frame)[1:],
        labels=label_frame(frame, config_of())[0][1:],
    )


def windows_of_an_epoch(folder: Path) -> int:
    dataset = rank_tasks.dataset_in(folder, config_of())
    split = split_dataset(dataset, validation_fraction=0.15, future_window=30)
    return int(drawn_counts(split.train.counts, "undersample").sum())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where processes find their data and leave what came of it; the two-rank tasks are done."""
    folder = tmp_path_factory.mktemp("ranks")
    write_data(folder)
    steps = -(-windows_of_an_epoch(folder) // SETTINGS["batch_size"])
    (folder / "steps.json").write_text(json.dumps(steps))
    codes, errors = finish(start(folder, 2, ["killed"]))
    (folder / "killed.json").write_text(json.dumps([codes, errors]))
    tasks = ["resumed", "whole", "stopped", "stopped_in_validation"]
    tasks += ["other_candles", "other_settings", "prepared"]
    codes, errors = finish(start(folder, 2, tasks))
    assert codes == [0, 0], errors
    return folder


@pytest.fixture(scope="module")
def alone(folder: Path) -> Outcome:
    return rank_tasks.run(folder, "whole")


def assert_close(one: Outcome, other: Outcome) -> None:
    for name, value in one["weights"].items():
        torch.testing.assert_close(other["weights"][name], value, rtol=0, atol=1e-5)
    assert one["best_epoch"] == other["best_epoch"]
    for first, second in zip(one["history"], other["history"], strict=True):
        assert second == pytest.approx(first, abs=1e-5)


def assert_same(one: Outcome, other: Outcome) -> None:
    """Bit for bit."""
    assert one["history"] == other["history"]
    for name, value in one["weights"].items():
        assert torch.equal(value, other["weights"][name]), name


def test_two_ranks_train_what_one_process_trains(folder: Path, alone: Outcome) -> None:
    # Undersampled, mirrored, with dropout, a last batch of odd length and several chunks.
    assert windows_of_an_epoch(folder) % SETTINGS["batch_size"] % 2 == 1
    first, second = outcomes(folder, "whole")
    assert_close(alone, first)
    assert_same(first, second)
    assert first["evaluation"] == second["evaluation"]
    assert len({each["train_loss"] for each in first["history"]}) == SETTINGS["epochs"]


def test_only_the_first_rank_tells_and_writes(folder: Path, alone: Outcome) -> None:
    first, second = outcomes(folder, "whole")
    assert first["epochs"] == [1, 2, 3, 4]
    assert first["progress"] == alone["progress"], "it counts the windows of all ranks"
    assert second["epochs"] == second["progress"] == []
    assert [path.name for path in folder.glob("figures.*")] == ["figures.0.json"]


def test_three_ranks_bear_a_last_batch_of_one_window(folder: Path) -> None:
    windows = windows_of_an_epoch(folder)
    size = next(size for size in range(100, windows) if windows % size == 1)
    changes = {"batch_size": size, "epochs": 2, "streaming_chunk_size": 150}
    (folder / "odd.json").write_text(json.dumps(changes))
    expected = rank_tasks.run(folder, "odd")
    codes, errors = finish(start(folder, 3, ["odd"]))
    assert codes == [0, 0, 0], errors
    found = outcomes(folder, "odd", 3)
    assert_close(expected, found[0])
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


def test_a_killed_rank_ends_the_others_with_a_clear_error(folder: Path) -> None:
    codes, errors = json.loads((folder / "killed.json").read_text())
    assert codes == [1, -signal.SIGKILL], errors
    (survivor,) = outcomes(folder, "killed", 1)
    assert survivor["error"] == "RankLostError"
    assert survivor["epochs"] == [1, 2]
    assert "ended or cannot be reached (" in survivor["message"]
    assert f"the checkpoint {folder / 'killed.checkpoint'}" in survivor["message"]
    assert "--resume" in survivor["message"]
    assert "[/" not in survivor["message"], "nobody wants torch's source file"


def test_a_run_that_a_rank_was_lost_from_goes_on_as_if_nothing_had_happened(folder: Path) -> None:
    first, second = outcomes(folder, "resumed")
    assert first["epochs"] == [3, 4], "two epochs came from the checkpoint"
    whole, _ = outcomes(folder, "whole")
    assert_same(whole, first)
    assert_same(whole, second)
    assert not (folder / "elsewhere.checkpoint").exists()


def test_one_process_does_not_go_on_from_the_checkpoint_of_two(
    folder: Path, alone: Outcome, tmp_path: Path
) -> None:
    (tmp_path / "data.npz").symlink_to(folder / "data.npz")
    (tmp_path / "killed.checkpoint").write_bytes((folder / "stopped.checkpoint").read_bytes())
    again = rank_tasks.run(tmp_path, "resumed")
    assert again["epochs"] == [1, 2, 3, 4]
    assert_same(alone, again)


def test_ranks_stop_after_the_same_step_when_one_is_asked_to(folder: Path) -> None:
    first, second = outcomes(folder, "stopped")
    assert first["error"] == second["error"] == "TrainingStoppedError"
    assert first["asked"] == second["asked"] == ASKED_AT_THE_END
    assert first["epochs"] == [1, 2]
    steps = json.loads((folder / "steps.json").read_text())
    assert 2 * steps < len(first["progress"]) < 3 * steps
    assert (folder / "stopped.checkpoint").is_file()


def test_a_stop_in_the_validation_of_one_rank_stops_both(folder: Path) -> None:
    first, second = outcomes(folder, "stopped_in_validation")
    assert first["error"] == second["error"] == "TrainingStoppedError"
    assert first["asked"] != second["asked"], "they must not ask equally often"
    assert first["epochs"] == []


def test_ranks_with_other_candles_or_settings_are_refused(folder: Path) -> None:
    for outcome in outcomes(folder, "other_candles"):
        assert outcome["error"] == "DataError"
        assert "rank 1 trains with other candles than the first rank" in outcome["message"]
    for outcome in outcomes(folder, "other_settings"):
        assert "rank 1 trains with other seed (43, not 42)" in outcome["message"]


def test_the_first_rank_of_a_machine_goes_before_the_others(folder: Path) -> None:
    first, second = outcomes(folder, "prepared")
    assert first == {"made": "made", "message": "no room for the store"}
    assert second == {"made": "found", "message": "rank 0: no room for the store"}

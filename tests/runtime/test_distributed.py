"""Several processes train what one trains, stop together, and outlive none of their own."""

from __future__ import annotations

import json
import multiprocessing
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.data.datasets.split import split_dataset
from dualwindow.data.datasets.statistics import drawn_counts
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.base import change_features
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.models.mirror import Mirror
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.runtime import distributed as module
from dualwindow.runtime.distributed import ALONE, Ranks, joined_ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training.batches import Batch, epoch_batches
from dualwindow.training.session import TrainingSession
from dualwindow.training.trainer import Trainer
from tests.makers import rank_tasks
from tests.makers.datasets import dataset_of
from tests.makers.markets import random_candles
from tests.makers.rank_tasks import ASKED_AT_THE_END, SETTINGS

#: Its processes are forked from one that has imported all there is to import, and nothing more.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.makers.rank_tasks", "torch._dynamo"])
#: Seconds after which processes that have not ended are killed.
PATIENCE = 60.0
Outcome = dict[str, Any]


def config_of(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_parameters({**SETTINGS, **changes})


def ranks_doing(folder: Path, count: int, *tasks: str) -> list[int | None]:
    """Do tasks in several processes, as torchrun would start them on one machine.

    Returns:
        Their exit codes. No process outlives this, whatever happens.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    everywhere = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    end = time.monotonic() + PATIENCE
    processes = []
    try:
        for number in range(count):
            numbers = {**everywhere, "RANK": number, "LOCAL_RANK": number}
            environment = {name: str(value) for name, value in numbers.items()}
            arguments = (folder, {**environment, "MASTER_ADDR": "127.0.0.1"}, tasks)
            process = CONTEXT.Process(target=rank_tasks.main, args=arguments)
            process.start()
            processes.append(process)
        for process in processes:
            process.join(max(end - time.monotonic(), 0))
        return [process.exitcode for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.join()


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
    assert ranks_doing(folder, 2, "killed") == [1, -signal.SIGKILL]
    tasks = ["resumed", "whole", "stopped", "stopped_in_validation"]
    refused = ["other_candles", "other_settings", "prepared"]
    assert ranks_doing(folder, 2, *tasks, *refused) == [0, 0]
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
    assert ranks_doing(folder, 3, "odd") == [0, 0, 0]
    found = outcomes(folder, "odd", 3)
    assert_close(expected, found[0])
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


def test_a_killed_rank_ends_the_others_with_a_clear_error(folder: Path) -> None:
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


NETWORK = DualWindowNetwork(
    NetworkShape(1, (3,), (5,), patch_size=1, dropout=0.4), [0.0], [1.0], Mirror((0,), (-1.0,))
)


def batches_of(ranks: Ranks, windows: int, batch_size: int, chunk: int | None) -> list[Batch]:
    dataset = dataset_of(np.resize([0, 1, 2], windows + 3))
    candidates = Selection(dataset, [range(3, windows + 3)])
    order = EpochOrder(candidates, balance="none", mirror=True, seed=1, epoch=2)
    stream = WindowStream(dataset.features, 4, ChunkSizes(chunk))
    generator = torch.Generator().manual_seed(5)
    batches = epoch_batches(order, stream, NETWORK, generator, batch_size, ranks=ranks)
    return [replace(batch, windows=batch.windows.clone()) for batch in batches]


@given(
    count=st.integers(1, 7),
    more=st.integers(0, 9),
    windows=st.integers(1, 60),
    chunk=st.none() | st.integers(1, 70),
)
def test_the_shares_of_all_ranks_are_the_batches_of_one(
    count: int, more: int, windows: int, chunk: int | None
) -> None:
    expected = batches_of(ALONE, windows, count + more, chunk)
    every = [
        batches_of(Ranks(number, count), windows, count + more, chunk) for number in range(count)
    ]
    assert sum(len(batch) for batch in expected) == windows
    for batch, *shares in zip(expected, *every, strict=True):
        assert [share.total for share in shares] == [batch.total] * count == [len(batch)] * count
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        for name in ("labels", "dropout", "windows"):
            parts = [getattr(share, name) for share in shares if len(share)]
            assert torch.equal(torch.cat(parts), getattr(batch, name)), name


@given(length=st.integers(0, 100), count=st.integers(1, 9))
def test_a_share_never_grows_when_there_is_less_to_share(length: int, count: int) -> None:
    for number in range(count):
        ranks = Ranks(number, count)
        part, larger = ranks.share(length), ranks.share(length + 1)
        assert part.stop - part.start <= larger.stop - larger.start


TORCHRUN = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "1",
}


def join(monkeypatch: pytest.MonkeyPatch, device: str = "cpu", **changes: str | None) -> Ranks:
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**TORCHRUN, **changes}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with joined_ranks(device) as ranks:
        return ranks


def test_a_process_by_itself_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "dist", None)
    assert join(monkeypatch, **dict.fromkeys(TORCHRUN)) is ALONE
    # One process under torchrun has nobody to talk to.
    assert join(monkeypatch, WORLD_SIZE="1") is ALONE
    assert ALONE.any_true(True)
    assert not ALONE.any_true(False)
    assert ALONE.gathered(lambda: 3) == [3]
    assert ALONE.from_first(lambda: 3) == 3
    made: list[int] = []
    ALONE.first_of_machine_then_all(lambda: made.append(1))
    assert made == [1]


def test_half_of_torchrun_s_variables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DualWindowError, match=r"missing: LOCAL_RANK, MASTER_PORT; .*torchrun"):
        join(monkeypatch, LOCAL_RANK=None, MASTER_PORT=None)
    with pytest.raises(DualWindowError, match="missing: RANK;"):
        join(monkeypatch, RANK=None)
    with pytest.raises(DualWindowError, match=r"no number: .*'two'"):
        join(monkeypatch, WORLD_SIZE="two")


def test_each_rank_of_a_machine_gets_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of them: there need be no GPU here."""
    taken: list[str] = []
    joined: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: taken.append(str(device)))
    monkeypatch.setattr(module.dist, "is_nccl_available", lambda: True)
    monkeypatch.setattr(module.dist, "new_group", lambda **_: None)
    monkeypatch.setattr(
        module.dist, "init_process_group", lambda backend, **_: joined.append(backend)
    )
    assert join(monkeypatch, "auto").number == 0
    join(monkeypatch, "cuda", LOCAL_RANK="0")
    join(monkeypatch, "cuda:1", LOCAL_RANK="0", LOCAL_WORLD_SIZE="1")
    assert taken == ["cuda:1", "cuda:0", "cuda:1"]
    assert set(joined) == {"cpu:gloo,cuda:nccl"}
    with pytest.raises(SettingsError, match="'cuda:1' cannot be shared by the 2 processes"):
        join(monkeypatch, "cuda:1")
    with pytest.raises(SettingsError, match=r"started 3 processes .* 2 GPUs; .*-node=2"):
        join(monkeypatch, "auto", LOCAL_WORLD_SIZE="3")
    join(monkeypatch, "cpu", LOCAL_WORLD_SIZE="3")
    assert joined[-1] == "gloo"
    assert len(taken) == 3


def test_a_batch_too_small_for_all_ranks_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path)
    config = config_of(batch_size=2)
    dataset = rank_tasks.dataset_in(tmp_path, config)
    split = split_dataset(dataset, validation_fraction=0.15, future_window=30)
    with pytest.raises(SettingsError, match="batch_size 2 is shared by 3 ranks"):
        Trainer(dataset, split, config, TrainingSession(ranks=Ranks(0, 3)))

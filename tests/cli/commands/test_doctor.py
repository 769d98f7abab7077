"""`dualwindow doctor`: true of this machine, readable in a pipe, and silent about secrets."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import torch

from dualwindow import __version__
from dualwindow.cli.commands import doctor
from dualwindow.cli.commands.doctor import gpu_facts
from dualwindow.cli.main import main
from dualwindow.data.datasets.store import SUFFIX, store_folder
from dualwindow.runtime.cores import Cores
from dualwindow.runtime.machine import Machine, MachineSizes
from dualwindow.runtime.memory import MemoryGauge, MemoryUse
from dualwindow.settings import TrainingConfig
from tests.makers.bot import REPOSITORY

SECRET = "0123456789abcdef-secret"


@pytest.fixture
def userdir(tmp_path: Path) -> Path:
    """A user folder with three candles of one pair and a store of 1 MiB."""
    folder = tmp_path / "user_data"
    exchange = folder / "data" / "binance"
    exchange.mkdir(parents=True)
    dates = pd.date_range("2025-03-01 10:00", periods=3, freq="min", tz="UTC").as_unit("ms")
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    pd.DataFrame({"date": dates, **prices}).to_feather(exchange / "BTC_USDT-1m.feather")
    (exchange / "ETH_USDT-1m.feather").write_bytes(b"no feather file")
    store_folder(folder).mkdir()
    (store_folder(folder) / f"abc{SUFFIX}").write_bytes(bytes(2**20))
    return folder


def _config(folder: Path, **parameters: Any) -> Path:
    content = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    content["exchange"] |= {"key": SECRET, "secret": SECRET, "password": SECRET}
    content["telegram"] = {"enabled": False, "token": SECRET, "chat_id": SECRET}
    content["freqai"]["model_training_parameters"] |= parameters
    path = folder / "config.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _doctor(capsys: pytest.CaptureFixture[str], userdir: Path, *more: str) -> str:
    assert main(["doctor", "--userdir", str(userdir), *more]) == 0
    return capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], userdir: Path, *more: str) -> dict[str, Any]:
    return dict(json.loads(_doctor(capsys, userdir, "--json", *more)))


def test_the_report_is_true_of_this_machine(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _json(capsys, userdir)
    assert report["versions"]["dualwindow"] == __version__
    assert report["versions"]["torch"] == metadata.version("torch")
    assert report["processor"]["cores"] == os.cpu_count()
    assert 1 <= report["processor"]["usable"] <= report["processor"]["cores"]
    assert report["memory"]["machine"] == psutil.virtual_memory().total
    assert report["memory"]["limit"]["bytes"] > 0
    assert len(report["gpu"]["cuda"]) == torch.cuda.device_count()
    assert report["disk"]["free"] > 0
    assert report["disk"]["prepared"] == 2**20


def test_the_candles_that_are_there_are_listed_and_a_damaged_file_is_named(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bitcoin, ether = _json(capsys, userdir)["data"]["binance"]
    first = pd.Timestamp("2025-03-01 10:00", tz="UTC").timestamp()
    assert (bitcoin["pair"], bitcoin["rows"]) == ("BTC/USDT", 3)
    assert (bitcoin["first"], bitcoin["last"]) == (first, first + 120)
    assert "ETH_USDT-1m.feather" in ether["problem"]
    text = _doctor(capsys, userdir)
    assert "BTC/USDT spot: 2025-03-01 10:00 to 2025-03-01 10:02, 3 candles" in text


def test_in_a_pipe_every_fact_is_one_whole_line(
    userdir: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = _doctor(capsys, userdir, "--config", str(_config(tmp_path)))
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert [line[:-1] for line in lines if not line.startswith(" ")] == [
        *("versions", "processor", "memory", "gpu", "disk", "data", "configuration"),
        "auto_configure",
    ]
    [there] = [line for line in lines if "ETH/USDT" in line]
    assert there.endswith("download the pair again")


def test_nothing_secret_is_printed(
    userdir: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for parameters in ({}, {"epochs": -1, "no_such_setting": 3}):
        path = str(_config(tmp_path, **parameters))
        for more in ([], ["--json"]):
            assert SECRET not in _doctor(capsys, userdir, "--config", path, *more)


def test_a_bad_configuration_is_reported_and_the_rest_all_the_same(
    userdir: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = _json(capsys, userdir, "--config", str(_config(tmp_path)))
    assert good["configuration"]["valid"] is True
    bad = _json(capsys, userdir, "--config", str(_config(tmp_path, epochs=-1)))
    assert bad["configuration"]["valid"] is False
    assert "epochs -1" in bad["configuration"]["problems"][0]
    missing = _json(capsys, userdir, "--config", str(tmp_path / "nowhere.json"))
    assert "no file" in missing["configuration"]["problems"][0]
    assert bad.keys() == good.keys() == missing.keys()


def test_it_shows_what_auto_configure_chooses(
    userdir: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = _config(tmp_path, streaming_chunk_size=777)
    report = _json(capsys, userdir, "--config", str(path))
    memory, cores = report["memory"]["limit"]["bytes"], report["processor"]["usable"]
    chosen = asdict(TrainingConfig().sizes_for(Machine(cores, memory / 2**30, "")))
    assert report["auto_configure"] == chosen
    assert f"{chosen['streaming_chunk_size']} (now 777)" in _doctor(
        capsys, userdir, "--config", str(path)
    )


@pytest.mark.parametrize(
    ("cores", "gib", "chosen"),
    [
        (Cores(16, 16, None), 64, (False, 8, 1000)),
        (Cores(16, 16, 4.5), 64, (False, 4, 1000)),
        (Cores(16, 2, None), 64, (False, 2, 1000)),
        (Cores(16, 1, None), 4, (False, 1, 1000)),
    ],
)
def test_what_the_container_has_counts_not_the_machine(
    cores: Cores,
    gib: int,
    chosen: tuple[bool, int, int],
    userdir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = MemoryUse(0, gib * 2**30, "the container (cgroup v2)")
    monkeypatch.setattr(doctor, "read_cores", lambda: cores)
    monkeypatch.setattr(MemoryGauge, "smallest", lambda _: limit)
    chosen_here = _json(capsys, userdir)["auto_configure"]
    names = ("use_multiprocessing", "n_processes", "streaming_chunk_size")
    assert tuple(chosen_here[name] for name in names) == chosen
    text = _doctor(capsys, userdir)
    assert f"{gib}.0 GiB (of the container (cgroup v2))" in text


@pytest.mark.parametrize(("memory", "cores"), [(64, 16), (16, 4), (2, 1)])
def test_auto_configure_chooses_nothing_that_is_not_shown(memory: float, cores: int) -> None:
    others = TrainingConfig().to_dict().keys() - {each.name for each in fields(MachineSizes)}
    before = TrainingConfig(n_processes=7, batch_extraction_size=3)
    after = before.auto_configure(memory, cores).to_dict()
    assert {name: after[name] for name in others} == {
        name: before.to_dict()[name] for name in others
    }


def test_an_empty_folder_is_reported_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = _doctor(capsys, tmp_path / "nowhere")
    assert "nowhere (not there)" in text
    assert "has no folder of an exchange" in text
    assert "there is no config.json here" in text


def test_gpus_are_named_with_what_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    class About:
        name, total_memory = "Some GPU", 80 * 2**30

    class Current:
        def __init__(self, index: int) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: About)
    monkeypatch.setattr(torch.cuda, "device", Current)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    facts = {fact.name: fact for fact in gpu_facts()}
    assert facts["cuda"].value == [{"name": "Some GPU", "memory": 80 * 2**30, "bf16": True}] * 2
    assert str(facts["cuda"]).splitlines() == ["Some GPU, 80.0 GiB, bf16 yes"] * 2
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    facts = {fact.name: fact for fact in gpu_facts()}
    assert facts["cuda"].value == []
    assert "check the driver" in str(facts["cuda"])


def test_a_mac_has_its_own_kind_of_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert {fact.name: str(fact) for fact in gpu_facts()}["mps"] == "yes"


def test_of_many_pairs_the_rest_is_counted_and_in_json_all_are_there(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange = userdir / "data" / "binance"
    content = (exchange / "BTC_USDT-1m.feather").read_bytes()
    for number in range(45):
        (exchange / f"C{number:02d}_USDT-1m.feather").write_bytes(content)
    assert "and 7 more pairs" in _doctor(capsys, userdir)
    assert len(_json(capsys, userdir)["data"]["binance"]) == 47


def test_a_library_that_is_not_installed_is_a_fact(
    userdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "freqtrade":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    versions = _json(capsys, userdir)["versions"]
    assert versions["freqtrade"] is None
    assert versions["torch"] == real("torch")


def test_a_torch_that_cannot_be_imported_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    [fact] = gpu_facts()
    assert "cannot be imported" in str(fact)


@pytest.mark.parametrize("folder", ["x" * 300, "nul\0", "", 5, None])
def test_a_user_folder_that_can_be_none_does_not_end_the_report(
    folder: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _config(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, "user_data_dir": folder}), encoding="utf-8")
    assert main(["doctor", "--json", "-c", str(path)]) == 0
    configuration = json.loads(capsys.readouterr().out)["configuration"]
    # freqtrade, too, takes its default for an empty one.
    assert ("user_data_dir" in str(configuration.get("problems"))) == bool(folder)

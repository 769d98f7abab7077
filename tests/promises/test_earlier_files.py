"""Nothing that an earlier version saved breaks: see tests/fixtures/earlier/README.md."""

from __future__ import annotations

import hashlib
import json
import pickle
import pickletools
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.confidence import decide
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig
from dualwindow.trained import CheckpointLoader
from tests.makers.earlier_files import (
    BOUND,
    CONFIG_WORDS,
    CONFIGS,
    IDENTIFIER,
    PORTABLE,
    STOPPED,
    STORES,
    TRAIN,
    USERDIR,
    dualwindow,
    key_figures,
    losses,
    probabilities,
    read_store,
    resumed_after,
    trades,
    versions,
)
from tests.makers.freqtrade import REPOSITORY, Run, freqtrade

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("earlier")]

FILES = REPOSITORY / "tests" / "fixtures" / "earlier"
EXPECTED: dict[str, Any] = json.loads((FILES / "expected.json").read_bytes())
OVERLAY: dict[str, Any] = json.loads((FILES / CONFIGS[1]).read_bytes())
CONFIG = TrainingConfig.from_parameters(OVERLAY["freqai"]["model_training_parameters"])
MODELS = sorted((FILES / BOUND).glob("sub-train-*/*_model.zip"))
CACHED = Path("backtesting_predictions")
CLASSES = ["SHORT", "HOLD", "LONG"]
#: What other processors may round differently.
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-5}


def only_with(*names: str, reason: str) -> pytest.MarkDecorator:
    """Skip a test where a version is not that of the files."""
    then, now = (tuple(each[name] for name in names) for each in (EXPECTED["versions"], versions()))
    return pytest.mark.skipif(now != then, reason=f"{reason}: {then}, not {now}")


of_this_python = only_with("python", reason="Python changes the sum of the strategy's code")
of_these_versions = only_with(
    "torch", "dualwindow", reason="a checkpoint is resumed by the versions that began it alone"
)


@dataclass(frozen=True)
class Backtest:
    """A backtest of a copy, with the sums of its models and predictions before and after."""

    run: Run
    before: dict[str, str]
    after: dict[str, str]

    @property
    def folder(self) -> Path:
        return self.run.models(IDENTIFIER)


@dataclass(frozen=True)
class Resumed:
    """A training that was to go on, in a copy."""

    files: Path
    status: int
    log: str


def copy_of(files: Path, folder: Path) -> Path:
    return shutil.copytree(files, folder / "earlier")


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the models and of their predictions."""
    paths = [*folder.glob("sub-train-*/*"), *(folder / CACHED).glob("*")]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file()
    }


def backtest(files: Path) -> Backtest:
    """Run freqtrade as it was run for the files, in a folder that lies elsewhere."""
    before = sums(files / BOUND)
    run = freqtrade(files / USERDIR, OVERLAY, configs=[str(files / CONFIGS[0])])
    assert run.status == 0, run.output[-3000:]
    return Backtest(run, before, sums(files / BOUND))


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    """With everything as it was left."""
    return backtest(copy_of(FILES, tmp_path_factory.mktemp("cached")))


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    """Without the predictions, and with a binding that says nothing of the strategy's code.

    Versions that wrote no sum into it did not say it either.
    """
    files = copy_of(FILES, tmp_path_factory.mktemp("predicted"))
    shutil.rmtree(files / BOUND / CACHED)
    binding = files / BOUND / "dualwindow.json"
    content = json.loads(binding.read_bytes())
    del content["features"], content["sha256"]
    binding.write_text(json.dumps(content), encoding="utf-8")
    return backtest(files)


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """A copy in which the stopped training is to go on."""
    files = copy_of(FILES, tmp_path_factory.mktemp("resumed"))
    done = dualwindow(files, *TRAIN, "--output", str(STOPPED), "--resume")
    return Resumed(files, done.returncode, " ".join(done.stderr.split()))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, which is the current folder."""
    copied = copy_of(FILES, tmp_path)
    monkeypatch.chdir(copied)
    return copied


def named(pickled: bytes) -> set[str]:
    """Everything of the package that a pickle imports."""
    words = [word for _, word, _ in pickletools.genops(pickled) if isinstance(word, str)]
    return {word for word in words if word.startswith("dualwindow")}


@pytest.mark.parametrize("path", MODELS, ids=[path.parent.name for path in MODELS])
def test_a_saved_model_names_its_loader_and_nothing_else_of_the_package(path: Path) -> None:
    with zipfile.ZipFile(path) as content:
        (name,) = (each for each in content.namelist() if each.endswith("data.pkl"))
        assert named(content.read(name)) == {"dualwindow.trained CheckpointLoader"}
    for other in path.parent.glob("*.pkl"):
        assert named(other.read_bytes()) == set()
    # And so does one that is saved now; torch pickles by this protocol.
    assert named(pickle.dumps(CheckpointLoader(), 2)) == {"dualwindow.trained CheckpointLoader"}


def test_every_saved_model_loads_and_predicts_what_it_did() -> None:
    found = probabilities(FILES)
    with np.load(FILES / "expected.npz") as expected:
        assert set(found) == set(expected) == {path.parent.name for path in MODELS} | {"portable"}
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], **CLOSE)


def test_saved_probabilities_are_decided_upon_as_they_were() -> None:
    for path in (FILES / BOUND / CACHED).glob("*.feather"):
        frame = pd.read_feather(path)
        decisions = decide(frame[CLASSES].to_numpy(), CONFIG.thresholds)
        assert [CLASSES[code] for code in decisions] == frame["&-side"].tolist()


def test_candles_have_the_labels_that_the_store_holds() -> None:
    _, store = read_store(FILES)
    (path,) = (FILES / USERDIR).rglob("*-1m-futures.feather")
    candles = pd.read_feather(path)
    kinds = ("future_window", "long_tp_pct", "long_sl_pct", "short_tp_pct", "short_sl_pct")
    labels = label_candles(
        candles["high"],
        candles["low"],
        candles["close"],
        **{name: getattr(CONFIG, name) for name in kinds},
    )
    seconds = (candles["date"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    own = labels[np.searchsorted(seconds, store["date"])]
    known = store["label"] >= 0
    assert known.sum() > 900
    np.testing.assert_array_equal(store["label"][known], own[known])


@of_this_python
def test_a_backtest_takes_the_saved_predictions_and_trades_the_same(cached: Backtest) -> None:
    output = cached.run.output
    assert output.count("Found backtesting prediction file") == len(MODELS)
    assert "Starting training" not in output
    assert cached.after == cached.before == sums(FILES / BOUND)
    assert_expected_trades(cached)


@of_this_python
def test_a_backtest_predicts_the_same_with_the_saved_models(predicted: Backtest) -> None:
    output = predicted.run.output
    assert "Found backtesting prediction file" not in output
    assert "Starting training" not in output
    assert predicted.before.items() < predicted.after.items()
    names = [path.name for path in sorted((FILES / BOUND / CACHED).glob("*.feather"))]
    assert sorted(path.name for path in (predicted.folder / CACHED).iterdir()) == names
    for name in names:
        found, expected = (
            pd.read_feather(folder / CACHED / name) for folder in (predicted.folder, FILES / BOUND)
        )
        # Dates and decisions among them; a rank may be the next one on another processor.
        pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=0.0, atol=1e-2)
        np.testing.assert_allclose(found[CLASSES], expected[CLASSES], **CLOSE)
    assert_expected_trades(predicted)


def assert_expected_trades(backtest: Backtest) -> None:
    found, expected = trades(backtest.run), EXPECTED["trades"]
    assert [trade[:-2] for trade in found] == [trade[:-2] for trade in expected]
    profits = ([trade[-2:] for trade in each] for each in (found, expected))
    np.testing.assert_allclose(*profits, rtol=0.0, atol=1e-7)


@of_this_python
def test_the_code_of_features_and_labels_has_the_sum_that_the_folder_is_bound_to(
    predicted: Backtest,
) -> None:
    written = json.loads((predicted.folder / "dualwindow.json").read_bytes())
    assert written["features"] == EXPECTED["features"]
    assert written == json.loads((FILES / BOUND / "dualwindow.json").read_bytes())


def test_a_training_takes_the_store_that_is_there(resumed: Resumed) -> None:
    assert "the candles were prepared before, with the same settings" in resumed.log
    (store,) = (resumed.files / STORES).iterdir()
    assert store.read_bytes() == (FILES / STORES / store.name).read_bytes()


@of_these_versions
def test_a_stopped_training_goes_on_from_its_epoch_to_the_same_end(resumed: Resumed) -> None:
    assert resumed.status == 0, resumed.log
    done = resumed_after(resumed.log)
    assert done == EXPECTED["resumed_after"]
    assert f"epoch {done} of" not in resumed.log
    found = losses(resumed.files / STOPPED)
    assert found[:done] == EXPECTED["losses"][:done]
    np.testing.assert_allclose(found, EXPECTED["losses"], **CLOSE)
    assert not (resumed.files / STOPPED / "unfinished.checkpoint").exists()


@pytest.mark.parametrize("model", [BOUND, PORTABLE], ids=["backtest", "portable"])
def test_a_saved_model_is_evaluated_as_it_was(model: Path, files: Path) -> None:
    assert main(["evaluate", str(model), *CONFIG_WORDS, "--output", "figures.json"]) == 0
    content = json.loads(Path("figures.json").read_bytes())
    assert_expected_figures(model, content.get("figures") or content["evaluation"], content)


def test_a_backtest_is_reported_as_it_was_evaluated(files: Path) -> None:
    assert main(["report", str(BOUND), *CONFIG_WORDS, "--output", "report"]) == 0
    walk = json.loads(Path("report", "report.json").read_bytes())["walk"]
    assert_expected_figures(BOUND, walk["evaluation"], walk)


def test_a_training_is_reported_as_it_ended(files: Path) -> None:
    assert main(["report", str(PORTABLE), *CONFIG_WORDS, "--output", "report"]) == 0
    (window,) = json.loads(Path("report", "report.json").read_bytes())["windows"]
    epochs = window["training"]["epochs"]
    assert [each["validation_loss"] for each in epochs] == [each[1] for each in EXPECTED["losses"]]


def assert_expected_figures(model: Path, evaluation: dict[str, Any], whole: dict[str, Any]) -> None:
    found = key_figures(evaluation, whole["after_fees"])
    assert found == pytest.approx(EXPECTED[model.name], rel=0, abs=1e-5)

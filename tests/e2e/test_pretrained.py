"""A model trained by the command line, then used as it is and fine-tuned by a real backtest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dualwindow.cli.main import main
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.store import Store
from dualwindow.models.portable import PortableModel, load_portable
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from tests.makers.freqtrade import REPOSITORY, SMALL, Run, freqtrade, user_folder

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("pretrained")]

PAIR, NAME = "BTC/USDT:USDT", "dualwindow-test"
SETTINGS: dict[str, Any] = {
    name: value
    for name, value in SMALL["freqai"]["model_training_parameters"].items()
    if name not in ("patch_size", "lstm_units", "dense_units")
}
NETWORK = {"patch_size": 20, "lstm_units": [8], "dense_units": [8]}
PERIODS = (1440, 43200)
DAY = 86_400
#: The model's training ends here, the backtest of one day begins here.
END = pd.Timestamp("2025-06-14", tz="UTC")


def store_of(userdir: Path, first: int, stop: int) -> Store:
    sources = find_sources(
        [PAIR],
        userdir / "data" / "binance",
        trading_mode="futures",
        timerange=DateRange(first, stop),
    )
    config = TrainingConfig.from_parameters(SETTINGS)
    return prepare_store(sources, config, userdir / "stores", periods=PERIODS)


@pytest.fixture(scope="module")
def userdir(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A user folder with candles and a model of the four days before the backtest."""
    folder = user_folder(
        tmp_path_factory.mktemp("pretrained"),
        shared_data / "binance-futures-2025-05-04_2025-06-24",
        ["BTC_*"],
    )
    overlay = {
        "trading_mode": "futures",
        "exchange": {"name": "binance", "pair_whitelist": [PAIR]},
        "dualwindow": {"tail_fraction": 0.0},
        "freqai": {"model_training_parameters": {**SETTINGS, **NETWORK}},
    }
    config = folder / "training.json"
    config.write_text(json.dumps(overlay), encoding="utf-8")
    words = ["--userdir", str(folder), "--output", str(folder / "models" / NAME)]
    period = ["--date-from", "2025-06-10", "--date-to", "2025-06-13"]
    assert main(["train", "-c", str(config), *words, *period]) == 0
    return folder


def backtest(userdir: Path, identifier: str, epochs: int) -> Run:
    """One day with `pretrained`, whose network's sizes are not in the configuration."""
    config = userdir / "config.json"
    base = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    for name in NETWORK:
        del base["freqai"]["model_training_parameters"][name]
    config.write_text(json.dumps(base), encoding="utf-8")
    parameters = {**SETTINGS, "pretrained": NAME, "epochs": epochs}
    overlay = {
        "timerange": "20250614-20250615",
        "exchange": {"pair_whitelist": [PAIR]},
        "freqai": {
            "identifier": identifier,
            "train_period_days": 2,
            "backtest_period_days": 1,
            "model_training_parameters": parameters,
        },
    }
    run = freqtrade(userdir, overlay, configs=[str(config)])
    assert run.status == 0, run.output[-3000:]
    return run


def own_model(run: Run, identifier: str) -> TrainedModel:
    """The one that FreqAI saved."""
    (path,) = run.models(identifier).glob("sub-train-BTC_*/*_model.zip")
    content = torch.load(path, weights_only=False)
    loaded: TrainedModel = content["pytrainer"].load_from_checkpoint(content)
    return loaded


@pytest.fixture(scope="module")
def pretrained(userdir: Path) -> PortableModel:
    return load_portable(userdir / "models" / NAME)


@pytest.fixture(scope="module")
def used(userdir: Path) -> Run:
    return backtest(userdir, "used", epochs=0)


def test_a_frozen_models_backtest_is_reported_as_it_traded(
    used: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word of the overlay; the folder's own config.json has other thresholds."""
    monkeypatch.chdir(REPOSITORY)
    folder, figures = used.models("used"), tmp_path / "figures.json"
    assert main(["evaluate", str(folder), "--output", str(figures)]) == 0
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert content["basis"]["decisions"] == "SHORT 0.36, LONG 0.36"
    assert content["evaluation"]["rows"] == 1440
    made = len(used.trades())
    assert 0 < made * 0.5 < content["after_fees"]["trades"] <= made
    assert content["after_fees"]["fee_pct"] == 100 * used.trades()["fee_open"].iloc[0]
    assert main(["report", str(folder), "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["after_fees"] == content["after_fees"]
    assert report["about"]["configuration"].startswith("as traded by the backtest of")


def test_a_backtest_uses_the_model_as_it_is(
    used: Run, userdir: Path, pretrained: PortableModel
) -> None:
    run = used
    assert f"the pretrained model '{NAME}' ({PAIR}, 2025-06-10 to 2025-06-14 UTC)" in run.output
    assert "candles are not evaluated on, for the pretrained model has seen them" in run.output
    predictions = run.predictions("BTC", "used")
    assert len(predictions) == 1440
    assert (predictions["do_predict"] == 1).all()

    start = int(END.timestamp())
    dataset = store_of(userdir, start, start + DAY).dataset
    rows = np.searchsorted(dataset.seconds, pd.to_datetime(predictions["date"]).map(seconds_of))
    features = np.ascontiguousarray(dataset.features)
    expected = pretrained.model.probabilities(features, rows.astype(np.int64))
    found = predictions[["SHORT", "HOLD", "LONG"]].to_numpy(np.float64)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def seconds_of(date: pd.Timestamp) -> int:
    return int(date.timestamp())


def test_a_backtest_fine_tunes_the_model(userdir: Path, pretrained: PortableModel) -> None:
    run = backtest(userdir, "tuned", epochs=1)
    assert "kept epoch 1 of 1" in run.output
    before = pretrained.model._network.state_dict()
    after = own_model(run, "tuned")._network.state_dict()
    kept = {name for name in before if torch.equal(before[name], after[name])}
    assert kept == {"center", "scale", "mirror_source", "mirror_sign"}

"""`freqai.continual_learning` with the real freqtrade command, whole and interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.models.chain.former import FormerModel
from dualwindow.models.freqai_folders import find_models
from tests.makers.freqtrade import SMALL, Run, freqtrade, merged, user_folder

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("warm start")]


@pytest.fixture(scope="module")
def userdir(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    data = shared_data / "binance-futures-2025-05-04_2025-06-24"
    return user_folder(tmp_path_factory.mktemp("warm"), data, ["BTC_*"])


def backtest(userdir: Path) -> Run:
    """Three slices of a day."""
    overlay: dict[str, Any] = {
        "timerange": "20250614-20250617",
        "exchange": {"pair_whitelist": ["BTC/USDT:USDT"]},
        "freqai": {
            "identifier": "warm",
            "continual_learning": True,
            "train_period_days": 4,
            "backtest_period_days": 1,
            "feature_parameters": {"indicator_periods_candles": [30, 240]},
            "data_split_parameters": {"test_size": 0.3},
            # The class shares alone are hard to beat for a small network, balanced ones less so.
            "model_training_parameters": {"future_window": 60},
        },
    }
    run = freqtrade(userdir, merged(SMALL, overlay))
    assert run.status == 0, run.output
    return run


def models_of(run: Run) -> list[FormerModel]:
    """The saved models, newest first."""
    folders = find_models(run.models("warm"))
    return [FormerModel.load(folder.path, folder.filename) for folder in folders]


def test_a_chain_that_was_interrupted_goes_on_to_the_same_predictions(userdir: Path) -> None:
    whole = backtest(userdir)
    assert whole.output.count("warm retraining 1 of 11 from its last model") >= 1
    predictions, models = whole.predictions("BTC", "warm"), models_of(whole)
    # Every slice but the first was tried from the model before it.
    formers = [model.model.link.former for model in models if model.model.link is not None]
    assert formers == [*(model.sha256 for model in models[1:]), None]
    # As a backtest leaves it that ends in the last slice.
    shutil.rmtree(find_models(whole.models("warm"))[0].path)
    newest = sorted(whole.models("warm").glob("backtesting_predictions/*_prediction.feather"))[-1]
    newest.unlink()
    rest = backtest(userdir)
    assert rest.output.count("Starting training BTC") == 1
    pd.testing.assert_frame_equal(rest.predictions("BTC", "warm"), predictions)
    assert [model.sha256 for model in models_of(rest)] == [model.sha256 for model in models]

"""`freqai.continual_learning` with the real freqtrade command, in one run and in two."""

from __future__ import annotations

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


def backtest(userdir: Path, identifier: str, until: int) -> Run:
    """Slices of a day from 2025-06-14 on."""
    overlay: dict[str, Any] = {
        "timerange": f"20250614-202506{until}",
        "exchange": {"pair_whitelist": ["BTC/USDT:USDT"]},
        "freqai": {
            "identifier": identifier,
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


def test_a_chain_in_two_runs_is_that_of_one(userdir: Path) -> None:
    whole = backtest(userdir, "whole", 17)
    backtest(userdir, "parts", 16)
    rest = backtest(userdir, "parts", 17)
    # Every slice but the first was tried from the model before it.
    assert whole.output.count("warm retraining 1 of 11 from its last model") >= 1
    assert rest.output.count("Starting training BTC") == 1
    pd.testing.assert_frame_equal(
        rest.predictions("BTC", "parts"), whole.predictions("BTC", "whole")
    )
    models = {
        name: [
            FormerModel.load(folder.path, folder.filename)
            for folder in find_models(whole.models(name))
        ]
        for name in ("whole", "parts")
    }
    sums = {name: [model.sha256 for model in found] for name, found in models.items()}
    assert sums["whole"] == sums["parts"]
    formers = [model.model.link.former for model in models["whole"] if model.model.link]
    assert formers == [*sums["whole"][1:], None]

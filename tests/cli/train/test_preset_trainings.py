"""Each preset trains, with less data than it is made for."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.models.portable import load_portable
from dualwindow.settings.layers.presets import preset_files
from tests.makers.trainings import write_candles, write_config


@pytest.mark.parametrize("name", preset_files())
def test_a_preset_trains_a_model_as_it_says(
    name: str, tmp_path: Path, btc_futures: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same candles as if they had been the last of 2024, which every preset's period holds.
    last = pd.Timestamp("2024-12-31 12:00", tz="UTC")
    frame = btc_futures.iloc[:6000]
    frame = frame.assign(date=frame["date"] - frame["date"].iloc[-1] + last)
    write_candles(tmp_path, frame)
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    said = json.loads(preset_files()[name].read_text(encoding="utf-8"))["freqai"]
    settings = said["model_training_parameters"]
    # Those of long trainings are only begun.
    settings["epochs"] = min(settings.get("epochs", 1), 5) if name != "classic" else 1
    assert main(["train", "--preset", name, "--epochs", str(settings["epochs"])]) == 0
    folder = tmp_path / "user_data" / "models" / f"dualwindow-{name}-BTC_USDT_USDT"
    model = load_portable(folder)
    trained = model.model.config.to_dict()
    assert {name: trained[name] for name in settings.keys() - {"n_processes"}} == {
        name: value for name, value in settings.items() if name != "n_processes"
    }
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert len(figures["training"]["epochs"]) <= settings["epochs"]
    assert model.origin.until <= last.timestamp() + 86_400

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
    assert main(["train", "--preset", name]) == 0
    folder = tmp_path / "user_data" / "models" / f"dualwindow-{name}-BTC_USDT_USDT"
    said = json.loads(preset_files()[name].read_text(encoding="utf-8"))["freqai"]
    model = load_portable(folder)
    for setting, value in said["model_training_parameters"].items():
        if setting != "n_processes":
            assert getattr(model.model.config, setting) == value
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert len(figures["training"]["epochs"]) <= said["model_training_parameters"]["epochs"]
    assert model.origin.until <= last.timestamp() + 86_400

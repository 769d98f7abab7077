"""An unfinished training is resumed on its own candles, whatever was downloaded since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.train.folder import TrainingFolder
from dualwindow.cli.train.plan import TrainingRequest, recorded_sources
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.settings.layers.files import Layer, LayeredConfig
from tests.cli.train.test_folder import RECORD

BEGUN = DateRange(1000, 86_400)


@pytest.mark.parametrize(
    ("root", "now", "expected"),
    [
        ({"train_days": 1}, DateRange(5000, 90_400), BEGUN),
        ({"train_from": "2025-01-01"}, DateRange(1000, 90_400), BEGUN),
        # A date of the settings is kept as it is: it is compared with the record.
        ({"train_from": "2025-01-02"}, DateRange(2000, 90_400), DateRange(2000, 86_400)),
        (
            {"train_from": "2025-01-01", "train_to": "2025-01-03"},
            DateRange(1000, 90_400),
            DateRange(1000, 90_400),
        ),
    ],
)
def test_newer_candles_are_no_part_of_an_unfinished_training(
    root: dict[str, Any], now: DateRange, expected: DateRange, tmp_path: Path
) -> None:
    folder = TrainingFolder(tmp_path)
    folder.begin({**RECORD, "first": BEGUN.first, "stop": BEGUN.stop or 0})
    content = {"dualwindow": root, "exchange": {"pair_whitelist": ["BTC/USDT"]}}
    request = TrainingRequest(RunSettings.from_layers(LayeredConfig([Layer("test", content)])))
    source = CandleSource("BTC/USDT", tmp_path / "candles.feather", now)
    (resumed,) = recorded_sources(request, [source], folder)
    assert resumed.timerange == expected

"""A training of a backtest in three lines of the log: what it is, its result, the verdict."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from dualwindow.backtest.figures import verdict_sentence
from dualwindow.models.model_files import EVALUATION_NAME
from dualwindow.report.trainings import read_after_fees
from tests.makers.backtests import Backtests, market
from tests.makers.bot import PAIR


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_a_training_takes_three_lines_unless_more_are_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    backtests = Backtests(tmp_path, market())
    caplog.set_level(level, logger="dualwindow")
    done = backtests.run(slices=2)
    assert done.trained == [0, 6]
    of_trainings = [
        record.getMessage()
        for record in caplog.records
        if record.levelno <= logging.INFO
        # The adapter is executed by its path.
        and record.name.startswith(("dualwindow.training", "DualWindowLSTM", "dualwindow.models"))
    ]
    lines = [line for line in of_trainings if "model folder" not in line]
    if level == logging.DEBUG:
        assert any(line.startswith("epoch 1:") for line in lines)
        assert any("log loss: raw" in line for line in lines)
        return
    folders = sorted(backtests.models.glob("sub-train-*"))
    assert len(lines) == 3 * len(folders) == 6
    for number, folder in enumerate(folders):
        first, second, third = lines[3 * number : 3 * number + 3]
        assert first.startswith(f"Starting training {PAIR}: ")
        assert " an epoch, at most " in first
        assert second.startswith(f"Done training {PAIR}: kept epoch 1 of 1, validation loss ")
        assert "skill " in second
        figures = json.loads((folder / EVALUATION_NAME).read_text("utf-8"))
        assert f"{figures['training']['epochs'][0]['validation_loss']:.4f}" in second
        assert third == f"{PAIR}: {verdict_sentence(read_after_fees(folder / EVALUATION_NAME))}"

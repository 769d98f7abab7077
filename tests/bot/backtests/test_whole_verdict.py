"""A backtest ends with the verdict that `dualwindow evaluate` has of the same predictions."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from dualwindow.backtest.figures import verdict_sentence
from dualwindow.bot.backtests.whole_verdict import BacktestVerdict
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import DateRange
from dualwindow.model_selection.walk_forward import pooled_walk
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_sources import profits_of, walk_of
from dualwindow.models.identifier.looks import Look, note_look
from dualwindow.models.identifier.saved_predictions import ALL
from dualwindow.models.identifier.traded import Traded, write_traded
from dualwindow.settings import TrainingConfig
from tests.makers.reports import MONDAY, PAIR, backtest_folder, write_candles

OTHER = "ETH/USDT:USDT"
ROWS = 1440
AGGRESSIVE = {"freqai": {"model_training_parameters": {"confidence_mode": "aggressive"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candles(tmp_path / "user_data", 3 * ROWS)
    return backtest_folder(tmp_path / "user_data" / "models" / "small")


def datadir(folder: Path) -> Path:
    return folder.parents[1] / "data" / "binance"


def trade(folder: Path, overrides: tuple[str, ...] = ()) -> Traded:
    """Leave the record of a backtest that has just been run."""
    rule = DecisionRule.from_settings(TrainingConfig(confidence_mode="aggressive"))
    now, extent = int(time.time()), replace(ALL, dates=DateRange(MONDAY, MONDAY + 3 * ROWS * 60))
    traded = Traded(now, "Derived", rule, True, overrides, extent, {"fee": 0.0005, **AGGRESSIVE})
    write_traded(folder, traded)
    return traded


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for text in caplog.messages if text.startswith("The whole backtest")]


def test_the_verdict_is_told_with_the_last_pair_alone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    verdict = BacktestVerdict()
    for pair in (PAIR, OTHER):
        verdict.predicted(pair)
    traded = trade(folder)
    verdict.decided(OTHER, folder, datadir(folder))
    assert lines(caplog) == []
    verdict.decided(PAIR, folder, datadir(folder))
    settings = WalkSettings.from_config(folder, traded.configuration, traded)
    walk = walk_of(folder, PAIR, "BTC", settings, datadir(folder))
    assert walk is not None
    pooled = pooled_walk([walk], settings.terms)
    sentence = verdict_sentence(pooled.after_fees)
    assert lines(caplog) == [f"The whole backtest, 2 pairs: {sentence}"]
    # freqtrade's hyperopt asks for the signals of the same predictions again.
    verdict.decided(PAIR, folder, datadir(folder))
    assert len(lines(caplog)) == 1


def test_figures_are_widened_for_every_threshold_that_was_tried(folder: Path) -> None:
    traded = trade(folder)
    settings = WalkSettings.from_config(folder, traded.configuration, traded)
    once = profits_of(folder, settings, datadir(folder))
    other = DecisionRule.from_settings(TrainingConfig(confidence_mode="conservative"))
    note_look(folder, Look.of(other, (MONDAY, MONDAY + 60), "backtest"))
    twice = profits_of(folder, settings, datadir(folder))
    assert once is not None
    assert twice == once.of_choices(2)
    assert twice != once


def test_what_a_strategy_decides_itself_is_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    verdict = BacktestVerdict()
    verdict.predicted(PAIR)
    trade(folder, ("custom_exit", "leverage"))
    verdict.decided(PAIR, folder, datadir(folder))
    (line,) = lines(caplog)
    assert "1 pair, without what Derived decides in custom_exit, leverage: " in line


def test_the_record_of_an_earlier_backtest_is_not_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As when a bot's own predictions are backtested, which leave no record."""
    caplog.set_level("INFO")
    trade(folder)
    verdict = BacktestVerdict()
    verdict._since += 1
    verdict.predicted(PAIR)
    verdict.decided(PAIR, folder, datadir(folder))
    assert lines(caplog) == []


def test_a_backtest_without_its_candles_goes_on(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trade(folder)
    verdict = BacktestVerdict()
    verdict.predicted(PAIR)
    verdict.decided(PAIR, folder, folder / "elsewhere")
    assert "the verdict of the whole backtest is not known: " in caplog.text
    assert "elsewhere" in caplog.text

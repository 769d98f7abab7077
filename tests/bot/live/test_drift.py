"""A running bot's features are compared with the training of the model that predicts them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode

from dualwindow.bot.live.evidence import track_of
from dualwindow.bot.live.journal import Met
from dualwindow.cli.main import main
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.features.candle_arrays import read_candles
from dualwindow.models.identifier.drift import drift_in
from dualwindow.models.identifier.journal import (
    KEPT_BINS,
    JournalRow,
    JournalWriter,
    read_bins,
    read_journal,
)
from dualwindow.models.identifier.rules import rule_to_dict
from dualwindow.models.model_files import read_spread
from dualwindow.runtime.files import write_json
from tests.makers.bot import PAIR, Bot
from tests.makers.live_bot import trained
from tests.makers.started_bot import Started

__all__ = ["trained"]

CANDLES = 30
MODEL = "sub-train-BTC_1700000000"


@pytest.fixture
def started(trained: Bot, btc_futures: pd.DataFrame) -> Started:
    """With the figures of its model, of which a stretch is half an hour."""
    started = Started(trained, btc_futures)
    figures = json.loads(Path(trained.kitchen().data_path, "evaluation.json").read_text("utf-8"))
    assert figures["features"]["candles"] > CANDLES
    figures["features"]["candles"] = CANDLES
    write_json(started.folder / MODEL / "evaluation.json", figures)
    return started


def run(started: Started, candles: int) -> None:
    live = {**started.bot.config, "runmode": RunMode.DRY_RUN}
    started.bot.strategy._track = track_of(live, started.bot.strategy._settings, "1m")
    for number in range(candles):
        frame = started.live.candle(number)
        # As freqtrade hands it over.
        frame["enter_tag"] = ""
        started.bot.strategy.populate_entry_trend(frame, {"pair": PAIR})


def features_of(started: Started, candles: int) -> np.ndarray:
    """The newest features, as they are made of all candles at once."""
    whole = started.file.reset_index(drop=True)
    frame = started.bot.features(whole)
    names = list(frame.filter(like="%-"))
    arrays = read_candles(frame, names, PAIR, "1m", ())
    last = int(np.searchsorted(arrays.seconds, started.second(candles - 1)))
    return arrays.features[last + 1 - CANDLES : last + 1]


def test_the_bins_of_a_bot_are_those_of_its_candles(started: Started) -> None:
    run(started, CANDLES + 5)
    spread = read_spread(started.folder / MODEL)
    assert spread is not None
    expected = [spread.bins(row) for row in features_of(started, CANDLES + 5)]
    assert read_bins(started.folder, PAIR, 10**9)[-CANDLES:] == expected
    drift = drift_in(started.folder, {PAIR: MODEL}, 60)[PAIR]
    assert drift == spread.drift(np.frombuffer(b"".join(expected), np.uint8).reshape(CANDLES, -1))


def test_track_tells_which_features_have_drifted(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    """A feature whose training never saw such values."""
    path = started.folder / MODEL / "evaluation.json"
    figures = json.loads(path.read_text("utf-8"))
    for name, own in figures["features"]["features"].items():
        own["limit"] = 1e9
        if name == "volume_to_ma240":
            own["limit"], own["edges"] = 1.0, [edge + 1e6 for edge in own["edges"]]
    write_json(path, figures)
    run(started, CANDLES)
    assert main(["track", str(started.folder), "--json"]) == 0
    drift: dict[str, Any] = json.loads(capsys.readouterr().out)["pairs"][PAIR]["drift"]
    assert drift["drifted"] == ["volume_to_ma240"]
    assert drift["candles"] == CANDLES
    assert main(["track", str(started.folder)]) == 0
    shown = capsys.readouterr().out
    assert f"features drifted in the newest {CANDLES} candles: volume_to_ma240" in shown


@pytest.mark.parametrize("spoil", ["figures", "none", "journal", "few"])
def test_what_is_not_known_is_said(
    spoil: str, started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    run(started, CANDLES if spoil != "few" else 5)
    if spoil == "figures":
        (started.folder / MODEL / "evaluation.json").write_text("{", "utf-8")
    elif spoil == "none":
        (started.folder / MODEL / "evaluation.json").unlink()
    elif spoil == "journal":
        for path in started.folder.glob("decision_journal*"):
            path.unlink()
    assert main(["track", str(started.folder)]) == 0
    assert "features: drift is not known" in capsys.readouterr().out


def test_bins_are_kept_for_two_days_of_minutes_at_most(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, {}, 0.0)
    count = 2 * KEPT_BINS + 1_500
    for number in range(count):
        row = JournalRow(60 * number, 0.0, 1, 1, False, False, {}, (1.0,) * 5, (1.0,) * 8)
        writer.note(PAIR, JournalRow(**{**vars(row), "bins": b"\1\2"}), 60)
    writer.close()
    assert KEPT_BINS <= len(read_bins(tmp_path, PAIR, 10**9)) <= 2 * KEPT_BINS + 1_000
    assert len(read_bins(tmp_path, PAIR, 600)) == 10
    assert not read_bins(tmp_path, "ETH/USDT:USDT", 600)


def test_of_a_damaged_journal_the_drift_is_not_known(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    run(started, 5)
    for path in started.folder.glob("decision_journal*"):
        path.write_bytes(b"no database" * 500)
    assert drift_in(started.folder, {PAIR: MODEL}, 60) == {PAIR: None}
    assert f"the drift of {PAIR} is not known" in caplog.text
    for path in started.folder.glob("decision_journal*"):
        path.unlink()


def test_an_entry_that_cannot_be_noted_costs_nothing_but_a_line(
    started: Started, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = started.bot.model.journal
    # Before the first candle there is nothing to write to.
    journal.note_entry(PAIR, started.second(0), is_short=False, rate=100.0)
    started.live.candle(0)

    def fails(*_arguments: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(journal._writer, "note_entry", fails)
    for _ in range(2):
        journal.note_entry(PAIR, started.second(0), is_short=False, rate=100.0)
    assert caplog.text.count("the journal of decisions in") == 1
    assert "disk is full" in caplog.text


def test_a_strategy_of_another_kind_is_noted_with_the_rule_of_its_settings(
    started: Started,
) -> None:
    """Its own decisions cannot be known; a frame without a candle is none."""
    model, frame = started.bot.model, started.live.candle(0)
    started.start()
    plain = SimpleNamespace(can_short=True)
    model.journal.note(PAIR, frame.iloc[:0], Met(first=True), plain)
    before = read_journal(started.folder)
    assert before is not None
    model.journal.note(PAIR, frame, Met(first=False, model=1), plain)
    journal = read_journal(started.folder)
    assert journal is not None
    (earlier,), (row,) = before.rows[PAIR], journal.rows[PAIR]
    assert earlier.session < row.session
    rule = DecisionRule.from_settings(model._settings)
    assert journal.sessions[row.session].content["rule"] == rule_to_dict(rule)

"""The gate of `trade_only_on_evidence` is named where it closed, and nowhere else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode

from dualwindow.bot.live.evidence import track_of
from dualwindow.bot.why.evidence import RecordedGate, backtested_gate, read_gate
from dualwindow.cli.main import main
from dualwindow.columns import HOLD
from dualwindow.models.identifier.traded import GateSpan, read_traded, write_traded
from dualwindow.track.entries import Decision, unpacked
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from tests.makers.backtests import Backtests, begin_at
from tests.makers.bot import PAIR, Bot
from tests.makers.candle_files import read_futures, write_futures
from tests.makers.live_bot import NEVER_EXPIRES, trained
from tests.makers.markets import random_candles
from tests.makers.started_bot import Started

__all__ = ["trained"]

ON_EVIDENCE = "trade_only_on_evidence"


@pytest.fixture
def started(trained: Bot, btc_futures: pd.DataFrame) -> Iterator[Started]:
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES
    started = Started(trained, btc_futures)
    yield started
    for path in started.folder.glob("track_record*"):
        path.unlink()


def start_with(started: Started, demand: Any) -> None:
    """Start the bot again with a setting."""
    config = started.bot.config
    config["dualwindow"] = {**config["dualwindow"], ON_EVIDENCE: demand}
    started.start()
    live = {**config, "runmode": RunMode.DRY_RUN}
    started.bot.strategy._track = track_of(live, started.bot.strategy._settings, "1m")


def decide(started: Started, number: int) -> pd.Series:
    frame = started.live.candle(number).assign(enter_tag="")
    return started.bot.strategy.populate_entry_trend(frame, {"pair": PAIR}).iloc[-1]


def test_a_running_bots_gate_is_named_where_its_record_has_it(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waits for an edge, then for nothing, then only leaves when worse, then for an edge."""
    noted: dict[int, tuple[bool, bool]] = {}
    for turn, demand in enumerate(("strict", False, True, "strict")):
        start_with(started, demand)
        for number in range(8 * turn, 8 * turn + 8):
            row = decide(started, number)
            noted[number] = demand == "strict", bool(row["decision"] != 0 and row["do_predict"])
    closed = {number for number, (blocks, fires) in noted.items() if blocks and fires}
    assert len(closed) >= 5
    for number in noted:
        assert (started.why(capsys, number)["cause"] == "evidence") == (number in closed)
    answer = started.why(capsys, min(closed))
    assert "too early to tell" in str(answer["gates"])


def test_a_lost_record_leaves_the_gate_unknown_where_entries_waited(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for turn, demand in enumerate(("strict", False)):
        start_with(started, demand)
        for number in range(5 * turn, 5 * turn + 5):
            decide(started, number)
        for path in started.folder.glob("track_record*"):
            path.unlink()
        gates = started.why(capsys, 5 * turn + 4)["gates"]
        found += [gate["state"] for gate in gates if gate["name"] == "evidence"]
    assert found == ["not known", "open"]


def test_a_damaged_record_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / RECORD_NAME).write_bytes(b"no database" * 100)
    assert read_gate(tmp_path) == RecordedGate({})
    assert "--verify" in caplog.text


@pytest.mark.parametrize("demand", [True, "strict"])
def test_a_backtests_gate_is_named_where_it_closed(
    demand: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    datadir = tmp_path / "data" / "binance"
    write_futures(datadir, PAIR, random_candles(3 * 1440, seed=1))
    backtests = Backtests(tmp_path, {(PAIR, "1m"): read_futures(datadir, PAIR).frame})
    backtests.root = {ON_EVIDENCE: demand}
    frame = backtests.run(slices=2).frame
    frame = frame[frame["date"] >= begin_at(0)]
    assert main(["why", str(backtests.models), "--last", "30d", "--json"]) == 0
    (pair,) = json.loads(capsys.readouterr().out)["pairs"].values()
    fired = int((frame["decision"] != HOLD - 1).sum())
    assert fired > 20
    assert pair["causes"].get("evidence", 0) == (fired if demand == "strict" else 0)


def test_a_backtest_without_a_gate_names_none(tmp_path: Path) -> None:
    """Neither the next backtest of a folder nor one of an earlier version has another one's."""
    backtests = Backtests(tmp_path, {(PAIR, "1m"): random_candles(3 * 1440, seed=1)})
    backtests.root = {ON_EVIDENCE: "strict"}
    backtests.run(slices=1)
    traded = read_traded(backtests.models)
    assert traded is not None
    assert traded.gate == (GateSpan(0, True, "too early to tell"),)
    assert backtested_gate(None, 0) is None
    backtests.root = {}
    backtests.run(slices=1)
    traded = read_traded(backtests.models)
    assert traded is not None
    assert traded.gate is None
    shutil.rmtree(backtests.models)
    backtests.models.mkdir()
    write_traded(backtests.models, traded)
    assert read_traded(backtests.models) == traded


def test_the_decisions_of_a_record_are_all_found(started: Started) -> None:
    start_with(started, "strict")
    for number in range(4):
        decide(started, number)
    file = RecordFile.for_reading(started.folder / RECORD_NAME)
    entries = [unpacked(content) for _, content in file.entries()]
    file.close()
    seconds = {entry.seconds for entry in entries if isinstance(entry, Decision)}
    assert set(read_gate(started.folder).decided[PAIR]) == seconds

"""A running bot's track record, and a backtest that knows what was known at the time."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.persistence import Trade, init_db

from dualwindow.bot.live.track_record import LiveTrack, claim_of
from dualwindow.bot.why.evidence import backtested_gate, read_gate
from dualwindow.bot.why.facts import Evidence
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.features.windows import label_frame
from dualwindow.models.identifier.saved_predictions import Extent
from dualwindow.models.identifier.traded import Traded, read_traded, write_traded
from dualwindow.track.claims import ClaimedModels
from dualwindow.track.entries import Claim, Decision, Genesis, TradeEntry, unpacked
from dualwindow.track.periods import Scoring
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from dualwindow.track.verdict import EDGE_FOUND, TOO_EARLY, WORDS, WORSE, Demand
from dualwindow.track.verify import verify
from tests.makers.track_records import BEGIN, PAIRS, candles_of, scoring_of
from tests.makers.track_strategy import RULE, Replay, predicted, save_figures, strategy_of

DAYS = 18
STEP = 1800
SCORING = scoring_of(step=STEP, future_window=4)


def decisions(candles: pd.DataFrame, seed: int, good_until: int) -> np.ndarray:
    """Sides of a model that knows the future in most cases, and from a row on errs in most."""
    random = np.random.default_rng(seed)
    labels, _ = label_frame(candles, SCORING.config, STEP)
    knows = np.where(np.isin(labels, (SHORT, LONG)), labels, HOLD)
    errs = SHORT + LONG - knows
    guesses = random.choice([SHORT, LONG], len(candles))
    sides = np.where(np.arange(len(candles)) < good_until, knows, errs)
    sides = np.where(random.random(len(candles)) < 0.9, sides, guesses)
    return np.where(random.random(len(candles)) < 0.8, sides, HOLD)


def replay_in(folder: Path, days: int = DAYS) -> Replay:
    """Two pairs that do well for two thirds of the days, with a new model in the middle."""
    count = days * 86_400 // STEP + 30
    middle = BEGIN + days * 43_200
    models = {
        pair: [
            (0, save_figures(folder / "bot" / f"sub-train-{pair[:3]}_1", 0.05)),
            (middle, save_figures(folder / "bot" / f"sub-train-{pair[:3]}_2", 0.01)),
        ]
        for pair in PAIRS
    }
    frames = {}
    for at, pair in enumerate(PAIRS):
        candles = candles_of(at + 1, count, step=STEP, volatility=0.003)
        frames[pair] = predicted(candles, decisions(candles, at, count * 2 // 3))
    return Replay(folder, frames, models, SCORING)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Replay, dict[str, np.ndarray]]:
    """A bot that has run from its first to its last candle, and where it let nothing in."""
    replay = replay_in(tmp_path_factory.mktemp("replay"))
    return replay, replay.live(True)


def test_a_bot_and_a_backtest_block_the_same_candles(
    replayed: tuple[Replay, dict[str, np.ndarray]],
) -> None:
    replay, live = replayed
    backtest = replay.backtest(True)
    for pair in PAIRS:
        assert backtest[pair].tolist() == live[pair].tolist()
        assert 0 < backtest[pair].sum() < len(backtest[pair])
        again = replay.backtest(True, of_bot=True)[pair]
        assert again.tolist() == live[pair].tolist(), "its models may be gone, its claims are there"
    assert {EDGE_FOUND, WORSE, TOO_EARLY} <= set(replay.verdicts[PAIRS[0]])
    file = RecordFile.for_reading(replay.folder / "models" / "bot" / RECORD_NAME)
    assert verify(file).problems == []


def test_why_knows_the_gate_of_every_candle(
    replayed: tuple[Replay, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    """Of the bot from its record, of the backtest from what it left, verdict by verdict."""
    replay, live = replayed
    gate = read_gate(replay.folder / "models" / "bot")
    replay.models_folder = tmp_path
    extent = Extent(None, None, DateRange(None, None))
    write_traded(tmp_path, Traded(1, "DualWindowStrategy", RULE, True, (), extent, {}))
    backtest = replay.backtest(True)
    spans = read_traded(tmp_path).gate  # type: ignore[union-attr]
    assert [span.blocks for span in spans] == [False, False, True]
    for pair in PAIRS:
        seconds = utc_seconds(replay.candles[pair]["date"]).tolist()
        words = [WORDS[code] for code in replay.verdicts[pair]]
        for number, second in enumerate(seconds):
            assert gate.at(pair, second, {}) == Evidence(bool(live[pair][number]), words[number])
            found = backtested_gate(spans, second)
            assert found == Evidence(bool(backtest[pair][number]), words[number])


def test_every_retraining_logs_the_verdict_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replay = replay_in(tmp_path, days=8)
    with caplog.at_level(logging.INFO):
        replay.live(False, stops=2)
    lines = [line for line in caplog.messages if "at the retraining of" in line]
    for pair, line in zip(PAIRS, lines, strict=True):
        assert f"at the retraining of {pair}: " in line
        assert any(words in line for words in WORDS.values())
        assert "paper trades; drift is not known" in line


def test_a_restarted_bot_waits_for_an_edge_as_a_backtest_does(tmp_path: Path) -> None:
    replay = replay_in(tmp_path, days=8)
    backtest, live = replay.backtest("strict"), replay.live("strict", stops=3)
    for pair in PAIRS:
        assert backtest[pair].tolist() == live[pair].tolist()
        assert 0 < backtest[pair].sum() < len(backtest[pair])
    assert len(replay.messages) == np.count_nonzero(np.diff(replay.verdicts[PAIRS[0]]))


def test_a_backtest_knows_no_outcome_before_its_time(tmp_path: Path) -> None:
    """What follows a candle changes nothing at it."""
    replay = replay_in(tmp_path)
    whole = replay.backtest("strict")
    for rows in (100, 300, 400, 500):
        cut = Replay(
            tmp_path,
            {pair: frame.iloc[:rows].copy() for pair, frame in replay.candles.items()},
            replay.models,
            SCORING,
        )
        for pair, blocked in cut.backtest("strict").items():
            assert blocked.tolist() == whole[pair][:rows].tolist()


def test_nothing_is_blocked_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert not any(blocked.any() for blocked in replay_in(tmp_path, days=2).live(False).values())


def test_a_changed_verdict_is_sent_to_the_user(
    replayed: tuple[Replay, dict[str, np.ndarray]],
) -> None:
    replay, _ = replayed
    changes = np.count_nonzero(np.diff(replay.verdicts[PAIRS[0]]))
    assert len(replay.messages) == changes
    assert replay.messages[0].startswith("Track record: edge found: +0.")
    assert "worse than promised" in replay.messages[-1]


def test_what_is_blocked_is_still_recorded(tmp_path: Path) -> None:
    replay = replay_in(tmp_path, days=2)
    replay.live("strict")
    file = RecordFile.for_reading(tmp_path / "models" / "bot" / RECORD_NAME)
    found = [
        entry for _, content in file.entries() if isinstance(entry := unpacked(content), Decision)
    ]
    assert len(found) == 2 * len(replay.candles[PAIRS[0]])
    assert all(decision.blocked for decision in found)
    assert {decision.side for decision in found} == {SHORT, HOLD, LONG}


def test_a_claim_holds_what_validation_promised(tmp_path: Path) -> None:
    folder = save_figures(tmp_path / "sub-train-BTC_5", 0.3, leverage=3.0)
    claim = claim_of(PAIRS[0], BEGIN, folder, RULE)
    assert claim.profit == pytest.approx(0.001)
    assert (claim.firing, claim.precision) == (0.04, {"SHORT": 0.3, "LONG": None})
    assert claim.thresholds == {"SHORT": 0.6, "LONG": 0.6}
    assert set(claim.sums) == {"evaluation.json"}


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", b'{"tail": {"thresholded": 3}}'])
def test_a_model_without_figures_promises_nothing(content: bytes | None, tmp_path: Path) -> None:
    folder = tmp_path / "sub-train-BTC_5"
    folder.mkdir()
    if content is not None:
        (folder / "evaluation.json").write_bytes(content)
    claim = claim_of(PAIRS[0], BEGIN, folder, RULE)
    assert (claim.profit, claim.firing, claim.precision) == (None, None, None)


def track_in(folder: Path, scoring: Scoring = SCORING, now: float = 0.0) -> LiveTrack:
    config = {"user_data_dir": str(folder), "freqai": {"identifier": "bot"}}
    return LiveTrack(config, scoring, "strict", lambda: now)


def hand(track: LiveTrack, folder: Path, rows: int, first: int = 0) -> list[np.ndarray]:
    """Hand a bot some candles of one pair."""
    candles = predicted(candles_of(1, rows, step=STEP), np.full(rows, LONG))
    model = save_figures(folder / "sub-train-BTC_1", 0.05)
    strategy = strategy_of({PAIRS[0]: [(0, model)]}, {PAIRS[0]: {"30m": candles}})
    found = []
    for row in range(first, rows):
        part = candles.iloc[: row + 1].copy()
        found.append(track.blocked(part, PAIRS[0], RULE.decide(part), strategy))
    return found


def test_a_bot_decides_on_where_no_record_can_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    blocked = hand(track_in(tmp_path), tmp_path, rows=5)
    assert all(flags.all() for flags in blocked), "nothing is known, so nothing is entered"
    assert caplog.text.count("cannot be written") == 1


def test_a_damaged_record_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "models" / "bot" / RECORD_NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    hand(track_in(tmp_path), tmp_path, rows=3)
    assert "is damaged" in caplog.text
    assert path.with_name(f"{RECORD_NAME}.damaged").is_file()
    assert verify(RecordFile.for_reading(path)).entries == 5


def test_other_barriers_begin_another_record_that_names_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "models" / "bot" / RECORD_NAME
    hand(track_in(tmp_path), tmp_path, rows=3)
    before = RecordFile.for_reading(path).head.text
    with caplog.at_level(logging.WARNING):
        hand(
            track_in(tmp_path, scoring_of(step=STEP, future_window=4, long_tp_pct=0.006)),
            tmp_path,
            rows=6,
            first=3,
        )
    assert "long_tp_pct 0.004 before, 0.006 now" in caplog.text
    genesis = unpacked(next(RecordFile.for_reading(path).entries())[1])
    assert isinstance(genesis, Genesis)
    assert genesis.before == before
    (aside,) = path.parent.glob("track_record-until-*.sqlite")
    assert RecordFile.for_reading(aside).head.text == before


def test_a_file_that_is_locked_for_a_while_costs_a_candle_and_not_the_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dualwindow.track.record_file._PATIENCE", 0.01)
    track = track_in(tmp_path)
    hand(track, tmp_path, rows=3)
    path = tmp_path / "models" / "bot" / RECORD_NAME
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    hand(track, tmp_path, rows=4, first=3)
    other.execute("ROLLBACK")
    hand(track, tmp_path, rows=6, first=4)
    file = RecordFile.for_reading(path)
    assert verify(file).problems == []
    dates = [
        (entry.seconds - BEGIN) // STEP
        for _, content in file.entries()
        if isinstance(entry := unpacked(content), Decision)
    ]
    assert dates == [0, 1, 2, 4, 5]


def test_a_verdict_holds_while_the_record_cannot_be_read(
    replayed: tuple[Replay, dict[str, np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a database browser, is no reason to trade again."""
    replay, live = replayed
    shutil.copytree(replay.folder / "models", tmp_path / "models")
    config = {"user_data_dir": str(tmp_path), "freqai": {"identifier": "bot"}}
    track = LiveTrack(config, SCORING, True, lambda: 0.0)
    assert live[PAIRS[0]][-1]

    def no_record(*_: Any, **_named: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    for candle in range(4):
        part = replay.candles[PAIRS[0]].iloc[-60:].reset_index(drop=True)
        part["date"] += pd.Timedelta(seconds=candle * STEP)
        if candle == 1:
            monkeypatch.setattr(RecordFile, "append", no_record)
        if candle == 2:
            monkeypatch.setattr("dualwindow.bot.live.track_record.open_record", no_record)
        strategy = strategy_of({PAIRS[0]: replay.models[PAIRS[0]]}, {})
        assert track.blocked(part, PAIRS[0], RULE.decide(part), strategy)[-1]


@pytest.mark.parametrize("demand", [True, "strict", False])
def test_after_a_start_nothing_is_entered_until_a_record_that_is_there_can_be_read(
    demand: Demand,
    replayed: tuple[Replay, dict[str, np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It may hold that the bot does worse than promised."""
    replay, _ = replayed
    shutil.copytree(replay.folder / "models", tmp_path / "models")
    config = {"user_data_dir": str(tmp_path), "freqai": {"identifier": "bot"}}
    track = LiveTrack(config, SCORING, demand, lambda: 0.0)

    def locked(*_: Any) -> Any:
        raise sqlite3.OperationalError("database is locked")

    strategy = strategy_of({PAIRS[0]: replay.models[PAIRS[0]]}, {})
    part = replay.candles[PAIRS[0]].iloc[-60:].reset_index(drop=True)
    with monkeypatch.context() as patch:
        patch.setattr("dualwindow.bot.live.track_record.open_record", locked)
        flags = track.blocked(part, PAIRS[0], RULE.decide(part), strategy)
    assert flags.all() == bool(demand)
    assert ("nothing is entered until it can be read" in caplog.text) == bool(demand)
    if demand is True:
        # Those of the first days, which the verdict had not closed yet, are let in again.
        later = replay.candles[PAIRS[0]].copy()
        later["date"] += pd.Timedelta(seconds=STEP)
        assert not track.blocked(later, PAIRS[0], RULE.decide(later), strategy).all()


def test_a_bot_that_begins_its_record_enters_where_none_can_be_written(tmp_path: Path) -> None:
    """Without a record there is none that shows anything."""
    (tmp_path / "models").write_text("a file where the folder should be")
    config = {"user_data_dir": str(tmp_path), "freqai": {"identifier": "bot"}}
    track = LiveTrack(config, SCORING, True, lambda: 0.0)
    assert not any(flags.any() for flags in hand(track, tmp_path, rows=3))


def test_a_locked_file_keeps_a_bot_waiting_once_a_candle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []

    def locked(*_: Any) -> Any:
        waited.append(1)
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("dualwindow.bot.live.track_record.open_record", locked)
    track = track_in(tmp_path)
    for rows in range(1, 6):
        for _ in range(7):
            hand(track, tmp_path, rows=rows, first=rows - 1)
    assert len(waited) == 5


def test_two_bots_of_one_identifier_leave_a_sound_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a container that ends while the next one begins."""
    replay = replay_in(tmp_path, days=3)
    config = {"user_data_dir": str(tmp_path), "freqai": {"identifier": "bot"}}
    bots = [LiveTrack(config, SCORING, False, lambda: 0.0) for _ in range(2)]
    random = np.random.default_rng(0)
    rows = len(replay.candles[PAIRS[0]])
    for row in range(rows):
        held = {pair: {"30m": frame.iloc[: row + 1]} for pair, frame in replay.candles.items()}
        for bot, pair in [(bots[at], pair) for pair in PAIRS for at in random.permutation(2)]:
            part = replay.candles[pair].iloc[max(row - 59, 0) : row + 1].reset_index(drop=True)
            strategy = strategy_of({pair: replay.models[pair][:1]}, held)
            bot.blocked(part, pair, RULE.decide(part), strategy)
    file = RecordFile.for_reading(tmp_path / "models" / "bot" / RECORD_NAME)
    assert verify(file).problems == []
    decided = [entry for _, entry in file.entries() if isinstance(unpacked(entry), Decision)]
    assert len(decided) == 2 * rows
    assert caplog.text.count("another process writes to the track record") == 2


@pytest.mark.parametrize("back", [0, 5_000, 40 * 86_400])
def test_a_clock_that_is_set_back_keeps_no_trade_out(
    back: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def get_trades(filters: Any) -> list[Any]:
        asked.append(filters)
        return []

    monkeypatch.setattr("dualwindow.bot.live.track_record.Trade.session", None, raising=False)
    monkeypatch.setattr("dualwindow.bot.live.track_record.Trade.get_trades", get_trades)
    now = [50 * 86_400.0]
    config = {"user_data_dir": str(tmp_path), "freqai": {"identifier": "bot"}}
    track = LiveTrack(config, SCORING, True, lambda: now[0])
    hand(track, tmp_path, rows=2)
    assert len(asked) == 1
    now[0] += 3_601 - back
    hand(track, tmp_path, rows=3, first=2)
    assert len(asked) == 2


def test_a_pair_without_a_model_decides_nothing(tmp_path: Path) -> None:
    candles = candles_of(1, 3, step=STEP).assign(do_predict=0)
    track = track_in(tmp_path)
    strategy = strategy_of({}, {})
    track.blocked(candles, PAIRS[0], np.full(3, HOLD), strategy)
    path = tmp_path / "models" / "bot" / RECORD_NAME
    assert verify(RecordFile.for_reading(path)).entries == 1


def ended(number: int, closed: int) -> Any:
    """A trade of freqtrade's."""
    return SimpleNamespace(
        id=number,
        pair=PAIRS[0],
        is_short=True,
        open_date_utc=pd.Timestamp(closed - 600, unit="s", tz="UTC"),
        close_date_utc=pd.Timestamp(closed, unit="s", tz="UTC"),
        open_rate=100.0,
        close_rate=99.0,
        leverage=2.0,
        close_profit=0.019,
        exit_reason="roi",
        enter_tag=None,
    )


def test_trades_are_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def get_trades(filters: Any) -> list[Any]:
        asked.append(filters)
        return [ended(2, 5000), ended(1, 7000)]

    monkeypatch.setattr("dualwindow.bot.live.track_record.Trade.session", None, raising=False)
    monkeypatch.setattr("dualwindow.bot.live.track_record.Trade.get_trades", get_trades)
    for _ in range(2):
        hand(track_in(tmp_path), tmp_path, rows=3)
    path = tmp_path / "models" / "bot" / RECORD_NAME
    entries = [unpacked(content) for _, content in RecordFile.for_reading(path).entries()]
    trades = [entry for entry in entries if isinstance(entry, TradeEntry)]
    assert [(trade.id, trade.side, trade.profit) for trade in trades] == [
        (2, "SHORT", 0.019),
        (1, "SHORT", 0.019),
    ]
    assert len(asked) == 2
    assert sum(isinstance(entry, Claim) for entry in entries) == 1


def test_a_new_model_or_rule_makes_a_new_claim(tmp_path: Path) -> None:
    replay = replay_in(tmp_path, days=2)
    replay.live(False)
    path = tmp_path / "models" / "bot" / RECORD_NAME
    claims = [
        entry
        for _, content in RecordFile.for_reading(path).marked()
        if isinstance(entry := unpacked(content), Claim)
    ]
    assert [(claim.pair[:3], claim.model[-1], claim.profit) for claim in claims] == [
        ("BTC", "1", 0.0005),
        ("ETH", "1", 0.0005),
        ("BTC", "2", 0.0001),
        ("ETH", "2", 0.0001),
    ]


def test_a_model_that_was_replaced_in_its_folder_is_claimed_after_a_start(tmp_path: Path) -> None:
    for rows, profit in ((3, 0.05), (6, 0.05), (9, 0.9)):
        track = track_in(tmp_path)
        candles = predicted(candles_of(1, rows, step=STEP), np.full(rows, LONG))
        model = save_figures(tmp_path / "models" / "bot" / "sub-train-BTC_1", profit)
        strategy = strategy_of({PAIRS[0]: [(0, model)]}, {PAIRS[0]: {"30m": candles}})
        for row in range(rows - 3, rows):
            part = candles.iloc[: row + 1].copy()
            track.blocked(part, PAIRS[0], RULE.decide(part), strategy)
    file = RecordFile.for_reading(tmp_path / "models" / "bot" / RECORD_NAME)
    claims = [own for _, entry in file.marked() if isinstance(own := unpacked(entry), Claim)]
    assert [claim.profit for claim in claims] == pytest.approx([0.0005, 0.009])
    found = verify(file, None, tmp_path / "models" / "bot")
    assert found.problems == []
    assert found.models == ClaimedModels(1, 1)


def test_trades_are_those_of_freqtrades_database(tmp_path: Path) -> None:
    init_db("sqlite://")
    for is_open in (False, True):
        closed = None if is_open else pd.Timestamp("2026-11-01 12:00").to_pydatetime()
        trade = Trade(
            pair=PAIRS[0],
            stake_amount=100.0,
            amount=1.0,
            open_rate=100.0,
            close_rate=None if is_open else 101.0,
            close_profit=None if is_open else 0.009,
            open_date=pd.Timestamp("2026-11-01 11:00").to_pydatetime(),
            close_date=closed,
            is_open=is_open,
            fee_open=0.0005,
            fee_close=0.0005,
            exchange="binance",
            leverage=1.0,
            exit_reason="roi",
        )
        Trade.session.add(trade)
    Trade.commit()
    try:
        hand(track_in(tmp_path), tmp_path, rows=2)
    finally:
        Trade.session.remove()
        del Trade.session
    path = tmp_path / "models" / "bot" / RECORD_NAME
    entries = [unpacked(content) for _, content in RecordFile.for_reading(path).marked()]
    (trade,) = [entry for entry in entries if isinstance(entry, TradeEntry)]
    assert (trade.side, trade.profit, trade.reason) == ("LONG", 0.009, "roi")
    assert trade.closed - trade.opened == 3600


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None])
def test_what_is_no_number_keeps_no_bot_from_deciding(number: Any, tmp_path: Path) -> None:
    candles = predicted(candles_of(1, 3, step=STEP), np.full(3, HOLD))
    candles = candles.astype({"do_predict": float})
    candles.loc[2, ["SHORT", "LONG", "do_predict"]] = number
    strategy = strategy_of({PAIRS[0]: [(0, save_figures(tmp_path / "sub-train-BTC_1", 0.1))]}, {})
    track_in(tmp_path).blocked(candles, PAIRS[0], np.full(3, HOLD), strategy)
    path = tmp_path / "models" / "bot" / RECORD_NAME
    assert verify(RecordFile.for_reading(path)).entries == 3

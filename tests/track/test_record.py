"""A track record holds what a bot claimed and decided, and survives whatever ends the bot."""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.data.features.windows import label_frame
from dualwindow.track.entries import (
    Claim,
    Decision,
    EntryError,
    Outcome,
    TradeEntry,
    unpacked,
)
from dualwindow.track.figures import figures_of
from dualwindow.track.record import TrackRecord
from dualwindow.track.record_file import RECORD_NAME, MovedOnError, RecordFile
from dualwindow.track.verify import verify
from tests.makers.track_records import BEGIN, PAIRS, STEP, PaperBot

ROWS_A_DAY = 86_400 // STEP


def entries(path: Path) -> list[object]:
    file = RecordFile.for_reading(path / RECORD_NAME)
    found: list[object] = [unpacked(content) for _, content in file.entries()]
    file.close()
    return found


def test_a_claim_stands_before_the_decisions_that_it_is_of(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=1)
    bot.run(bot.open())
    claimed: dict[int, list[Claim]] = {}
    for entry in entries(tmp_path):
        if isinstance(entry, Claim):
            claimed.setdefault(entry.number, []).append(entry)
        elif isinstance(entry, Decision):
            assert (
                claimed[entry.number][-1].model == f"model-{(entry.seconds - BEGIN) // STEP // 200}"
            )
    assert {len(of_pair) for of_pair in claimed.values()} == {2}


def test_outcomes_are_the_labels_of_training(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=3)
    bot.run(bot.open())
    labels: dict[str, str] = {}
    for entry in entries(tmp_path):
        if isinstance(entry, Outcome):
            labels[entry.pair] = labels.get(entry.pair, "") + entry.labels
            assert sum(entry.fired.values()) >= sum(entry.right.values())
    for pair in PAIRS:
        wanted, _ = label_frame(bot.candles[pair], bot.scoring.config, STEP)
        known = "".join("-" if label < 0 else str(label) for label in wanted.tolist())
        assert labels[pair] == known[: 3 * ROWS_A_DAY - bot.scoring.config.future_window]


def test_no_outcome_is_written_before_its_period_is_over(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=2)
    record, newest = bot.open(), 0
    for row in range(len(bot.sides[PAIRS[0]])):
        settled = [bot.decide(record, pair, row) for pair in PAIRS]
        newest = BEGIN + STEP * row
        if any(settled):
            period = record.timeline.now.periods - 1
            assert newest == bot.scoring.counts_from(BEGIN // 86_400 + period)
    assert record.timeline.now.periods == 2


def test_a_restarted_bot_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = PaperBot(tmp_path / "whole", days=3)
    stopped = PaperBot(tmp_path / "stopped", days=3)
    for bot in (whole, stopped):
        bot.path.mkdir()
    record = whole.open()
    whole.run(record)
    for first, last in ((0, 100), (95, 290), (290, 301), (301, None)):
        again = stopped.open()
        stopped.run(again, first, last)
        again.close()
    assert entries(whole.path) == entries(stopped.path)
    assert stopped.open().timeline.now == record.timeline.now


@pytest.mark.parametrize("stop", [ROWS_A_DAY - 30, ROWS_A_DAY - 5, ROWS_A_DAY + 4])
@pytest.mark.parametrize("off", [2, 40, ROWS_A_DAY, 2 * ROWS_A_DAY + 7])
def test_a_bot_that_was_off_keeps_a_record_without_a_problem(
    stop: int, off: int, tmp_path: Path
) -> None:
    """Outcomes of a day that ended meanwhile are written before the first decision after it."""
    bot = PaperBot(tmp_path, days=5)
    for first, last in ((0, stop), (stop + off, None)):
        record = bot.open()
        bot.run(record, first, last)
        record.close()
    file = RecordFile.for_reading(tmp_path / RECORD_NAME)
    assert verify(file).problems == []
    file.close()


@pytest.mark.parametrize("lag", [1, 9, 15, ROWS_A_DAY])
@pytest.mark.parametrize("stop", [2 * ROWS_A_DAY + near for near in (-20, -12, -3, 4, 11, 24, 100)])
def test_a_restart_loses_no_decision_of_a_pair_that_lags(
    lag: int, stop: int, tmp_path: Path
) -> None:
    """The decisions of two pairs are not in the order of their dates."""
    whole, stopped = (PaperBot(tmp_path / name, days=3) for name in ("whole", "stopped"))
    for bot in (whole, stopped):
        bot.path.mkdir()
        record = bot.open()
        for row in range(len(bot.sides[PAIRS[0]])):
            if bot is stopped and row == stop:
                record.close()
                record = bot.open()
            bot.decide(record, PAIRS[0], row)
            if row >= lag:
                bot.decide(record, PAIRS[1], row - lag)
        record.close()
    assert entries(whole.path) == entries(stopped.path)
    file = RecordFile.for_reading(stopped.path / RECORD_NAME)
    assert verify(file).problems == []
    file.close()


def test_old_decisions_make_room_and_the_chain_stays_verifiable(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=5)
    record = bot.open()
    settled = bot.run(record)
    later = BEGIN + 95 * 86_400
    record.decide(PAIRS[0], Decision(0, later, 0.2, 0.2, HOLD, 1, blocked=False), None)
    file = RecordFile.for_writing(tmp_path / RECORD_NAME)
    removed = file.prune(BEGIN + 2 * 86_400)
    assert removed > 2 * ROWS_A_DAY
    found = verify(file, settled[0].head.text)
    assert (found.problems, found.removed, found.has_head) == ([], removed, True)
    assert file.prune(BEGIN + 2 * 86_400) == 0
    assert bot.open().timeline.now == record.timeline.now


def test_a_month_of_minutes_needs_less_than_a_megabyte() -> None:
    """A row is its content, at most twelve bytes of sqlite's, and the share of a page."""
    decision = Decision(300, 1_800_000_000, 0.5, 0.25, HOLD, 1, blocked=False)
    assert (len(decision.packed()) + 10) * 43_200 < 1_000_000


@pytest.mark.parametrize("short", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("side", range(len(CLASS_NAMES)))
@pytest.mark.parametrize("do_predict", [0, 1, 2])
def test_a_decision_comes_back_as_it_was(short: float, side: int, do_predict: int) -> None:
    decision = Decision(7, 1_767_571_200, short, 1.0 - short, side, do_predict, blocked=True)
    again = Decision.unpacked(decision.packed())
    assert np.allclose([again.short, again.long], [short, 1.0 - short], atol=1e-5)
    assert (again.side, again.do_predict, again.blocked) == (side, do_predict, True)


def write_on(bot: PaperBot, told: Any) -> None:
    record = bot.open()
    for row in range(len(bot.sides[PAIRS[0]])):
        bot.decide(record, PAIRS[0], row)
        told.send(row)


def test_a_kill_at_any_moment_loses_at_most_the_last_candle(tmp_path: Path) -> None:
    """A process is killed at 20 random moments, and another goes on."""
    chance, fork = random.Random(0), multiprocessing.get_context("fork")
    bot = PaperBot(tmp_path, days=60, pairs=PAIRS[:1])
    for _ in range(20):
        heard, told = fork.Pipe(duplex=False)
        writer = fork.Process(target=write_on, args=(bot, told))
        writer.start()
        told.close()
        last = heard.recv()
        time.sleep(chance.uniform(0.0, 0.05))
        writer.kill()
        with suppress(EOFError):
            while True:
                last = heard.recv()
        writer.join()
        file = RecordFile.for_writing(tmp_path / RECORD_NAME)
        assert verify(file).problems == []
        decisions = [entry for entry in entries(tmp_path) if isinstance(entry, Decision)]
        assert [BEGIN + STEP * row for row in range(last + 1)] == [
            decision.seconds for decision in decisions[: last + 1]
        ]
        file.close()


def outcomes(path: Path) -> list[Outcome]:
    return [entry for entry in entries(path) if isinstance(entry, Outcome)]


@pytest.mark.parametrize("held", [None, "nothing", "later candles"])
def test_outcomes_of_candles_that_the_bot_does_not_hold_stay_unknown(
    held: str | None, tmp_path: Path
) -> None:
    bot = PaperBot(tmp_path, days=2)
    record, settled_at = bot.open(), bot.scoring.counts_from(BEGIN // 86_400)
    bot.run(record, 0, (settled_at - BEGIN) // STEP)
    first = {"nothing": 10**6, "later candles": ROWS_A_DAY + 2}.get(held or "", 0)
    frames = {pair: frame.iloc[first:] for pair, frame in bot.candles.items()}
    record.settle(settled_at, lambda pair, _: None if held is None else frames[pair])
    record.close()
    found = outcomes(tmp_path)
    assert [own.pair for own in found] == list(PAIRS)
    for own in found:
        assert set(own.labels) == {"-"}
        assert own.predicted == len(own.labels) == ROWS_A_DAY - 12
        assert set(own.right.values()) == {0}
        assert own.trades == ()


def test_a_pair_that_left_the_whitelist_gets_the_rest_of_its_labels_and_no_trade(
    tmp_path: Path,
) -> None:
    bot = PaperBot(tmp_path, days=2)
    record = bot.open()
    bot.run(record, 0, ROWS_A_DAY)
    for row in range(ROWS_A_DAY, 2 * ROWS_A_DAY + 12):
        bot.decide(record, PAIRS[0], row)
    record.close()
    first, second = [own for own in outcomes(tmp_path) if own.pair == PAIRS[1]]
    assert first.trades
    assert (second.trades, second.predicted) == ((), bot.scoring.config.future_window)
    labels = first.labels + second.labels
    assert len(labels) == ROWS_A_DAY
    assert "-" not in labels


def test_entries_are_added_all_or_none(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=2)
    record = bot.open()
    bot.run(record, 0, 5)
    before = entries(tmp_path)
    file = RecordFile.for_writing(tmp_path / RECORD_NAME)
    head, decision = file.head, Decision(0, BEGIN + 99 * STEP, 0.1, 0.1, HOLD, 1, blocked=False)
    with pytest.raises(EntryError):
        file.append([decision.packed(), b"no entry"])
    assert (file.head, entries(tmp_path)) == (head, before)
    bot.run(record, 5, 6)
    assert len(entries(tmp_path)) == len(before) + len(PAIRS)


def test_figures_of_a_record_that_made_room_are_those_of_what_is_left(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=3)
    bot.run(bot.open())
    file = RecordFile.for_writing(tmp_path / RECORD_NAME)
    before = figures_of(file).to_dict()
    assert file.prune(BEGIN + 202 * STEP)
    after = figures_of(file).to_dict()
    assert after["verdict"] == before["verdict"]
    assert after["head"] == before["head"]
    pair, whole = after["pairs"][PAIRS[0]], before["pairs"][PAIRS[0]]
    assert pair["decided"] < whole["decided"]
    # What was counted at the time stays; what each decision is needed for does not.
    assert (pair["predicted"], pair["firing"]) == (whole["predicted"], whole["firing"])
    for name, side in pair["sides"].items():
        assert side["precision"] == whole["sides"][name]["precision"]
        assert side["mean_probability"] == pytest.approx(0.25 if name == "SHORT" else 0.5, abs=1e-4)


def test_a_record_that_another_process_went_on_with_is_not_forked(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=1)
    first, second = bot.open(), bot.open()
    bot.run(first, 0, 3)
    assert not first.is_behind
    assert second.is_behind
    before = entries(tmp_path)
    with pytest.raises(MovedOnError):
        bot.run(second, 3, 4)
    assert entries(tmp_path) == before
    # Read again it goes on.
    bot.run(bot.open(), 3, 4)
    assert len(entries(tmp_path)) == len(before) + len(PAIRS)


class ChangingPromises(PaperBot):
    """Every model promises another profit."""

    def claim(self, pair: str, seconds: int, model: str) -> Claim:
        return replace(super().claim(pair, seconds, model), profit=(seconds - BEGIN) / 1e8)


@pytest.mark.parametrize("stop", [199, 200, 201, 250])
def test_after_a_restart_every_trade_keeps_the_promise_of_the_model_that_made_it(
    stop: int, tmp_path: Path
) -> None:
    whole, stopped = (ChangingPromises(tmp_path / name, days=2) for name in ("whole", "stopped"))
    for bot in (whole, stopped):
        bot.path.mkdir()
    whole.run(whole.open())
    for first, last in ((0, stop), (stop, None)):
        record = stopped.open()
        stopped.run(record, first, last)
        record.close()
    assert entries(whole.path) == entries(stopped.path)
    promised = {
        trade[3]
        for entry in entries(whole.path)
        if isinstance(entry, Outcome)
        for trade in entry.trades
    }
    assert len(promised) == 3


def test_trades_of_before_a_record_are_not_its_own_however_often_it_is_opened(
    tmp_path: Path,
) -> None:
    bot = PaperBot(tmp_path, days=1)
    assert bot.open().trades_until == BEGIN
    file = RecordFile.for_writing(tmp_path / RECORD_NAME)
    record = TrackRecord(file, bot.scoring, BEGIN + 5000)
    assert record.trades_until == BEGIN
    first, second = (
        TradeEntry(at, PAIRS[0], "long", BEGIN, BEGIN + 60 * at, 1.0, 1.0, 1.0, 0.0, "roi", "")
        for at in (7, 4)
    )
    record.add_trades([first, second])
    record.add_trades([first])
    again = TrackRecord(file, bot.scoring, BEGIN + 5000)
    assert record.trades_until == again.trades_until == BEGIN + 420
    again.add_trades([second, first])
    assert sum(isinstance(entry, TradeEntry) for entry in entries(tmp_path)) == 2

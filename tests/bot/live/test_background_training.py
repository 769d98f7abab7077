"""A live training beside the candle loop: leaves it a core, and its failures never end the bot."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import TemporaryError
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel

from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.runtime.threads import ComputeThreads
from tests.makers.bot import PAIR, make_bot
from tests.makers.live_bot import Live, live, trained

__all__ = ["live", "trained"]


@pytest.mark.parametrize("live", [False, True])
def test_a_live_training_leaves_a_core_to_the_candle_loop(
    live: bool, tmp_path: Path, btc_futures: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = make_bot(tmp_path)
    bot.model._live = live
    asked: list[bool] = []
    real = ComputeThreads.for_training

    def recorded(device: torch.device, *, in_background: bool = False) -> ComputeThreads:
        asked.append(in_background)
        return real(device)  # this test's own thread goes on as before

    monkeypatch.setattr(ComputeThreads, "for_training", recorded)
    bot.train(bot.features(btc_futures.iloc[:3000].reset_index(drop=True)))
    assert asked == [live] * 2  # to train and to evaluate


@pytest.mark.parametrize(
    ("error", "level", "said"),
    [
        (DataError("too few candles"), "ERROR", "the training failed: too few candles"),
        (TrainingStoppedError("asked to"), "INFO", "the training was stopped before its end"),
        (OSError(28, "No space left on device"), None, None),
    ],
)
def test_a_training_that_ends_without_a_model_leaves_the_last_one_as_old_as_it_is(
    error: Exception,
    level: str | None,
    said: str | None,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = live.bot.model
    model._pauses.succeeded(PAIR)
    entry = model.dd.pair_dict[PAIR]

    def fails(_self: Any, *_arguments: Any) -> None:
        entry["trained_timestamp"] = 1_800_000_000  # as FreqAI does before it saves
        raise error

    monkeypatch.setattr(IFreqaiModel, "extract_data_and_train_model", fails)
    before = entry["trained_timestamp"]
    caplog.set_level("INFO")
    kitchen = live.bot.kitchen()
    state = Path(kitchen.data_path) / "unfinished-1700000000.checkpoint"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.touch()
    arguments = (TimeRange(), PAIR, live.bot.strategy, kitchen, None)
    if level is None:
        with pytest.raises(OSError, match="No space"):
            model.extract_data_and_train_model(*arguments)
    else:
        model.extract_data_and_train_model(*arguments)
        (record,) = [each for each in caplog.records if said in each.getMessage()]
        assert record.levelname == level
        assert PAIR in record.getMessage()
    assert entry["trained_timestamp"] == before
    # What would fail again begins anew; a full disk may have room at the next attempt.
    assert state.is_file() == (not isinstance(error, DataError))
    state.unlink(missing_ok=True)
    # Who asked for the stop is not kept waiting.
    assert model._pauses.is_over(PAIR) == (not isinstance(error, DataError))


def test_the_training_thread_outlives_what_freqais_would_not(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = live.bot.model
    rounds: list[int] = []

    def train(*_arguments: Any) -> None:
        rounds.append(len(rounds))
        if len(rounds) < 3:
            raise OSError(28, "No space left on device")
        model._stop_event.set()

    monkeypatch.setattr(model, "_train_next", train)
    monkeypatch.setattr(model, "_pause", lambda: None)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    try:
        model._start_scanning(live.bot.strategy)
    finally:
        model._stop_event.clear()
    assert rounds == [0, 1, 2]
    assert caplog.text.count("retraining was interrupted") == 2


@pytest.mark.parametrize("stops_after", [None, 3])
def test_the_pause_after_an_interruption_ends_when_the_bot_stops(
    stops_after: int | None, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, slept = live.bot.model, []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == stops_after:
            model._stop_event.set()

    monkeypatch.setattr(time, "sleep", sleep)
    try:
        model._pause()
    finally:
        model._stop_event.clear()
    assert sum(slept) == 60 if stops_after is None else len(slept) == stops_after


class Histories:
    """Candles that are there, or whose loading fails."""

    def __init__(self, error: Exception | None = None, holes: list[str] | None = None) -> None:
        self.error, self.asked, self.holes = error, [], holes or []

    def keep(self, _pairs: list[str]) -> None:
        pass

    def is_loaded(self, _pair: str) -> bool:
        return bool(self.asked) and self.error is None

    def incomplete(self) -> list[str]:
        return [pair for pair in self.holes if pair not in self.asked]

    def load(self, pair: str, _needed: TimeRange) -> None:
        self.asked.append(pair)
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "level", "said", "waits"),
    [
        (DataError("the exchange has none"), "ERROR", "its candles cannot be loaded", True),
        (TemporaryError("no answer"), "ERROR", "its candles cannot be loaded: no answer", True),
        (TrainingStoppedError("the bot was stopped"), "INFO", "the bot was stopped", False),
    ],
)
def test_candles_that_cannot_be_loaded_are_asked_for_again_after_a_pause(
    error: Exception,
    level: str,
    said: str,
    waits: bool,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, histories = live.bot.model, Histories(error)
    monkeypatch.setattr(model, "live", True, raising=False)
    model._pauses.succeeded(PAIR)
    model._pairs.follow([PAIR])
    caplog.set_level("INFO")
    try:
        model._train_next(live.bot.strategy, histories)
        (record,) = [each for each in caplog.records if said in each.getMessage()]
        assert record.levelname == level
        assert PAIR in record.getMessage()
        assert model._pauses.is_over(PAIR) != waits
        model._train_next(live.bot.strategy, histories)
        assert len(histories.asked) == (1 if waits else 2)
    finally:
        model._pauses.succeeded(PAIR)


def test_the_candles_of_a_pair_with_a_model_come_before_any_training(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, histories, begun = live.bot.model, Histories(), []
    due = (True, TimeRange("date", "date", 86_400, 172_800), TimeRange())
    monkeypatch.setattr(FreqaiDataKitchen, "check_if_new_training_required", lambda *_all: due)
    monkeypatch.setattr(model, "live", True, raising=False)
    monkeypatch.setattr(model, "_train", lambda pair, *_rest: begun.append(pair))
    model._pairs.follow([PAIR])
    model._train_next(live.bot.strategy, histories)
    assert (histories.asked, begun) == ([PAIR], [])
    model._train_next(live.bot.strategy, histories)
    assert (histories.asked, begun) == ([PAIR], [PAIR])


def test_holes_are_filled_before_any_training_also_of_pairs_that_others_need(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair whose download had failed was refused at every training until the bot's next start."""
    model, histories, begun = live.bot.model, Histories(holes=["BNB/USDT:USDT", PAIR]), []
    due = (True, TimeRange("date", "date", 86_400, 172_800), TimeRange())
    monkeypatch.setattr(FreqaiDataKitchen, "check_if_new_training_required", lambda *_all: due)
    monkeypatch.setattr(model, "live", True, raising=False)
    monkeypatch.setattr(model, "_train", lambda pair, *_rest: begun.append(pair))
    monkeypatch.setattr(model.dd, "get_pair_dict_info", lambda _pair: ("", 0))
    model._pairs.follow([PAIR])
    for _ in range(3):
        model._train_next(live.bot.strategy, histories)
    assert (histories.asked, begun) == (["BNB/USDT:USDT", PAIR], [PAIR])


def test_timings_are_written_where_they_are_asked_for(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = live.bot.model
    path = Path(model.dd.metric_tracker_path)
    monkeypatch.setattr(model, "extract_data_and_train_model", lambda *_arguments: None)
    for wanted in (False, True):
        monkeypatch.setitem(model.freqai_info, "write_metrics_to_disk", wanted)
        model._train(PAIR, live.bot.strategy, live.bot.kitchen(), TimeRange(), TimeRange())
        assert path.is_file() == wanted
    assert "train_time" in path.read_text(encoding="utf-8")


def test_a_full_disk_does_not_keep_a_bot_from_ending(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_drawer: Any) -> None:
        raise OSError(28, "No space left on device")

    model, ended = live.bot.model, []
    monkeypatch.setattr(type(model.dd), "save_historic_predictions_to_disk", full)
    monkeypatch.setattr(model, "_threads", [SimpleNamespace(join=lambda: ended.append(True))])
    try:
        model.shutdown()
    finally:
        model._stop_event.clear()
    assert ended
    assert "the predictions since the last training cannot be saved" in caplog.text

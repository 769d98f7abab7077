"""The benchmarks compare like with like, and report what they found."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import live, live_bot, naive, preparing
from benchmarks.__main__ import GROUPS, page_of
from benchmarks.live_bot import STAGES, Candle, LiveWatch, Look, Plan
from benchmarks.networks import PlainNetwork, network_of, plain_twin
from benchmarks.results import at_most, compared, report
from benchmarks.stopwatch import Stopwatch
from benchmarks.walks import candles_of, walk, write_feathers
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.settings import TrainingConfig


def test_a_goal_is_met_when_ours_is_that_many_times_smaller() -> None:
    met, missed = (compared("a", "b", (1.0, times), "s", goal=2) for times in (2.0, 1.9))
    assert (met.ratio, met.met, missed.met) == (2.0, True, False)
    assert [at_most("a", 3.0, "MiB", goal).met for goal in (3.0, 2.9, None)] == [True, False, None]


@pytest.mark.parametrize("rule", ["hybrid", "first_touch"])
def test_the_naive_labels_are_ours(rule: Any) -> None:
    config = TrainingConfig(label_rule=rule)
    columns = walk(3000, seed=4)
    ours = preparing.labels_of(columns, config)
    np.testing.assert_array_equal(
        naive.label_rows(columns, config), ours[: 3000 - config.future_window]
    )
    assert set(ours.tolist()) == {-1, 0, 1, 2}


def test_the_naive_pipeline_has_the_windows_that_ours_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naive, "CHUNK_SEQUENCES", 100)
    config = TrainingConfig(window_size=30, future_window=20, long_tp_pct=0.002, short_tp_pct=0.002)
    columns = walk(44_600, seed=5)
    candles = candles_of(columns)
    labels = preparing.labels_of(columns, config)
    dataset = Dataset.from_candles(candles, labels, config, name="walk")
    paths = naive.write_chunks(columns, candles.features, config, tmp_path)
    assert len(paths) > 2
    chunks = [np.load(path) for path in paths]
    rows = dataset.labelled().all_rows()
    np.testing.assert_array_equal(
        np.concatenate([chunk["labels"] for chunk in chunks]), dataset.labels[rows]
    )
    ((_, windows),) = WindowStream(candles.features, 30).batches(rows, len(rows))
    np.testing.assert_array_equal(
        np.concatenate([chunk["windows"] for chunk in chunks]), windows.numpy()
    )
    balanced, drawn = naive.read_balanced(paths, seed=1)
    counts = np.bincount(dataset.labels[rows], minlength=3)
    rarest = counts[counts > 0].min()
    assert np.bincount(drawn, minlength=3).tolist() == [rarest if count else 0 for count in counts]
    assert sum(map(len, naive.deliver(balanced, 64))) == len(drawn)


@pytest.mark.parametrize("beside", [{}, {"trend_head": True, "lstm_dropout": 0.5}])
@pytest.mark.parametrize("patch_size", [1, 5])
def test_the_plain_network_computes_what_ours_does(patch_size: int, beside: dict[str, Any]) -> None:
    import torch

    config = TrainingConfig(
        mirror="off", patch_size=patch_size, window_size=20, lstm_units=(8, 6), dense_units=(5,),
        **beside,
    )  # fmt: skip
    network = network_of(config)
    if network.trend is not None:
        torch.nn.init.normal_(network.trend)
    plain = plain_twin(network, config)
    assert isinstance(plain, PlainNetwork)
    windows = torch.randn(7, 20, 8).clamp(-8, 8)
    torch.testing.assert_close(plain(windows), network(windows))
    factors = network.draw_dropout(7, torch.Generator().manual_seed(1))
    torch.testing.assert_close(plain(windows, factors), network(windows, factors))


def test_feather_files_of_walks_are_candle_files(tmp_path: Path) -> None:
    sources = write_feathers(tmp_path, 2, 70_000)
    for source in sources:
        file = CandleFile(source.path)
        assert len(file) == 70_000
        assert sum(map(len, file.batches(lambda: 50_000))) == 70_000
    whole = walk(70_000, seed=0)["close"]
    parts = [batch["close"] for batch in CandleFile(sources[0].path).batches(lambda: 50_000)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_shipped_figures_are_of_every_group_and_on_the_page(
    pytestconfig: pytest.Config,
) -> None:
    root = pytestconfig.rootpath
    content = json.loads((root / "benchmarks" / "latest.json").read_text(encoding="utf-8"))
    assert (root / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page_of(content)
    said = " ".join(result["what"] for result in content["results"])
    words = {
        "labels": "first_touch labels, 500,000",
        "pipelines": "label + index + balance, 500,000",
        "delivery": "deliver 100,000",
        "training": "training step with patch_size 5",
        "prediction": "backtest slice",
        "freqai": "everything but the network in one 90-day",
        "live": "one live candle",
        "decisions": "a live bot's decisions on 20 pairs",
        "backtest": "of the demo: training",
        "scaling": "26,280,000 rows",
    }
    assert words.keys() == GROUPS.keys()
    for group, word in words.items():
        assert word in said, group


def test_a_report_names_versions(tmp_path: Path) -> None:
    versions = report([], {})["versions"]
    assert {"torch", "freqtrade", "dualwindow"} <= versions.keys()


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds


def test_a_stage_inside_another_is_not_counted_twice() -> None:
    clock = Clock(0.0)
    stopwatch = Stopwatch(("outer", "inner"), clock)
    inner = stopwatch.timed("inner", lambda: clock.spend(2.0))
    seen = []

    def work() -> None:
        clock.spend(1.0)
        inner()
        clock.spend(4.0)
        seen.append(stopwatch.read())
        raise ValueError

    clock.spend(100.0)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is raised, the stage ends
        stopwatch.timed("outer", work)()
    clock.spend(100.0)
    assert stopwatch.read() == seen[0] == {"outer": 5.0, "inner": 2.0}


def test_other_threads_are_not_counted() -> None:
    clock = Clock(0.0)
    stopwatch = Stopwatch(("work",), clock)
    work = stopwatch.timed("work", lambda: clock.spend(1.0))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert clock.now == 1.0
    assert stopwatch.read() == {"work": 0.0}


PAIRS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
CLOSE = 1_800_000_060


class FakeBot:
    """Calls what a watch put around freqtrade's functions as freqtrade does."""

    def __init__(self, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock(CLOSE)
        monkeypatch.setattr(live_bot.time, "time", self.clock)
        self.stopped: list[int] = []
        monkeypatch.setattr(live_bot.signal, "raise_signal", self.stopped.append)
        self.watch = LiveWatch(plan)
        self.stopwatch = self.watch._stopwatch = Stopwatch(STAGES, self.clock)
        drawer = SimpleNamespace(model_return_values={})
        self.freqai = SimpleNamespace(
            dd=drawer, freqai_info={"live_retrain_hours": 24}, _settings=TrainingConfig(epochs=1)
        )
        self.strategy = SimpleNamespace(freqai=self.freqai)
        self.config = {"exchange": {"pair_whitelist": list(PAIRS)}}

    def loop(self, pairs: tuple[str, ...] = PAIRS, meanwhile: Callable[[], object] = int) -> None:
        """One turn of freqtrade's loop, a second after a candle's close."""
        self.clock.now = CLOSE + 1.0
        frame = pd.DataFrame({"date": [pd.Timestamp(CLOSE - 60, unit="s", tz="UTC")]})
        spend = {name: self.stopwatch.timed(name, self.clock.spend) for name in STAGES}

        def analysis(*_given: Any) -> None:
            spend["features"](0.25)
            spend["model"](0.5)
            self.clock.spend(0.125)  # counted by no stage

        def turn(_bot: Any) -> None:
            spend["fetching"](2.0)
            for pair in pairs:
                self.watch._analyze(analysis, self.strategy, frame, {"pair": pair})
                self.freqai.dd.model_return_values[pair] = frame
            meanwhile()
            self.clock.spend(50.0)  # after the decisions

        self.watch._process(turn, self)


def test_the_parts_of_a_delay_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = FakeBot(Plan(idle=1), monkeypatch)
    bot.loop()
    assert not bot.watch.candles, "whole frames are predicted at the first candle"
    bot.loop(PAIRS[:1])
    assert not bot.watch.candles, "a pair is missing"
    bot.loop()
    (candle,) = bot.watch.candles
    seconds = {"fetching": 2.0, "freqtrade": 0.25, "features": 0.5, "model": 1.0}
    looks = [Look(pair, 0.25, 0.5) for pair in PAIRS]
    assert candle == Candle("idle", 4.75, 1.0, seconds, looks)
    assert candle.waiting + sum(seconds.values()) == candle.delay


def test_a_candle_is_of_a_training_only_when_one_ran_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bot = FakeBot(Plan(idle=1, training=1, epochs=7), monkeypatch)
    bot.loop()
    bot.loop()
    assert bot.freqai.freqai_info["live_retrain_hours"] == 0
    assert (bot.freqai._settings.epochs, bot.freqai._settings.early_stopping_patience) == (7, 7)
    bot.loop()
    with ExitStack() as trainings:
        bot.loop(meanwhile=lambda: trainings.enter_context(bot.watch._counted_training()))
        assert [candle.phase for candle in bot.watch.candles] == ["idle"]
        assert not bot.stopped
        bot.loop()
    assert [candle.phase for candle in bot.watch.candles] == ["idle", "training"]
    assert bot.stopped == [signal.SIGTERM]


def test_rows_of_a_live_bot_show_parts_of_one_candle_and_the_slowest_pair() -> None:
    def candle(phase: Any, delay: float, slowest: float) -> Candle:
        looks = [Look(PAIRS[0], 0.01, 0.005), Look(PAIRS[1], slowest, 0.005)]
        seconds = {"fetching": 0.2, "freqtrade": delay - 1.5, "features": 0.2, "model": 0.1}
        return Candle(phase, delay, 1.0, seconds, looks)

    idle = [candle("idle", delay, 0.01) for delay in (3.0, 2.0, 9.0)]
    rows = live.rows_of([*idle, candle("training", 4.0, 0.2)])
    figures = {row.what: row for row in rows}
    what = "a live bot's decisions on 2 pairs, from the candle's close"
    assert (figures[f"{what}: median"].ours, figures[f"{what}: worst"].ours) == (3.0, 9.0)
    parts = [figures[f"{what}: {part}"].ours for part in live.PARTS.values()]
    parts.append(figures[f"{what}: waiting for freqtrade's next loop"].ours)
    assert sum(parts) == pytest.approx(3.0)
    ours = "features and model of one pair's live candle"
    assert figures[f"{ours}: worst"].met is True
    assert figures[f"{ours}, during a training: worst"].met is False
    assert figures[f"{ours}, during a training: worst"].ours == pytest.approx(205.0)
    slower = rows[-1]
    assert (slower.ours, slower.theirs, slower.met) == (3.0, 2.0, True)

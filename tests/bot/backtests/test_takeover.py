"""A running bot that takes over a backtest's folder looks at the candles of its models."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from freqtrade.configuration import TimeRange
from freqtrade.freqai import data_drawer as freqai_drawer

from dualwindow.bot.data_drawer import DualWindowDrawer
from tests.makers.backtests import (
    BASE,
    OTHER_PAIR,
    Backtests,
    Frames,
    at_hour,
    begin_at,
    market,
    part,
)
from tests.makers.bot import PAIR


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Backtests:
    backtests = Backtests(tmp_path_factory.mktemp("made"), market())
    backtests.run()
    return backtests


def started(
    made: Backtests, folder: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> DualWindowDrawer:
    """The drawer of a bot that has loaded its candles, those of the last day and a half."""
    copied = Backtests(shutil.copytree(made.folder, folder / "copy"), made.frames)
    bot = copied.bot(begin_at(0), begin_at(24))
    drawer = bot.model.dd
    drawer.pair_dict[PAIR]["data_path"] = str(copied.models / "sub-train-BTC_1735927200")

    def load(self: DualWindowDrawer, _range: TimeRange, _dk: object) -> None:
        for (pair, timeframe), frame in frames.items():
            own = part(frame, begin_at(-12), begin_at(48))
            self.historic_data.setdefault(pair, {})[timeframe] = own

    monkeypatch.setattr(freqai_drawer.FreqaiDataDrawer, "load_all_pair_histories", load)
    drawer.load_all_pair_histories(TimeRange("date", "date", 0, 1), SimpleNamespace())
    return drawer


@pytest.mark.parametrize("hour", [None, -20, 20], ids=["same", "before the bot's own", "later"])
def test_a_model_of_the_same_candles_is_used(
    hour: float | None,
    made: Backtests,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frames = made.frames if hour is None else at_hour(made.frames, BASE, hour)
    drawer = started(made, tmp_path, frames, monkeypatch)
    assert drawer.pair_dict[PAIR]["model_filename"] == "cb_btc_1735927200"
    assert "other candles" not in caplog.text


@pytest.mark.parametrize("series", [BASE, (PAIR, "5m"), (OTHER_PAIR, "1m")])
def test_a_model_of_other_candles_is_not_used_and_trained_again(
    series: tuple[str, str],
    made: Backtests,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frames = at_hour(made.frames, series, 4)
    drawer = started(made, tmp_path, frames, monkeypatch)
    assert drawer.get_pair_dict_info(PAIR) == ("", 0)
    (line,) = [each for each in caplog.messages if "made from other candles" in each]
    assert f"{series[0]} {series[1]} between 2025-01-0" in line
    # FreqAI's queue still trains it.
    assert PAIR in drawer.pair_dict

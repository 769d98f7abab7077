"""The strategy keeps a record in a running bot, and a backtest honours the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode

from dualwindow.bot.backtests.evidence import BacktestTrack
from dualwindow.bot.live.evidence import NoTrack, track_of
from dualwindow.bot.live.track_record import LiveTrack
from dualwindow.columns import CLASS_NAMES
from dualwindow.track.entries import Claim, Decision, unpacked
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.live_bot import Live, live, trained

__all__ = ["live", "trained"]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("bot"))


def track_for(bot: Bot, mode: RunMode, demand: Any) -> Any:
    root = {**bot.config["dualwindow"], "trade_only_on_evidence": demand}
    config = {**bot.config, "runmode": mode, "dualwindow": root}
    return track_of(config, bot.strategy._settings, "1m")


@pytest.mark.parametrize(
    ("mode", "demand", "kind"),
    [
        (RunMode.DRY_RUN, False, LiveTrack),
        (RunMode.LIVE, "strict", LiveTrack),
        (RunMode.BACKTEST, False, NoTrack),
        (RunMode.BACKTEST, True, BacktestTrack),
        (RunMode.BACKTEST, "strict", BacktestTrack),
        (RunMode.HYPEROPT, True, NoTrack),
        (RunMode.OTHER, True, NoTrack),
    ],
)
def test_a_bot_keeps_a_record_always_and_a_backtest_where_it_decides(
    mode: RunMode, demand: Any, kind: type, bot: Bot
) -> None:
    assert type(track_for(bot, mode, demand)) is kind


@pytest.mark.parametrize(("demand", "enters"), [(False, True), (True, True), ("strict", False)])
def test_a_strict_backtest_enters_nothing_without_evidence(
    demand: Any, enters: bool, bot: Bot, btc_futures: pd.DataFrame
) -> None:
    """Half a day is no evidence."""
    random = np.random.default_rng(1)
    frame = btc_futures.iloc[:700].reset_index(drop=True)
    shares = random.dirichlet([1.0, 1.0, 1.0], len(frame))
    frame = frame.assign(**dict(zip(CLASS_NAMES, shares.T, strict=True)), do_predict=1)
    bot.strategy._track = track_for(bot, RunMode.BACKTEST, demand)
    found = bot.strategy.populate_entry_trend(frame.copy(), {"pair": PAIR})
    entered = found.filter(["enter_long", "enter_short"]).fillna(0).to_numpy().any()
    assert bool(entered) == enters
    # What the model decides is shown in any case.
    assert (found["decision"] != 0).any()
    assert ("track_verdict" in found) == bool(demand)


def test_a_running_bot_notes_what_its_strategy_decides(live: Live, tmp_path: Path) -> None:
    bot = live.bot
    track = track_for(bot, RunMode.DRY_RUN, "strict")
    track._folder = tmp_path
    bot.strategy._track = track
    decided = []
    for number in range(8):
        frame = live.candle(number)
        found = bot.strategy.populate_entry_trend(frame.copy(), {"pair": PAIR})
        decided.append(found.iloc[-1])
    file = RecordFile.for_reading(tmp_path / RECORD_NAME)
    entries = [unpacked(content) for _, content in file.entries()]
    claims = [own for own in entries if isinstance(own, Claim)]
    noted = [own for own in entries if isinstance(own, Decision)]
    assert [(claim.pair, claim.model) for claim in claims] == [(PAIR, "sub-train-BTC_1700000000")]
    assert "manifest.json" in claims[0].sums
    assert [own.seconds for own in noted] == [int(row["date"].timestamp()) for row in decided]
    assert [own.side - 1 for own in noted] == [int(row["decision"]) for row in decided]
    assert [own.do_predict for own in noted] == [int(row["do_predict"]) for row in decided]
    assert np.allclose([own.long for own in noted], [row["LONG"] for row in decided], atol=1e-4)
    assert all(own.blocked for own in noted)

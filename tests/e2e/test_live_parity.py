"""Backtest = live: candles through a spiteful exchange, then again with the same models."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.confidence import decide
from dualwindow.settings import TrainingConfig
from tests.e2e.dry_run import DryRun, Replay, market, require_faketime
from tests.e2e.freqtrade import SMALL, Run, freqtrade, merged, user_folder

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("live parity")]

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
CLASSES = ["SHORT", "HOLD", "LONG"]
DAY = "2025-06-13"
START, END = f"{DAY}T12:00", pd.Timestamp(f"{DAY} 14:44Z")
#: One minute that the exchange never had, and an outage longer than max_flat_candles.
HOLE = pd.Timestamp(f"{DAY} 13:24Z")
OUTAGE = pd.date_range(f"{DAY} 13:52Z", f"{DAY} 14:31Z", freq="min")
LATE = pd.Timestamp(f"{DAY} 13:27Z")
LATE_UNTIL = pd.Timestamp(f"{DAY} 13:30Z")
REFUSED_AT = pd.Timestamp(f"{DAY} 13:45Z")
#: What the bot asks; the test itself asks spot's clock.
API = "/fapi/"
FAULTS: list[dict[str, Any]] = [
    {"kind": "double", "candles": [f"{DAY}T13:22"]},
    {
        "kind": "late",
        "candles": [LATE.isoformat()],
        "end": LATE_UNTIL.isoformat(),
        "symbol": "BTCUSDT",
    },
    {"kind": "error", "path": API, "begin": f"{DAY}T13:32", "end": f"{DAY}T13:34"},
    {
        "kind": "hang",
        "path": API,
        "begin": f"{DAY}T13:36",
        "end": f"{DAY}T13:38",
        "seconds": 2.0,
    },
    {
        "kind": "busy",
        "path": API,
        "begin": f"{DAY}T13:40",
        "end": f"{DAY}T13:41",
        "retry_after": 30,
    },
    {"kind": "drop", "path": API, "begin": f"{DAY}T13:42", "end": f"{DAY}T13:43"},
]
#: A hanging answer runs into this, in milliseconds of the bot's clock: a second of real time.
IMPATIENT = {"exchange": {"ccxt_config": {"timeout": 60_000}}}
LIVE = {"freqai": {"live_retrain_hours": 24, "expiration_hours": 48}}


@dataclass
class Recorded:
    log: str
    predictions: dict[str, pd.DataFrame]
    backtests: dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Recorded:
    require_faketime()
    recorded = user_folder(
        tmp_path_factory.mktemp("recorded"), shared_data / "binance-futures-2025-05-04_2025-06-24"
    )
    datadir = recorded / "data" / "binance"
    for file in (datadir / "futures").glob("*-1m-futures.feather"):
        candles = pd.read_feather(file)
        gone = candles["date"].isin([HOLE, *OUTAGE])
        candles[~gone].reset_index(drop=True).to_feather(file)
    userdir = tmp_path_factory.mktemp("live")
    clock = Replay(START)
    with ExitStack() as running:
        port = running.enter_context(market(datadir, clock, faults=FAULTS, folder=userdir))
        with DryRun(userdir, port, clock, merged(LIVE, IMPATIENT)) as bot:
            bot.wait_for(lambda: clock.now() >= REFUSED_AT, 240)
            running.close()
            time.sleep(60 / clock.speed)
            running.enter_context(market(datadir, clock, faults=FAULTS, folder=userdir, port=port))
            bot.wait_for(lambda: clock.now() >= END, 240)
            assert bot.terminate() < 10
    predictions = {pair: bot.predictions(pair) for pair in PAIRS}
    return Recorded(bot.log, predictions, {pair: backtest(bot, pair, recorded) for pair in PAIRS})


def backtest(bot: DryRun, pair: str, recorded: Path) -> pd.DataFrame:
    """The backtest's predictions of a pair's candles with the model that the dry run made."""
    base = pair.split("/", maxsplit=1)[0]
    (model,) = bot.models.glob(f"sub-train-{base}_*")
    userdir = bot.userdir / f"backtest-{base}"
    shutil.copytree(recorded / "data", userdir / "data")
    models = userdir / "models" / "small"
    shutil.copytree(model, models / model.name)
    shutil.copyfile(bot.models / "dualwindow.json", models / "dualwindow.json")
    stamp = int(model.name.rsplit("_", 1)[1])
    overlay = merged(SMALL, LIVE)
    overlay |= {"timerange": f"{stamp}-{int(END.timestamp())}"}
    overlay = merged(overlay, {"exchange": {"pair_whitelist": [pair]}})
    run: Run = freqtrade(userdir, overlay)
    assert run.status == 0, run.output[-3000:]
    assert "Starting training" not in run.output
    predictions = run.predictions(base)
    return predictions.set_index(pd.to_datetime(predictions["date"], utc=True))


def both(replay: Recorded, pair: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Live and backtest at the candles that the dry run predicted, or looked at in an outage."""
    live, tested = replay.predictions[pair], replay.backtests[pair]
    candles = live.index[live["do_predict"] == 1].intersection(tested.index)
    return live.loc[candles], tested.loc[candles]


@pytest.mark.parametrize("pair", PAIRS)
def test_probabilities_and_decisions_are_the_backtests(pair: str, replay: Recorded) -> None:
    live, tested = both(replay, pair)
    probabilities = live[CLASSES].to_numpy(np.float64), tested[CLASSES].to_numpy(np.float64)
    np.testing.assert_allclose(*probabilities, rtol=0, atol=1e-5)
    assert (tested["do_predict"] == 1).all()
    assert (live["&-side"].to_numpy() == tested["&-side"].to_numpy()).all()
    settings = TrainingConfig.from_parameters(SMALL["freqai"]["model_training_parameters"])
    decided = [decide(each, settings.thresholds) for each in probabilities]
    np.testing.assert_array_equal(*decided)
    # The candles that the test is about, not only any.
    assert len(set(decided[0])) > 1


@pytest.mark.parametrize("pair", PAIRS)
def test_at_least_sixty_candles_in_a_row_were_predicted(pair: str, replay: Recorded) -> None:
    live, _ = both(replay, pair)
    steps = pd.Series(live.index).diff() == pd.Timedelta(minutes=1)
    runs = steps.groupby((~steps).cumsum()).size()
    assert runs.max() >= 60


@pytest.mark.parametrize("pair", PAIRS)
def test_after_the_outage_neither_predicts(pair: str, replay: Recorded) -> None:
    live, tested = replay.predictions[pair], replay.backtests[pair]
    after = live.index[live.index > OUTAGE[-1]].intersection(tested.index)
    assert len(after) >= 8
    # The dry run looked at these candles: it has probabilities of them, like the backtest's zeros.
    assert (live.loc[after, "do_predict"] == 0).all()
    assert (tested.loc[after, "do_predict"] == 0).all()
    assert f"candle(s) of {pair}" in replay.log  # the outage's minutes were never predicted


@pytest.mark.parametrize("pair", PAIRS)
def test_the_long_averages_are_known_on_the_first_live_candle(pair: str, replay: Recorded) -> None:
    live, _ = both(replay, pair)
    models_ready = live.index[0]
    assert models_ready < pd.Timestamp(f"{DAY} 12:20Z")


def test_a_candle_that_comes_late_costs_the_candles_until_it_is_there(replay: Recorded) -> None:
    live = replay.predictions["BTC/USDT:USDT"]["do_predict"]
    following = pd.date_range(LATE, LATE_UNTIL - pd.Timedelta(minutes=2), freq="min")
    waited = following.intersection(live.index)
    assert len(waited) >= 2
    assert (live.loc[waited[1:]] == 0).all()
    assert "BTC/USDT:USDT: the exchange has left out the candle of 13:27; waiting" in replay.log
    assert "BTC/USDT:USDT: the candle of 13:27 arrived late" in replay.log
    soon = live.loc[LATE_UNTIL + pd.Timedelta(minutes=1) : pd.Timestamp(f"{DAY} 13:34Z")]
    assert (soon == 1).any()
    # Its candles were loaded anew, so the values after it are the backtest's: see the test above.
    other = replay.predictions["ETH/USDT:USDT"]["do_predict"]
    assert (other.loc[waited] == 1).all()


@pytest.mark.parametrize("pair", PAIRS)
def test_a_minute_that_never_comes_is_waited_for_and_then_counts_as_in_the_backtest(
    pair: str, replay: Recorded
) -> None:
    live, tested = replay.predictions[pair]["do_predict"], replay.backtests[pair]["do_predict"]
    waiting = pd.date_range(HOLE, periods=5, freq="min")[1:].intersection(live.index)
    assert (live.loc[waiting] == 0).all()
    assert (tested.loc[waiting] == 1).all()
    assert f"{pair}: the exchange has left out the candle of 13:24; waiting" in replay.log
    later = pd.date_range(HOLE + pd.Timedelta(minutes=6), f"{DAY} 13:51Z", freq="min")
    assert (live.reindex(later) == 1).any()


@pytest.mark.parametrize(
    ("begin", "end"),
    [("13:34", "13:36"), ("13:38", "13:40"), ("13:43", "13:45"), ("13:49", "13:52")],
)
@pytest.mark.parametrize("pair", PAIRS)
def test_the_bot_goes_on_after_every_kind_of_fault(
    begin: str, end: str, pair: str, replay: Recorded
) -> None:
    """Server errors, time-outs, too many requests and dropped ones, refused connections."""
    live = replay.predictions[pair]["do_predict"]
    assert (live.loc[f"{DAY} {begin}Z" : f"{DAY} {end}Z"] == 1).any()


def test_the_faults_were_felt(replay: Recorded) -> None:
    for sign in ("500", "RequestTimeout", "429", "Cannot connect to host"):
        assert sign in replay.log, sign


def test_no_fault_was_fatal(replay: Recorded) -> None:
    # freqtrade's own retries log what they bear; an exception of ours would carry a traceback.
    for text in ("Fatal exception", "raised exception", "Unable to analyze", "dualwindow/src"):
        assert text not in replay.log
    assert json.dumps(replay.log).count("Traceback") == 0

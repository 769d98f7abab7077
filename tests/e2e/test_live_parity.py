"""Backtest = live: candles through a spiteful exchange, then again with the same models."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
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
from tests.makers.dry_run import STOPPED, DryRun, Replay, market, require_faketime
from tests.makers.freqtrade import REPOSITORY, SMALL, Run, freqtrade, merged, user_folder

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("live parity")]

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
CLASSES = ["SHORT", "HOLD", "LONG"]
START = "2025-06-13T12:00"
#: Candles in a row that both pairs shall have predicted before anything goes wrong.
IN_A_ROW = 60
MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, in minutes after `begin`, the whole minute at which it can begin to.

    Attributes:
        begin: of the trouble.
    """

    begin: pd.Timestamp

    def at(self, minutes: int) -> pd.Timestamp:
        return self.begin + minutes * MINUTE

    @property
    def hole(self) -> pd.Timestamp:
        """One minute that the exchange has never had."""
        return self.at(2)

    @property
    def late(self) -> pd.Timestamp:
        """A candle that is delivered after some that follow it."""
        return self.at(10)

    @property
    def late_until(self) -> pd.Timestamp:
        return self.at(13)

    @property
    def outage(self) -> pd.DatetimeIndex:
        """An outage longer than max_flat_candles."""
        return pd.date_range(self.at(32), periods=40, freq="min")

    @property
    def end(self) -> pd.Timestamp:
        return self.at(86)

    def faults(self) -> list[dict[str, Any]]:
        late = {"candles": [self.late.isoformat()], "end": self.late_until.isoformat()}
        return [
            {"kind": "double", "candles": [self.at(1).isoformat()]},
            {"kind": "late", "symbol": "BTCUSDT", **late},
            {"kind": "error", "path": API, **self.between(17, 19)},
            {"kind": "hang", "path": API, "seconds": 2.0, **self.between(21, 23)},
            {"kind": "busy", "path": API, "retry_after": 30, **self.between(25, 26)},
            {"kind": "drop", "path": API, **self.between(28, 29)},
        ]

    def between(self, first: int, last: int) -> dict[str, str]:
        return {"begin": self.at(first).isoformat(), "end": self.at(last).isoformat()}


#: What the bot asks.
API = "/fapi/"
#: FreqAI's line when all pairs have been predicted at a candle.
EVERY_PAIR = "Total time spent inferencing"
#: A hanging answer runs into this, in milliseconds of the bot's clock: a second of real time.
IMPATIENT = {"exchange": {"ccxt_config": {"timeout": 60_000}}}
LIVE: dict[str, Any] = {
    "freqai": {
        "live_retrain_hours": 24,
        "expiration_hours": 48,
        "model_training_parameters": {
            "epochs": 8,
            "confidence_threshold_short": 0.34,
            "confidence_threshold_long": 0.34,
        },
    }
}
OVERLAY = merged(SMALL, LIVE)


@dataclass
class Recorded:
    trouble: Trouble
    log: str
    failures: list[str]
    predictions: dict[str, pd.DataFrame]
    backtests: dict[str, pd.DataFrame]
    bot: DryRun
    datadir: Path

    def asked(self, command: str, *words: str) -> dict[str, Any]:
        """Output of a command of ours about the bot."""
        arguments = [str(self.bot.models), *words, "--json", "--datadir", str(self.datadir)]
        arguments += ["-c", "config.json", "-c", str(self.bot.userdir / "overlay.json")]
        done = subprocess.run(
            [sys.executable, "-m", "dualwindow", command, *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        content: dict[str, Any] = json.loads(done.stdout)
        return content

    def cause(self, pair: str, candle: pd.Timestamp) -> str:
        """Cause for which the candle was not traded."""
        cause: str = self.asked("why", pair, f"{candle:%Y-%m-%dT%H:%M}")["cause"]
        return cause


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Recorded:
    require_faketime()
    recorded = user_folder(
        tmp_path_factory.mktemp("recorded"), shared_data / "binance-futures-2025-05-04_2025-06-24"
    )
    datadir = recorded / "data" / "binance"
    userdir = tmp_path_factory.mktemp("live")
    hand_over(datadir, userdir / "data" / "binance")
    clock = Replay(START)
    with ExitStack() as running:
        port = running.enter_context(market(datadir, clock))
        with DryRun(userdir, port, clock, merged(LIVE, IMPATIENT)) as bot:
            bot.wait_for_log("Done training", times=len(PAIRS), seconds=300)
            before = bot.log.count(EVERY_PAIR)
            bot.wait_for(lambda: bot.log.count(EVERY_PAIR) > before + IN_A_ROW + 3, 300)
            # The exchange refuses connections for a minute, and is another one when it is back.
            running.close()
            time.sleep(60 / clock.speed)
            trouble = Trouble(pd.Timestamp(clock.now()).ceil("min") + 3 * MINUTE)
            take_out(datadir, [trouble.hole, *trouble.outage])
            running.enter_context(
                market(datadir, clock, faults=trouble.faults(), folder=userdir, port=port)
            )
            bot.wait_for(lambda: clock.now() >= trouble.end, 300)
            assert bot.terminate() == STOPPED
    predictions = {pair: bot.predictions(pair) for pair in PAIRS}
    backtests = {pair: backtest(bot, pair, recorded, trouble.end) for pair in PAIRS}
    failures = bot.failures(exchange_failed=True)
    return Recorded(trouble, bot.log, failures, predictions, backtests, bot, datadir)


def hand_over(recorded: Path, datadir: Path) -> None:
    """Give a bot the candles before its start: impatient, it may miss some of so many answers."""
    (datadir / "futures").mkdir(parents=True)
    for file in (recorded / "futures").glob("*-1m-futures.feather"):
        candles = pd.read_feather(file)
        earlier = candles[candles["date"] < pd.Timestamp(START, tz="UTC")]
        earlier.reset_index(drop=True).to_feather(datadir / "futures" / file.name)


def take_out(datadir: Path, minutes: list[pd.Timestamp]) -> None:
    """Let minutes be missing in the recorded candles."""
    for file in (datadir / "futures").glob("*-1m-futures.feather"):
        candles = pd.read_feather(file)
        candles[~candles["date"].isin(minutes)].reset_index(drop=True).to_feather(file)


def backtest(bot: DryRun, pair: str, recorded: Path, end: pd.Timestamp) -> pd.DataFrame:
    """The backtest's predictions of a pair's candles with the model that the dry run made."""
    base = pair.split("/", maxsplit=1)[0]
    (model,) = bot.models.glob(f"sub-train-{base}_*")
    userdir = bot.userdir / f"backtest-{base}"
    shutil.copytree(recorded / "data", userdir / "data")
    models = userdir / "models" / "small"
    shutil.copytree(model, models / model.name)
    shutil.copyfile(bot.models / "dualwindow.json", models / "dualwindow.json")
    stamp = int(model.name.rsplit("_", 1)[1])
    overlay = {**OVERLAY, "timerange": f"{stamp}-{int(end.timestamp())}"}
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
    settings = TrainingConfig.from_parameters(OVERLAY["freqai"]["model_training_parameters"])
    decided = [decide(each, settings.thresholds) for each in probabilities]
    np.testing.assert_array_equal(*decided)


def test_the_candles_that_were_compared_are_not_all_of_one_decision(replay: Recorded) -> None:
    assert len({side for pair in PAIRS for side in both(replay, pair)[0]["&-side"]}) > 1


@pytest.mark.parametrize("pair", PAIRS)
def test_at_least_sixty_candles_in_a_row_were_predicted(pair: str, replay: Recorded) -> None:
    live, _ = both(replay, pair)
    steps = pd.Series(live.index).diff() == pd.Timedelta(minutes=1)
    runs = steps.groupby((~steps).cumsum()).size()
    assert runs.max() >= IN_A_ROW


@pytest.mark.parametrize("pair", PAIRS)
def test_after_the_outage_neither_predicts(pair: str, replay: Recorded) -> None:
    live, tested = replay.predictions[pair], replay.backtests[pair]
    after = live.index[live.index > replay.trouble.outage[-1]].intersection(tested.index)
    assert len(after) >= 8
    # The dry run looked at these candles: it has probabilities of them, like the backtest's zeros.
    assert (live.loc[after, "do_predict"] == 0).all()
    assert (tested.loc[after, "do_predict"] == 0).all()
    assert f"candle(s) of {pair}" in replay.log  # the outage's minutes were never predicted


@pytest.mark.parametrize("pair", PAIRS)
def test_the_first_live_candle_is_predicted_and_with_it_every_one(
    pair: str, replay: Recorded
) -> None:
    """The 43,200-candle averages are known at once, from candles that prediction never sees."""
    live, _ = both(replay, pair)
    done = (
        rf"(\d+-\d+-\d+ \d+:\d+):\d+,\d+ - dualwindow.training.result - INFO - Done training {pair}"
    )
    (trained,) = re.findall(done, replay.log)
    # One candle closes, FreqAI looks back over the old ones with the next, and then it predicts.
    assert live.index[0] <= pd.Timestamp(f"{trained}Z") + 3 * MINUTE


def test_a_candle_that_comes_late_costs_the_candles_until_it_is_there(replay: Recorded) -> None:
    trouble = replay.trouble
    live = replay.predictions["BTC/USDT:USDT"]["do_predict"]
    # From the candle after it, whose answer shows the hole, to the one before it is there.
    waited = pd.date_range(trouble.late + MINUTE, trouble.late_until - 2 * MINUTE, freq="min")
    assert (live.reindex(waited, fill_value=0) == 0).all()
    name = f"BTC/USDT:USDT: the candle of {trouble.late:%H:%M} arrived late"
    assert f"the exchange has left out the candle of {trouble.late:%H:%M}; waiting" in replay.log
    assert name in replay.log
    # Its candles were loaded anew, so the values after it are the backtest's: see the first test.
    assert (live.loc[trouble.late_until + MINUTE : trouble.at(17)] == 1).any()
    other = replay.predictions["ETH/USDT:USDT"]["do_predict"]
    assert (other.loc[trouble.late : trouble.late_until] == 1).any()


@pytest.mark.parametrize("pair", PAIRS)
def test_a_minute_that_never_comes_is_waited_for_and_then_counts_as_in_the_backtest(
    pair: str, replay: Recorded
) -> None:
    hole = replay.trouble.hole
    live, tested = replay.predictions[pair]["do_predict"], replay.backtests[pair]["do_predict"]
    waiting = pd.date_range(hole, periods=5, freq="min")[1:]
    assert (live.reindex(waiting, fill_value=0) == 0).all()
    assert (tested.loc[waiting] == 1).all()
    assert f"{pair}: the exchange has left out the candle of {hole:%H:%M}; waiting" in replay.log
    assert (live.loc[hole + 6 * MINUTE : replay.trouble.late] == 1).any()


@pytest.mark.parametrize("after", [-1, 19, 23, 26, 29])
@pytest.mark.parametrize("pair", PAIRS)
def test_the_bot_goes_on_after_every_kind_of_fault(after: int, pair: str, replay: Recorded) -> None:
    """Refused connections, server errors, time-outs, too many requests, dropped connections."""
    live = replay.predictions[pair]["do_predict"]
    assert (live.loc[replay.trouble.at(after) : replay.trouble.at(after + 2)] == 1).any()


def test_the_faults_were_felt(replay: Recorded) -> None:
    for sign in ("500", "RequestTimeout", "429", "NetworkError"):
        assert sign in replay.log, sign


def test_an_audit_finds_the_bots_decisions_again(replay: Recorded) -> None:
    audit = replay.asked("audit")
    causes = {one["cause"] for one in audit["differences"] if one["kind"] == "decision"}
    # The exchange refused and withheld candles; the same models decide as the bot did.
    assert causes <= {"late candle", "skipped candle"}
    assert causes
    assert audit["parity"] <= audit["decision_parity"] < 1.0


def test_what_the_exchange_did_is_named_candle_by_candle(replay: Recorded) -> None:
    trouble, (pair, other) = replay.trouble, PAIRS
    waiting = pd.date_range(trouble.late + MINUTE, trouble.late_until - 2 * MINUTE, freq="min")
    looked = replay.predictions[pair].index
    causes = [replay.cause(pair, candle) for candle in waiting.intersection(looked)]
    assert set(causes) <= {"late candle", "bot not running"}
    after = [at for at in looked if at > trouble.outage[-1] + 3 * MINUTE]
    assert replay.cause(other, after[0]) == "hole"
    never = [replay.cause(pair, trouble.hole + minutes * MINUTE) for minutes in (1, 2)]
    assert set(never) <= {"hole", "bot not running"}


def test_no_fault_was_fatal(replay: Recorded) -> None:
    assert replay.failures == []

"""Killed at any moment, with damaged files, or stopped in a training: the bot goes on."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bot.test_live_state import DAMAGE
from tests.makers.dry_run import STOPPED, DryRun, Replay, market, require_faketime
from tests.makers.freqtrade import REPOSITORY, merged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("restart")]

PAIR = "BTC/USDT:USDT"
#: Trains again as soon as it has trained.
OVERLAY: dict[str, Any] = {
    "strategy": "KilledStrategy",
    "strategy_path": str(REPOSITORY / "tests" / "e2e" / "strategies"),
    "exchange": {"pair_whitelist": [PAIR]},
    "freqai": {"live_retrain_hours": 0.01, "expiration_hours": 12},
}
#: In the order in which they come in a training; see KilledStrategy.
MOMENTS = ["epoch", "model", "metadata", "dictionary", "seal", "predictions"]


@dataclass
class House:
    """A user folder that outlives its bots, and the market they live in."""

    userdir: Path
    port: int
    clock: Replay
    logs: list[str] = field(default_factory=list)

    def bot(self, overlay: dict[str, Any] | None = None, **variables: str) -> DryRun:
        whole = merged(OVERLAY, overlay or {})
        return DryRun(self.userdir, self.port, self.clock, whole, variables=variables)

    def models(self) -> set[str]:
        return {path.name for path in (self.userdir / "models" / "small").glob("sub-train-*")}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[House]:
    """A house in which a bot has trained twice and predicted for some minutes."""
    require_faketime()
    userdir = tmp_path_factory.mktemp("house")
    clock = Replay("2025-06-13T12:00")
    data = shared_data / "binance-futures-2025-05-04_2025-06-24"
    with market(data, clock) as port:
        house = House(userdir, port, clock)
        with house.bot() as bot:
            bot.wait_for_log("Done training", times=2)
            # The candles before the first model, and the first one with it, are not predicted.
            before = bot.log.count("Total time spent inferencing")
            bot.wait_for_log("Total time spent inferencing", times=before + 4)
            assert bot.terminate() == STOPPED
            assert predicted(bot) > 0
        yield house


def predicted(bot: DryRun) -> int:
    return int((bot.predictions(PAIR)["do_predict"] == 1).sum())


def assert_resumed(bot: DryRun) -> None:
    assert "No model ready" not in bot.log
    assert bot.failures() == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_bot_killed_in_a_training_resumes_with_its_last_model(moment: str, house: House) -> None:
    with house.bot(KILL_AT=moment) as bot:
        assert bot.process.wait(120) == -signal.SIGKILL
        assert "Starting training" in bot.log
        assert_resumed(bot)
    with house.bot({"freqai": {"live_retrain_hours": 10}}) as bot:
        bot.wait_for_log("Total time spent inferencing", times=2)
        assert bot.terminate() == STOPPED
        assert_resumed(bot)
        # Nothing was lost but the unfinished training: what was predicted before is still there.
        counts = [int(line) for line in house.logs]
        house.logs.append(str(predicted(bot)))
        assert counts == sorted(counts)
        assert predicted(bot) >= max(counts, default=1)
    strays = [path for path in house.userdir.rglob(".*.tmp") if "models" in path.parts]
    assert strays == []


def test_after_all_of_that_a_training_succeeds_and_old_models_go(house: House) -> None:
    with house.bot() as bot:
        bot.wait_for_log("Done training", times=3, seconds=180)
        bot.wait_for_log("deleting the old model")
        assert bot.terminate() == STOPPED
        assert_resumed(bot)
    assert len(house.models()) <= 3  # two whole ones and the one that was being trained


def test_a_stop_in_a_training_ends_within_ten_seconds_and_it_goes_on_after(house: House) -> None:
    endless = {"epochs": 5000, "early_stopping_patience": 5000}
    other = {"model_training_parameters": endless, "identifier": "endless"}
    # A training is worth its end until the next one would be due.
    other = {"freqai": {**other, "live_retrain_hours": 10}}
    with house.bot(other) as bot:
        bot.wait_for_log("epoch 3:")
        assert bot.terminate() == STOPPED
        assert "the training was stopped before its end" in bot.log
        assert bot.failures() == []
    with house.bot(other) as bot:
        bot.wait_for_log(f"{PAIR}: going on with the training that was cut off")
        bot.wait_for_log("training resumed after epoch ")
        done = int(bot.log.split("training resumed after epoch ")[1].split()[0])
        assert done >= 3
        bot.wait_for_log(f"epoch {done + 1}:")
        # A kill loses no more than the epochs of a few seconds.
        bot.process.kill()
    with house.bot(other) as bot:
        bot.wait_for_log("training resumed after epoch ")
        assert int(bot.log.split("training resumed after epoch ")[1].split()[0]) >= done
        assert bot.terminate() == STOPPED
        assert bot.failures() == []


def test_a_model_that_expired_while_the_bot_was_off_is_not_traded_upon(house: House) -> None:
    with house.bot({"freqai": {"live_retrain_hours": 100, "expiration_hours": 0.001}}) as bot:
        bot.wait_for_log("Total time spent inferencing", times=5)
        assert bot.terminate() == STOPPED
        assert_resumed(bot)
        assert "Model expired" in bot.log
        assert ": entering " not in bot.log
        assert (bot.predictions(PAIR)["do_predict"].tail(3) == 2).all()


def test_damaged_files_of_every_kind_are_set_aside_and_the_bot_goes_on(house: House) -> None:
    folder = house.userdir / "models" / "small"
    newest = max(folder.glob(f"sub-train-{PAIR.split('/', maxsplit=1)[0]}_*/manifest.json")).parent
    older = sorted(folder.glob("sub-train-BTC_*/*_trained_dates_df.pkl"))[0].parent
    assert older != newest
    damaged = {
        folder / "pair_dictionary.json": "truncated",
        folder / "global_metadata.json": "empty",
        folder / "historic_predictions.pkl": "flipped",
        folder / "dualwindow.json": "flipped",
        folder / "state_sums.json": "empty",
        next(newest.glob("*_model.zip")): "flipped",
    }
    for path, damage in damaged.items():
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with house.bot({"freqai": {"live_retrain_hours": 10}}) as bot:
        bot.wait_for_log("Total time spent inferencing", times=2)
        assert bot.terminate() == STOPPED
        assert_resumed(bot)
        for name in ("pair_dictionary.json", "global_metadata.json", "dualwindow.json"):
            assert f"{name} is damaged; it was set aside" in bot.log
        assert f"{newest.name}.damaged" in bot.log
    assert not newest.exists()
    assert older.is_dir()


def test_with_nothing_whole_left_the_bot_trains_anew(house: House) -> None:
    folder = house.userdir / "models" / "small"
    for path in folder.rglob("*_model.zip"):
        path.write_bytes(b"")
    with house.bot({"freqai": {"live_retrain_hours": 10}}) as bot:
        bot.wait_for_log("No model ready")
        bot.wait_for_log("Done training")
        bot.wait_for(lambda: bot.log.count("Total time spent inferencing") >= 3)
        assert bot.terminate() == STOPPED
        assert bot.failures() == []
    shutil.rmtree(folder)

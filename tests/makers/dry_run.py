"""`freqtrade trade` in a dry run against the demo exchange, an hour of the market in a minute."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest
from freqtrade.loggers import FT_LOGGING_CONFIG

from demo.config import exchange_overlay
from demo.faketime import WAY_OUT, environment, library
from demo.running import running_exchange
from tests.conftest import IN_CI
from tests.makers.freqtrade import REPOSITORY, SMALL, merged, unwrapped

SPEED = 60.0
#: A guard against a bot that hangs, no promise.
STOP_SECONDS = 60.0
#: Seconds after which a bot that has not begun to end is asked again.
ASK_AGAIN_SECONDS = 5.0
#: freqtrade's line when it begins to end.
EXITING = "calling exit"
#: freqtrade's exit status after SIGTERM; one that had to be killed has a negative one.
STOPPED = 130
#: Seconds of a faked clock: so many are gone before a real answer comes.
PATIENT_CCXT = {"exchange": {"ccxt_config": {"timeout": 1_800_000}}}

#: Of the product everything, of freqtrade and ccxt what they log by default: with `-v` they would
#: write every answer of the exchange, a megabyte a minute.
EPOCHS_LOGGED = merged(FT_LOGGING_CONFIG, {"loggers": {"dualwindow": {"level": "DEBUG"}}})

#: Barriers that are reached within minutes.
NEAR: dict[str, Any] = {
    # After the usual fee these barriers would earn nothing, and be refused.
    "dualwindow": {"evaluation_fee": 0.0001},
    "freqai": {
        "live_retrain_hours": 1,
        "expiration_hours": 3,
        "model_training_parameters": {
            "long_tp_pct": 0.001,
            "long_sl_pct": 0.0005,
            "short_tp_pct": 0.001,
            "short_sl_pct": 0.0005,
            "future_window": 20,
            "max_flat_candles": 15,
            "epochs": 6,
            "confidence_threshold_short": 0.34,
            "confidence_threshold_long": 0.34,
        },
    },
}


def require_faketime() -> None:
    """Skip, in plain words, where a test's clock cannot be faked; in CI it must be."""
    if library() is None:
        if IN_CI:
            pytest.fail(WAY_OUT)
        pytest.skip(WAY_OUT)


@dataclass(frozen=True)
class Replay:
    """The clock of a replayed market, the same for every exchange and bot that take part.

    Attributes:
        start: what it shows at `since`, ISO, UTC.
        speed: its seconds in a real one.
        since: real seconds since 1970.
    """

    start: str
    speed: float = SPEED
    since: float = field(default_factory=time.time)

    def now(self) -> datetime:
        """What time it is in the market."""
        start = datetime.fromisoformat(self.start).replace(tzinfo=UTC)
        return start + timedelta(seconds=(time.time() - self.since) * self.speed)


@contextmanager
def market(
    datadir: Path,
    replay: Replay,
    *,
    faults: Sequence[dict[str, Any]] = (),
    folder: Path | None = None,
    port: int = 0,
) -> Iterator[int]:
    """An exchange that replays candles; yields its port.

    Args:
        datadir: freqtrade's folder of feather files.
        replay: its clock.
        faults: as in `demo.faults`.
        folder: where the file of faults goes; only with faults.
        port: 0 takes a free one.
    """
    arguments = ["--datadir", str(datadir), "--port", str(port), "--now", replay.start]
    arguments += ["--speed", str(replay.speed), "--since", str(replay.since)]
    if faults:
        assert folder is not None
        path = folder / "faults.json"
        path.write_text(json.dumps(list(faults)), encoding="utf-8")
        arguments += ["--faults", str(path)]
    with running_exchange(arguments) as found:
        yield found


class DryRun:
    """One process of `freqtrade trade`; its user folder may outlive it.

    Args:
        userdir: freqtrade's user folder.
        port: of the exchange.
        replay: the exchange's clock and the bot's.
        overlay: configuration over config.json and SMALL.
        configs: configuration files before the overlay.
        variables: of the bot's environment, beside those of its clock.
    """

    def __init__(
        self,
        userdir: Path,
        port: int,
        replay: Replay,
        overlay: dict[str, Any],
        *,
        configs: Sequence[str] = ("config.json",),
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        userdir.mkdir(parents=True, exist_ok=True)
        self.userdir = userdir
        self._before_stop: str | None = None
        own = {"db_url": f"sqlite:///{userdir / 'trades.sqlite'}", "log_config": EPOCHS_LOGGED}
        whole = SMALL
        for part in (exchange_overlay(port), PATIENT_CCXT, own, overlay):
            whole = merged(whole, part)
        path = userdir / "overlay.json"
        path.write_text(json.dumps(whole, indent=1), encoding="utf-8")
        files = [part for name in (*configs, str(path)) for part in ("-c", name)]
        command = ["trade", "--freqaimodel", "DualWindowLSTM", "--userdir", str(userdir), *files]
        self.log_path = userdir / f"log-{len(list(userdir.glob('log-*')))}.txt"
        with self.log_path.open("w") as log:
            # freqtrade configures no log where it takes itself for a part of its own tests.
            kept = {key: value for key, value in os.environ.items() if key != "PYTEST_VERSION"}
            faked = environment(replay.now(), replay.speed)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "freqtrade", *command],
                cwd=REPOSITORY,
                env={**kept, **faked, "TZ": "UTC", "COLUMNS": "400", **variables},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> DryRun:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def log(self) -> str:
        """Everything logged so far, without line breaks."""
        return unwrapped(self.log_path.read_text(encoding="utf-8", errors="replace"))

    def failures(self, *, exchange_failed: bool = False) -> list[str]:
        """Signs of an unhandled error.

        Args:
            exchange_failed: on purpose; freqtrade logs what it bears with tracebacks of its own.
        """
        before = self.log if self._before_stop is None else self._before_stop
        after = self.log[len(before) :]
        signs = ["Fatal", "raised exception", "Unable to analyze", "Strategy caused"]
        signs += [] if exchange_failed else ["Traceback"]
        found = [sign for sign in signs if sign in before]
        found += re.findall(r'File "[^"]*(?:dualwindow|DualWindow)[^"]*"', before)
        # freqtrade turns the signal into an exception wherever it happens to be, which whatever
        # it interrupts may log with a traceback.
        return found + [sign for sign in ("raised exception", "TrainingStopped") if sign in after]

    def wait_for(self, condition: Callable[[], object], seconds: float = 120.0) -> None:
        """Wait, in real seconds, until something is the case; fail with the log's end if not."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"the bot ended:\n{self.log[-4000:]}"
            assert time.monotonic() < end, f"it did not happen in {seconds} s:\n{self.log[-4000:]}"
            time.sleep(0.1)

    def wait_for_log(self, text: str, times: int = 1, seconds: float = 120.0) -> None:
        """Wait until something was logged."""
        self.wait_for(lambda: self.log.count(text) >= times, seconds)

    def terminate(self) -> int:
        """Ask the bot to stop as Docker does, and wait until it has ended by itself.

        Returns:
            Its exit status, negative where a signal has ended it.
        """
        seen = self._before_stop = self.log
        started, asked = time.monotonic(), 1
        self.process.send_signal(signal.SIGTERM)
        while self.process.poll() is None:
            time.sleep(0.1)
            waited = time.monotonic() - started
            assert waited < STOP_SECONDS, f"the bot does not end:\n{self.log[-4000:]}"
            # freqtrade turns the signal into an exception wherever it happens to be. Some places
            # drop it, and with it the wish to stop (measured: 7 of 495, six of them in numpy's
            # comparison of dtypes, one in a finaliser): ask again, but not while it ends.
            if waited > ASK_AGAIN_SECONDS * asked and EXITING not in self.log[len(seen) :]:
                asked += 1
                self.process.send_signal(signal.SIGTERM)
        return self.process.returncode

    @property
    def models(self) -> Path:
        return self.userdir / "models" / "small"

    def trades(self) -> pd.DataFrame:
        """All trades, open and closed, as the bot's database has them; empty before the first."""
        return self._table("trades")

    def orders(self) -> pd.DataFrame:
        """All orders of trades that were not removed, in the order in which they were made."""
        return self._table("orders")

    def _table(self, name: str) -> pd.DataFrame:
        path = self.userdir / "trades.sqlite"
        if not path.exists():
            return pd.DataFrame()
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            tables = database.execute("select name from sqlite_master").fetchall()
            if (name,) not in tables:
                return pd.DataFrame()
            return pd.read_sql_query(f"select * from {name} order by id", database)

    def predictions(self, pair: str) -> pd.DataFrame:
        """All predictions of a pair that the bot saved, indexed by candle."""
        path = self.models / "historic_predictions.pkl"
        frame = pickle.loads(path.read_bytes())[pair]
        return frame.set_index(pd.to_datetime(frame["date_pred"], utc=True))

"""`make dry-run`: a live bot from nothing, what it leaves readable, and how it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import requests
from freqtrade_client import FtRestClient

from demo import faketime
from demo.market import make_market
from demo.market_file import read_markets
from tests.conftest import IN_CI
from tests.makers.freqtrade import REPOSITORY

pytestmark = pytest.mark.e2e

PAIRS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
SPEED = 20
#: A guard against a demo that hangs, no promise.
STOP_SECONDS = 60
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
# freqtrade writes no log file where it takes itself for a part of its own tests.
ENVIRONMENT.pop("PYTEST_VERSION", None)


class DryRun:
    """A running `python -m demo.dry_run`, and what it said so far."""

    def __init__(self, userdir: Path, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._userdir = userdir
        self._log = log

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def server(self) -> dict[str, Any]:
        content = json.loads((self._userdir / "private.json").read_text(encoding="utf-8"))
        server: dict[str, Any] = content["api_server"]
        return server

    def address(self) -> str:
        return f"http://127.0.0.1:{self.server()['listen_port']}"

    def wait_for(self, condition: Callable[[], object], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()[-3000:]
            assert time.monotonic() < end, self.said()[-3000:]
            time.sleep(0.2)

    def last_predictions(self) -> list[dict[str, Any]]:
        """The newest candle of each pair as the bot sees it; fewer before there are any."""
        client = FtRestClient(self.address(), self.server()["username"], self.server()["password"])
        answers = [client.pair_candles(pair, "1m", 1) for pair in PAIRS]
        return [
            dict(zip(answer["columns"], answer["data"][-1], strict=True))
            for answer in answers
            if answer and answer["data"]
        ]

    def predicts(self) -> bool:
        """Whether the newest candle of every pair has a valid prediction."""
        rows = self.last_predictions()
        return len(rows) == len(PAIRS) and all(row.get("do_predict") == 1 for row in rows)

    def stop(self, number: signal.Signals) -> None:
        """End it as a service manager or as Ctrl-C in a terminal does, and look for its status."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        assert self.process.wait(STOP_SECONDS) == 0
        assert "Stopped." in self.said()
        assert processes(self._userdir) == []


def processes(userdir: Path) -> list[psutil.Process]:
    """Processes of a dry run: its exchange, its freqtrade, itself."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(userdir) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@contextmanager
def dry_run(userdir: Path, log: Path) -> Iterator[DryRun]:
    command = [sys.executable, "-m", "demo.dry_run", "--userdir", str(userdir)]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "--speed", str(SPEED)],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            running = DryRun(userdir, log, process)
            running.wait_for(lambda: "Uvicorn running" in running.said(), 60)
            yield running
        finally:
            for left in processes(userdir):
                left.kill()


def model_files(userdir: Path) -> set[str]:
    return {path.name for path in (userdir / "models").rglob("*_model.zip")}


def test_a_live_bot_from_nothing_and_again_with_its_models(tmp_path: Path) -> None:
    if faketime.library() is None:
        if IN_CI:
            pytest.fail(faketime.WAY_OUT)
        pytest.skip(faketime.WAY_OUT)
    userdir = tmp_path / "user data of the dry run"
    with dry_run(userdir, tmp_path / "first.log") as first:
        first.wait_for(first.predicts, 90)
        for row in first.last_predictions():
            assert row["SHORT"] + row["HOLD"] + row["LONG"] == pytest.approx(1.0, abs=1e-4)
        assert_it_says_where_things_lie(first.said(), userdir)
        assert_secrets_are_kept(first, userdir)
        first.stop(signal.SIGTERM)
    models = model_files(userdir)
    assert len(models) == len(PAIRS)
    with dry_run(userdir, tmp_path / "second.log") as second:
        second.wait_for(second.predicts, 60)
        second.stop(signal.SIGINT)
    assert "of the last run" in " ".join(second.said().split())
    assert "Starting training" not in second.said()
    assert "No model ready" not in second.said()
    assert model_files(userdir) == models
    assert_the_candles_are_one_market(userdir)


def assert_the_candles_are_one_market(userdir: Path) -> None:
    """What two runs downloaded is what one market has, without a seam."""
    for pair, spec in read_markets(userdir / "market.json").items():
        name = f"{pair.replace('/', '_').replace(':', '_')}-1m-futures.feather"
        stored = pd.read_feather(userdir / "data" / "binance" / "futures" / name)
        made = make_market(spec).candles.set_index("date").loc[stored["date"]].reset_index()
        assert len(stored) > 10 * 1440
        assert (stored["date"].diff().dropna() == pd.Timedelta(minutes=1)).all()
        pd.testing.assert_frame_equal(stored, made, check_exact=True, check_dtype=False)


def assert_it_says_where_things_lie(said: str, userdir: Path) -> None:
    introduction = said.partition("Ctrl-C")[0]
    assert "synthetic" in introduction
    for name in ("candles", "models", "trades", "log"):
        (line,) = [each for each in introduction.splitlines() if each.startswith(f"  {name} ")]
        assert Path(line.split(maxsplit=1)[1].rstrip("/")).exists(), line
        assert str(userdir) in line


def assert_secrets_are_kept(running: DryRun, userdir: Path) -> None:
    private = userdir / "private.json"
    assert private.stat().st_mode & 0o777 == 0o600
    password = running.server()["password"]
    assert running.said().count(password) == 1
    secrets = [password, running.server()["jwt_secret_key"], running.server()["ws_token"]]
    for path in userdir.rglob("*"):
        if path.is_file() and path != private:
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), path
    assert requests.get(f"{running.address()}/api/v1/status", timeout=10).status_code == 401

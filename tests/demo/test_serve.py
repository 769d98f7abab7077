from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ccxt
import pandas as pd
import pytest

from demo.config import exchange_overlay
from demo.running import REPOSITORY, running_exchange

SPOT, CONTRACT = "BTC/USDT", "BTC/USDT:USDT"
QUICK = ["--synthetic", SPOT, "--days", "1"]


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def wait_until_closed(port: int) -> None:
    """Return when nobody listens any more; the suite's own limit ends a wait in vain."""
    while listens(port):
        time.sleep(0.05)


@contextmanager
def server(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "demo.serve", *QUICK, *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def freqtrade(
    folder: Path, port: int, command: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line with a config that holds the demo overlay and little else."""
    config = {"stake_currency": "USDT", "dry_run": True, **exchange_overlay(port)}
    config["exchange"]["pair_whitelist"] = []
    (folder / "config.json").write_text(json.dumps(config))
    where = ["--config", str(folder / "config.json"), "--userdir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "freqtrade", command, *where, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def assert_downloaded(path: Path, source: pd.DataFrame) -> None:
    stored = pd.read_feather(path)
    # freqtrade stores a download's dates in microseconds and reads them as milliseconds.
    stored["date"] = stored["date"].dt.as_unit("ms")
    # It takes the last candle of a download for one that is still forming.
    pd.testing.assert_frame_equal(stored, source.iloc[:-1], check_exact=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(number: signal.Signals) -> None:
    with server() as (process, ready):
        assert listens(ready["port"])
        assert ready["synthetic"] is True
        process.send_signal(number)
        assert process.wait() == 0
        assert not listens(ready["port"])


def test_only_loopback_is_served() -> None:
    command = [sys.executable, "-m", "demo.serve", *QUICK, "--host", "0.0.0.0"]
    refused = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "listens on 127.0.0.1 only" in refused.stderr


def test_a_replay_starts_at_the_time_it_is_given() -> None:
    with running_exchange([*QUICK, "--now", "2024-02-29T06:00", "--speed", "20"]) as port:
        client = ccxt.binance(exchange_overlay(port)["exchange"]["ccxt_config"])
        start = client.parse8601("2024-02-29T06:00:00Z")
        assert start <= client.fetch_time() < start + 86_400_000
        first, *_ = client.fetch_ohlcv(SPOT, since=0, limit=1)
        assert first[0] == client.parse8601("2024-02-28T00:00:00Z")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no local address")
def test_no_other_address_of_this_machine_answers(recorded: Any) -> None:
    assert listens(recorded.port)
    assert not listens(recorded.port, "127.0.0.2")


def test_the_server_ends_with_its_context() -> None:
    ports = []

    def fail_while_it_runs() -> None:
        with running_exchange(QUICK) as port:
            ports.append(port)
            assert listens(port)
            raise KeyError

    with pytest.raises(KeyError):
        fail_while_it_runs()
    assert not listens(ports[0])


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="ended before it was ready"),
        running_exchange(["--datadir", str(tmp_path)]),
    ):
        pass


def test_no_server_is_left_when_its_parent_is_killed() -> None:
    script = (
        "import time\n"
        "from demo.running import running_exchange\n"
        f"with running_exchange({QUICK!r}) as port:\n"
        "    print(port, flush=True)\n"
        "    time.sleep(3600)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert listens(port)
        os.kill(parent.pid, signal.SIGKILL)
        wait_until_closed(port)


@pytest.mark.e2e
def test_freqtrade_downloads_spot_candles(recorded: Any, tmp_path: Path) -> None:
    span = ["--timeframes", "1m", "--timerange", "20250330-20250402"]
    run = freqtrade(tmp_path, recorded.port, "download-data", "--pairs", SPOT, *span)
    path = tmp_path / "data" / "binance" / "BTC_USDT-1m.feather"
    assert path.exists(), run.stderr
    assert_downloaded(path, recorded.candles[SPOT])


@pytest.mark.e2e
def test_freqtrade_downloads_futures_with_funding_and_marks(recorded: Any, tmp_path: Path) -> None:
    span = ["--timeframes", "1m", "--timerange", "20250330-20250402"]
    mode = ["--trading-mode", "futures"]
    run = freqtrade(tmp_path, recorded.port, "download-data", "--pairs", CONTRACT, *span, *mode)
    folder = tmp_path / "data" / "binance" / "futures"
    path = folder / "BTC_USDT_USDT-1m-futures.feather"
    assert path.exists(), run.stderr
    assert_downloaded(path, recorded.candles[CONTRACT])
    funding = pd.read_feather(folder / "BTC_USDT_USDT-1h-funding_rate.feather")
    marks = pd.read_feather(folder / "BTC_USDT_USDT-1h-mark.feather")
    assert len(funding) == 9
    assert set(funding["date"]) <= set(marks["date"])


@pytest.mark.e2e
def test_freqtrade_lists_the_contracts(recorded: Any, tmp_path: Path) -> None:
    mode = ["--trading-mode", "futures", "--print-json"]
    run = freqtrade(tmp_path, recorded.port, "list-pairs", *mode)
    assert json.loads(run.stdout.splitlines()[-1]) == [CONTRACT], run.stderr

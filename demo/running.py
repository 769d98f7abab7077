"""The demo exchange as a child process that never outlives its parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from demo.stopping import end

REPOSITORY = Path(__file__).resolve().parent.parent
STOP_SECONDS = 10.0


class ExchangeStartError(RuntimeError):
    """The exchange ended before it was ready; its message is on stderr."""


@contextmanager
def running_exchange(arguments: Sequence[str]) -> Iterator[int]:
    """Start `python -m demo.serve` as a child, yield its port, and end it in any case.

    Args:
        arguments: of the command, such as `["--datadir", "user_data/data/binance"]` or
            `["--synthetic", "BTC/USDT:USDT", "--days", "30"]`; see `python -m demo.serve --help`.
            Relative paths count from the repository's root.

    Raises:
        ExchangeStartError: when the server ends before it is ready.

    """
    command = [sys.executable, "-m", "demo.serve", "--parent", str(os.getpid()), *arguments]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C reaches the terminal's whole process group: the exchange must outlive its clients.
        process_group=0,
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if not line:
                raise ExchangeStartError(f"the demo exchange ended before it was ready: {command}")
            yield int(json.loads(line)["port"])
        finally:
            end(server, STOP_SECONDS)


def exchange_time(port: int) -> datetime:
    """The time of a running exchange."""
    # Not urllib, which would use a proxy from the environment.
    connection = HTTPConnection("127.0.0.1", port, timeout=STOP_SECONDS)
    try:
        connection.request("GET", "/api/v3/time")
        milliseconds = json.loads(connection.getresponse().read())["serverTime"]
    finally:
        connection.close()
    return datetime.fromtimestamp(milliseconds / 1000.0, tz=UTC)

"""The dry run's user folder: its market, the time that it has reached, and its private settings.

Candles and models on disk must agree with the exchange after a restart. So the market has a fixed
start and is reproduced from its file; and time never goes back, as it would after a run at a higher
speed than real time.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from demo.market import MarketSpec
from demo.market_file import read_markets, write_markets
from dualwindow.runtime.files import whole_path

#: History that FreqAI loads at the start (training days and 1.5 long averages), and a margin.
HISTORY = timedelta(days=33)
#: Length of a market after its first start; a later start makes a new one.
LIFE = timedelta(days=30)
#: Least remaining part of the market at a start.
AHEAD = timedelta(days=2)
#: Markets but for seed, start and length.
MARKETS = {
    "BTC/USDT:USDT": MarketSpec(),
    "ETH/USDT:USDT": MarketSpec(first_price=2500.0, tick=0.01, volume=900.0),
}
#: Seeds of the markets with which a bot that starts at any hour of the day has its first signal
#: within minutes; with most others some hours have none.
SEEDS = {"BTC/USDT:USDT": 17, "ETH/USDT:USDT": 18}


class FolderError(Exception):
    """The folder cannot be used; the message has the reason and the way out."""


@dataclass(frozen=True)
class Start:
    """State of the dry run at its start.

    Attributes:
        moment: the bot's time: now, or later if an earlier run has reached a later time.
        ends: when the market ends.
        market: its state; nothing of an old market is left beside a renewed one.

    """

    moment: datetime
    ends: datetime
    market: Literal["new", "resumed", "renewed"]


@dataclass(frozen=True)
class DryRunFolder:
    """Paths and files of a dry run."""

    root: Path

    @property
    def market(self) -> Path:
        """The market's file."""
        return self.root / "market.json"

    @property
    def log(self) -> Path:
        """The log of freqtrade."""
        return self.root / "logs" / "freqtrade.log"

    @property
    def database(self) -> Path:
        """The trades."""
        return self.root / "trades.sqlite"

    @property
    def models(self) -> Path:
        """The models of every pair."""
        return self.root / "models"

    @property
    def private(self) -> Path:
        """The part of the configuration that only its owner may read."""
        return self.root / "private.json"

    @property
    def _reached(self) -> Path:
        return self.root / "reached.txt"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other dry runs out of the folder.

        Raises:
            FolderError: when another one uses it.

        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderError(f"another dry run uses {self.root}") from error
            yield

    def prepare(self, now: datetime) -> Start:
        """Resume the folder's market, or make one if there is none or it is nearly over.

        Raises:
            FolderError: when the folder is no dry run's, or its files are damaged.

        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not self.market.exists():
            self._refuse_foreign()
            return self._make_market(now, "new")
        resumed = self._resume(now)
        if resumed.moment + AHEAD <= resumed.ends:
            return resumed
        self._clear()
        return self._make_market(now, "renewed")

    def reach(self, moment: datetime) -> None:
        """Record the bot's time, so that the next run does not start before it."""
        with whole_path(self._reached) as path:
            path.write_text(moment.isoformat(), encoding="utf-8")

    def write_private(self, content: dict[str, Any]) -> None:
        """Write the private part of the configuration, readable by its owner alone."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        descriptor = os.open(self.private, flags, 0o600)
        # The mode above applies only to a new file.
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(content, handle, indent=2)

    def _refuse_foreign(self) -> None:
        if foreign := [name for name in ("data", "models") if (self.root / name).exists()]:
            raise FolderError(
                f"{self.root} holds {' and '.join(foreign)} but no {self.market.name}: it is no "
                "dry run's folder; name another one with --userdir"
            )

    def _make_market(self, now: datetime, market: Literal["new", "renewed"]) -> Start:
        start = now.replace(hour=0, minute=0, second=0, microsecond=0) - HISTORY
        days = (HISTORY + LIFE).days
        markets = {
            # An outage could leave the first minutes without a signal.
            pair: replace(MARKETS[pair], seed=seed, start=start, days=days)
            for pair, seed in SEEDS.items()
        }
        with whole_path(self.market) as path:
            write_markets(path, markets)
        return Start(now, _end(markets), market)

    def _resume(self, now: datetime) -> Start:
        try:
            markets = read_markets(self.market)
            reached = self._read_reached(now)
        except ValueError as error:
            raise FolderError(f"{error}\ndelete {self.root} to start again") from error
        return Start(max(now, reached), _end(markets), "resumed")

    def _read_reached(self, now: datetime) -> datetime:
        if not self._reached.exists():
            return now
        return datetime.fromisoformat(self._reached.read_text(encoding="utf-8")).astimezone(UTC)

    def _clear(self) -> None:
        """Remove the files of the old market except the log."""
        for folder in (self.root / "data", self.models):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (*self.root.glob(f"{self.database.name}*"), self._reached, self.market):
            file.unlink(missing_ok=True)


def private_config(folder: DryRunFolder, port: int) -> dict[str, Any]:
    """REST server on 127.0.0.1 with a user, password and keys for this start, and the database."""
    return {
        "db_url": f"sqlite:///{folder.database.resolve()}",
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": port,
            "verbosity": "error",
            "enable_openapi": False,
            "jwt_secret_key": secrets.token_hex(32),
            "ws_token": secrets.token_urlsafe(24),
            "CORS_origins": [],
            "username": f"demo-{secrets.token_hex(3)}",
            "password": secrets.token_urlsafe(18),
        },
    }


def _end(markets: dict[str, MarketSpec]) -> datetime:
    return min(spec.start + timedelta(days=spec.days) for spec in markets.values())

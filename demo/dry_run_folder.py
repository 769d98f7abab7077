"""The dry run's user folder: its market, the time it has come to, and what must stay private.

Candles and models on disk must agree with the exchange after a restart. So the market is made once,
with a fixed start, and remade from its file ever after; and time never goes back, which it would
where a run at a higher speed had gone ahead of the clock on the wall.
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
from demo.run import MARKETS
from dualwindow.runtime.files import whole_path

#: What FreqAI loads at the start (training days and one and a half long averages), and some more.
HISTORY = timedelta(days=14)
#: How long a market goes on after its first start; then a start makes a new one.
LIFE = timedelta(days=30)
#: A start wants at least so much of the market ahead.
AHEAD = timedelta(days=2)
#: Of the markets. With these a bot that starts at any hour of the day sees its first signal within
#: minutes; most others leave some hours quiet.
SEEDS = {"BTC/USDT:USDT": 17, "ETH/USDT:USDT": 18}


class FolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Start:
    """What a run begins with.

    Attributes:
        moment: the bot's time at the start: now, or later where an earlier run has got further.
        ends: when the market ends.
        market: what has become of it; nothing of an old one is left beside a renewed one.

    """

    moment: datetime
    ends: datetime
    market: Literal["new", "resumed", "renewed"]


@dataclass(frozen=True)
class DryRunFolder:
    """Where everything of a dry run lies."""

    root: Path

    @property
    def market(self) -> Path:
        """The market's file."""
        return self.root / "market.json"

    @property
    def log(self) -> Path:
        """What freqtrade logs."""
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
        """The part of the configuration that only the owner may read."""
        return self.root / "private.json"

    @property
    def _reached(self) -> Path:
        return self.root / "reached.txt"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other dry runs out of the folder.

        Raises:
            FolderError: when one uses it already.

        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderError(f"another dry run uses {self.root}") from error
            yield

    def prepare(self, now: datetime) -> Start:
        """Resume the folder's market, or make one where there is none or it is nearly over.

        Raises:
            FolderError: when the folder holds something else, or its files are damaged.

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
        """Remember the bot's time, so that the next run does not begin before it."""
        with whole_path(self._reached) as path:
            path.write_text(moment.isoformat(), encoding="utf-8")

    def write_private(self, content: dict[str, Any]) -> None:
        """Write the private part of the configuration, readable by its owner alone."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        descriptor = os.open(self.private, flags, 0o600)
        # The mode above holds for a new file only.
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
            # Outages would leave a user who looks for the first time without any signal.
            pair: replace(MARKETS[pair], seed=seed, start=start, days=days, outages=False)
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
            raise FolderError(f"{error}\ndelete {self.root} to begin anew") from error
        return Start(max(now, reached), _end(markets), "resumed")

    def _read_reached(self, now: datetime) -> datetime:
        if not self._reached.exists():
            return now
        return datetime.fromisoformat(self._reached.read_text(encoding="utf-8")).astimezone(UTC)

    def _clear(self) -> None:
        """Remove what belongs to the old market; the log stays."""
        for folder in (self.root / "data", self.models):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (*self.root.glob(f"{self.database.name}*"), self._reached, self.market):
            file.unlink(missing_ok=True)


def private_config(folder: DryRunFolder, port: int) -> dict[str, Any]:
    """REST server on 127.0.0.1 with a user, a password and keys of this start, and the database."""
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

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.running import running_exchange

SPOT, CONTRACT = "BTC/USDT", "BTC/USDT:USDT"


@dataclass(frozen=True)
class Recorded:
    """A running exchange that serves three recorded days, and what it recorded."""

    port: int
    candles: dict[str, pd.DataFrame]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    datadir: Path = tmp_path_factory.mktemp("recorded")
    start = datetime(2025, 3, 30, tzinfo=UTC)
    candles = {
        pair: make_market(MarketSpec(seed=seed, days=3, start=start, outages=True)).candles
        for seed, pair in enumerate([SPOT, CONTRACT])
    }
    for pair, frame in candles.items():
        write_candles(datadir, pair, frame)
    with running_exchange(["--datadir", str(datadir)]) as port:
        yield Recorded(port, candles)

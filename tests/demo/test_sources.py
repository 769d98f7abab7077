"""Candles that the demo's exchange lists from a user's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.datadir import write_candles
from demo.sources import recorded_listings
from tests.makers.markets import random_candles


def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = write_candles(tmp_path, "BTC/USDT", random_candles(300))
    assert [each.pair for each in recorded_listings(tmp_path)] == ["BTC/USDT"]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=rf"{path.name} cannot be read .*download the pair again"):
        recorded_listings(tmp_path)

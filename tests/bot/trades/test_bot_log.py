"""Entries that freqtrade refused are found in a bot's log, between everything else in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from dualwindow.bot.trades.bot_log import BotLog
from dualwindow.errors import DataError

PAIR, OTHER = "BTC/USDT:USDT", "ETH/USDT:USDT"
#: As logging writes it: the time of the machine's own zone.
BEGIN = datetime(2025, 6, 2, 12, 0).timestamp()
UNABLE = "Unable to create trade for {pair}: "
LINES = (
    "Whitelist with 2 pairs",
    UNABLE + "the exchange is in maintenance",
    "Stake amount for pair {pair} is 3 (5 is the minimum), ignoring trade.",
    "Buy order fully cancelled. Removing Trade(id=3, pair={pair}, amount=0) from database.",
    "User denied entry for {pair}.",
    UNABLE + "Insufficient funds",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with a line a minute, a traceback, and bytes that are no text."""
    lines = [
        f"2025-06-02 12:{minute:02d}:00,500 - freqtrade.freqtradebot - INFO - {line}"
        for minute, line in enumerate(LINES)
    ]
    lines.insert(2, 'Traceback (most recent call last):\n  File "bot.py", line 3, in enter')
    text = "\n".join(lines).format(pair=PAIR).encode()
    log = tmp_path / "freqtrade.log"
    log.write_bytes(b"\xff\xfe no text\n" + text + b"\n")
    return log


@pytest.mark.parametrize(
    ("minute", "kind", "words"),
    [
        (1, "refused", "the exchange is in maintenance"),
        (2, "stake", "Stake amount for pair"),
        (3, "unfilled", "fully cancelled"),
        (4, "refused", "User denied entry"),
        (5, "stake", "Insufficient funds"),
    ],
)
def test_an_entry_that_came_to_nothing_is_found_in_its_minute(
    minute: int, kind: str, words: str, path: Path
) -> None:
    begin = BEGIN + 60 * minute
    found = BotLog(path).first(PAIR, begin, begin + 60)
    assert found is not None
    assert (found.kind, found.when) == (kind, begin + 0.5)
    assert words in found.words


def test_other_minutes_pairs_and_kinds_have_none(path: Path) -> None:
    log = BotLog(path)
    assert log.first(PAIR, BEGIN, BEGIN + 60) is None
    assert log.first(PAIR, BEGIN + 60.6, BEGIN + 120) is None
    assert log.first(OTHER, BEGIN, BEGIN + 600) is None
    unfilled = log.first(PAIR, BEGIN, BEGIN + 600, "unfilled")
    assert unfilled is not None
    assert unfilled.when == BEGIN + 180.5


@pytest.mark.parametrize("name", ["gone.log", "."])
def test_a_log_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the log .* cannot be read .*; name another"):
        BotLog(tmp_path / name)

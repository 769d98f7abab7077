"""Results of freqtrade's backtests are found by what they are of, and refused when damaged."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dualwindow.bot.trades.backtest_result import find_result, read_result
from dualwindow.columns import LONG, SHORT
from dualwindow.errors import DataError

NAME = "bound"
STRATEGY = "DualWindowStrategy"
TRADE: dict[str, Any] = {
    "pair": "BTC/USDT:USDT",
    "is_short": True,
    "open_timestamp": 60_000,
    "close_timestamp": 120_000,
    "open_rate": 100.0,
    "close_rate": 99.0,
    "stake_amount": 50.0,
    "profit_abs": 0.5,
    "exit_reason": "roi",
    "enter_tag": "short_0.60",
}
CONTENT: dict[str, Any] = {
    "trades": [
        TRADE,
        # As freqtrade writes a position that never ended.
        {**TRADE, "is_short": False, "close_timestamp": None, "profit_abs": None}
        | {"exit_reason": None, "enter_tag": None},
    ],
    "max_open_trades": 2,
    "max_open_trades_setting": -1,
    "stake_amount": "unlimited",
    "starting_balance": 1000.0,
    "backtest_end_ts": 600_000,
    "freqai_identifier": NAME,
}


def content(**changes: Any) -> dict[str, Any]:
    return {"strategy": {STRATEGY: {**CONTENT, **changes}}}


def result(folder: Path, own: Any, second: int = 0, config: Any = None) -> Path:
    """A result as freqtrade exports it."""
    name = f"backtest-result-2025-02-01_00-00-{second:02d}"
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.json", own if isinstance(own, str) else json.dumps(own))
        if config is not None:
            archive.writestr(f"{name}_config.json", json.dumps(config))
    return path


def test_the_newest_result_of_the_identifier_and_strategy_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert find_result(tmp_path, NAME, None) is None
    own = result(tmp_path, content(), second=2)
    result(tmp_path, content(), second=1)
    result(tmp_path, content(freqai_identifier="other"), second=3)
    result(tmp_path, {"strategy": {"Another": {**CONTENT}}}, second=4)
    damaged = result(tmp_path, "{", second=5)
    assert find_result(tmp_path, NAME, STRATEGY) == own
    assert f"{damaged} cannot be read" in caplog.text
    assert find_result(tmp_path, NAME, "NoStrategy") is None


def test_positions_money_and_limits_are_those_of_the_result(tmp_path: Path) -> None:
    path = result(tmp_path, content(), config={"tradable_balance_ratio": 0.5})
    account = read_result(path, NAME, 60)
    closed, still_open = account.positions
    assert (closed.side, closed.opened, closed.closed, closed.profit) == (SHORT, 60.0, 120.0, 0.5)
    assert (still_open.side, still_open.closed, still_open.profit) == (LONG, None, 0.0)
    assert (still_open.reason, still_open.tag) == ("", "")
    assert (account.most, account.end, account.live) == (math.inf, 600, False)
    assert account.money is not None
    assert (account.money.balance, account.money.stake, account.money.ratio) == (1000.0, None, 0.5)


@pytest.mark.parametrize("packed", [True, False])
def test_a_result_of_an_earlier_freqtrade_has_its_defaults(packed: bool, tmp_path: Path) -> None:
    """It has no configuration beside it, and may be a plain file."""
    path = result(tmp_path, content(max_open_trades_setting=3))
    if not packed:
        path = path.with_suffix(".json")
        path.write_text(json.dumps(content(max_open_trades_setting=3)), encoding="utf-8")
    account = read_result(path, NAME, 60)
    assert account.most == 3.0
    assert account.money is not None
    assert account.money.ratio == 0.99


def test_a_result_of_another_identifier_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = result(tmp_path, content(freqai_identifier="other"))
    with pytest.raises(
        DataError, match=r"is the result of no backtest.*name another with --result"
    ):
        read_result(path, NAME, 60)


@pytest.mark.parametrize(
    "own",
    [
        "{",
        "[]",
        {"strategy": []},
        {"strategy": None},
        {"strategy": {STRATEGY: []}},
        {},
        content(trades=None),
        content(trades=[{}]),
        content(trades=[5]),
        content(starting_balance="much"),
        content(max_open_trades_setting="many"),
        content(locks=[[]]),
    ],
)
def test_a_result_that_is_none_is_named_with_the_way_out(own: Any, tmp_path: Path) -> None:
    path = result(tmp_path, own)
    with pytest.raises(DataError) as refused:
        read_result(path, NAME, 60)
    assert f"{path} cannot be read as freqtrade's result" in str(refused.value)
    assert "run it again" in str(refused.value)


def test_a_flipped_byte_anywhere_is_no_traceback(tmp_path: Path) -> None:
    """A damaged archive is read right where its sums allow it, or refused."""
    path = result(tmp_path, content(), config={})
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            positions = read_result(path, NAME, 60).positions
        except DataError:
            refused += 1
            assert find_result(tmp_path, NAME, None) is None
        else:
            assert len(positions) == 2
    assert refused > len(whole) // 4

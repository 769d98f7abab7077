"""What `dualwindow audit` shows of the differences that it found."""

from __future__ import annotations

import pytest

from dualwindow.bot.audit.differences import DECISION, LATE, TRADE, UNFILLED, Audit, Difference
from dualwindow.cli.evaluate.audit import _show

PAIR = "BTC/USDT:USDT"
FOUND = [
    Difference(PAIR, 1_767_571_200, DECISION, LATE, "HOLD", "LONG", "the candle came 70 s late"),
    Difference(PAIR, 1_767_571_260, TRADE, UNFILLED, "no entry", "LONG", "the order was cancelled"),
]


def test_differences_causes_and_parity_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Audit(200, FOUND, ["trades of ETH are not compared"], 4), most=1)
    shown = capsys.readouterr().out
    assert f"{PAIR}, decision: late candle\n  bot HOLD; backtest LONG; the candle" in shown
    assert "and 1 more difference; --most or --json shows them" in shown
    assert "the order was cancelled" not in shown
    assert "note: trades of ETH are not compared" in shown
    assert "late candle: 1 difference\nunfilled order: 1 difference" in shown
    assert "decisions alone: 99.50 %" in shown
    assert "trades alone: 75.00 % of 4 trades and entries" in shown
    assert "parity: 99.00 % (198 of 200 candles have the decision" in shown


def test_a_clean_run_has_nothing_but_its_parity(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Audit(10, [], [], 0), most=20)
    shown = capsys.readouterr().out
    assert "parity: 100.00 % (10 of 10 candles" in shown
    assert "trades alone" not in shown

"""Entries that are not filled and stops that rest on the exchange, as a trader expects them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.makers.dry_run import NEAR, STOPPED, DryRun, Replay, market, require_faketime
from tests.makers.freqtrade import merged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("dry run")]

STOP_LOSS = 0.0005
TICK = {"BTC/USDT:USDT": 0.1, "ETH/USDT:USDT": 0.01}
#: Entries that wait some ticks below the market for a minute, and stops that the exchange holds.
WAITING: dict[str, Any] = {
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 40},
    "order_types": {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "stoploss": "market",
        "stoploss_on_exchange": True,
    },
}
REMOVED = "fully cancelled. Removing Trade"


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> DryRun:
    require_faketime()
    clock = Replay("2025-06-13T12:00")
    data = shared_data / "binance-futures-2025-05-04_2025-06-24"
    with (
        market(data, clock) as port,
        DryRun(tmp_path_factory.mktemp("orders"), port, clock, merged(NEAR, WAITING)) as bot,
    ):
        bot.wait_for(lambda: REMOVED in bot.log and "stoploss_on_exchange" in reasons(bot), 400)
        # Time enough to see that nothing comes of a cancelled order.
        gone = clock.now() + 3 * pd.Timedelta(minutes=1)
        bot.wait_for(lambda: clock.now() >= gone)
        assert bot.terminate() == STOPPED
    return bot


def reasons(bot: DryRun) -> set[str]:
    trades = bot.trades()
    return set() if trades.empty else set(trades["exit_reason"].dropna())


def test_an_entry_that_is_not_filled_within_a_minute_is_gone(bot: DryRun) -> None:
    trades, orders = bot.trades(), bot.orders()
    opened = trades[trades["open_date"].notna()]
    entries = orders[orders["ft_order_side"].isin(["buy", "sell"])].groupby("ft_trade_id").first()
    ages = pd.to_datetime(entries["order_filled_date"]) - pd.to_datetime(entries["order_date"])
    # A minute, and the loop that notices; a trade of an order that was never filled is no trade.
    assert ages.dropna().max() <= pd.Timedelta(seconds=80)
    unfilled = entries.index[entries["order_filled_date"].isna()]
    assert len(unfilled) <= 2  # those that still wait
    assert opened.loc[opened["id"].isin(unfilled), "close_date"].isna().all()


def test_a_filled_entry_has_its_stop_on_the_exchange_where_the_label_has_it(bot: DryRun) -> None:
    trades = bot.trades().set_index("id")
    orders = bot.orders()
    stops = orders[orders["ft_order_side"] == "stoploss"]
    assert len(stops) > 0
    for _, stop in stops.iterrows():
        trade = trades.loc[stop["ft_trade_id"]]
        side = 1 if trade["is_short"] else -1
        expected = trade["open_rate"] * (1 + side * STOP_LOSS)
        assert stop["stop_price"] == pytest.approx(expected, abs=1.01 * TICK[trade["pair"]])
        assert stop["order_type"] in ("market", "stop_market")
    # One stop a trade: it is not moved, so the exchange never has two or none.
    assert stops["ft_trade_id"].is_unique


def test_the_stop_is_taken_back_when_the_trade_ends_otherwise(bot: DryRun) -> None:
    trades, orders = bot.trades(), bot.orders()
    closed = trades[(trades["is_open"] == 0) & (trades["exit_reason"] != "stoploss_on_exchange")]
    stops = orders[(orders["ft_order_side"] == "stoploss")]
    left = stops[stops["ft_trade_id"].isin(closed["id"])]
    assert (left["status"] == "canceled").all()
    hit = trades.loc[trades["exit_reason"] == "stoploss_on_exchange", "id"]
    assert (stops.loc[stops["ft_trade_id"].isin(hit), "status"] == "closed").all()


def test_nothing_failed(bot: DryRun) -> None:
    assert bot.failures() == []

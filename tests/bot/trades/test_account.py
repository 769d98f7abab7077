"""Positions, locks and money are freqtrade's, at any moment of a backtest or a bot."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from freqtrade.resolvers.protection_resolver import ProtectionResolver
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.trades.account import Account, Lock, Money, Position
from dualwindow.columns import LONG, SHORT

PAIR, OTHER = "BTC/USDT:USDT", "ETH/USDT:USDT"
T = 1_750_000_020


def position(opened: float, closed: float | None, **changes: Any) -> Position:
    made = Position(1, PAIR, LONG, opened, closed, 100.0, None, 50.0, 0.0, "roi", "")
    return replace(made, **changes)


def account(*positions: Position, live: bool = False, **changes: Any) -> Account:
    return replace(Account(positions, (), math.inf, None, 60, live), **changes)


@pytest.mark.parametrize(
    ("live", "opened", "closed", "side", "blocks"),
    [
        (False, T, T + 300, LONG, True),
        (False, T, T + 120, LONG, True),  # it ends in the candle of the entry
        (False, T, T + 120, SHORT, False),  # in which freqtrade lets the other side in
        (False, T, T + 60, LONG, False),
        (False, T + 180, T + 300, LONG, False),
        (True, T, T + 300.5, LONG, True),
        (True, T, T + 119.9, LONG, False),
        (True, T, None, LONG, True),
    ],
)
def test_an_open_position_blocks_its_pair(
    live: bool, opened: float, closed: float | None, side: int, blocks: bool
) -> None:
    facts = account(position(opened, closed), live=live).at(PAIR, T + 60, side)
    assert bool(facts.open_position) == blocks
    other = account(position(opened, closed, pair=OTHER), live=live).at(PAIR, T + 60, side)
    assert not other.open_position


@pytest.mark.parametrize("live", [False, True])
def test_a_candle_becomes_the_trade_of_the_next_one(live: bool) -> None:
    opened = T + 60 + (25.5 if live else 0)
    made = account(position(opened, T + 600), live=live)
    entered = {
        second: bool(made.at(PAIR, second, LONG).entered) for second in range(T - 120, T + 300, 60)
    }
    assert [second for second, there in entered.items() if there] == [T]


@pytest.mark.parametrize(
    ("pair", "side", "begin", "end", "of_all"),
    [
        (PAIR, "*", T - 60, T + 120, False),
        (PAIR, "long", T - 60, T + 61, False),
        ("*", "*", T - 60, T + 120, True),
        (PAIR, "short", T - 60, T + 120, None),
        (OTHER, "*", T - 60, T + 120, None),
        (PAIR, "*", T - 120, T + 60, None),
        (PAIR, "*", T + 61, T + 120, None),
    ],
)
def test_a_lock_holds_its_pair_and_side_until_it_ends(
    pair: str, side: str, begin: float, end: float, of_all: bool | None
) -> None:
    facts = account(locks=(Lock(pair, side, begin, end, "why"),)).at(PAIR, T, LONG)
    assert (None if facts.lock is None else facts.lock.of_all) is of_all


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("CooldownPeriod", ()),
        ("StoplossGuard", ()),
        ("MaxDrawdown", (0.2341,)),
        ("LowProfitPairs", (-0.0123,)),
    ],
)
@pytest.mark.parametrize("period", [{"stop_duration_candles": 4}, {"unlock_at": "08:00"}])
def test_a_lock_of_each_of_freqtrades_protections_is_told_by_its_name(
    name: str, figures: tuple[float, ...], period: dict[str, Any]
) -> None:
    own = {"lookback_period_candles": 60, "required_profit": 0.01, "max_allowed_drawdown": 0.1}
    protection = ProtectionResolver.load_protection(
        name, {"timeframe": "1m", **CONFIG}, {"method": name, **own, **period}
    )
    lock = Lock(PAIR, "*", T - 60, T + 120, protection._reason(*figures))
    assert lock.protection == name
    facts = account(locks=(lock,)).at(PAIR, T, LONG)
    assert facts.lock is not None
    assert facts.lock.protection == name


@pytest.mark.parametrize("reason", ["", "Auto lock", "why", "stoplosses", "Cooldown", "a < b"])
def test_a_lock_that_no_protection_made_is_told_as_one(reason: str) -> None:
    assert Lock(PAIR, "*", T - 60, T + 120, reason).protection == ""


def test_slots_count_what_is_open_at_the_moment() -> None:
    positions = [position(T, None, pair=f"{name}/USDT:USDT") for name in "ABC"]
    facts = account(*positions, position(T - 300, T - 60, pair=OTHER), most=3.0).at(PAIR, T, LONG)
    assert facts.slots == (3, 3)
    assert account(*positions).at(PAIR, T, LONG).slots is None


CONFIG: dict[str, Any] = {
    "dry_run": True,
    "stake_currency": "USDT",
    "dry_run_wallet": 1000,
    "stake_amount": 100,
    "tradable_balance_ratio": 0.99,
    "amend_last_stake_amount": False,
    "last_stake_amount_min_ratio": 0.5,
}


@given(
    tied=st.floats(0, 1500),
    earned=st.floats(-500, 500),
    stake=st.sampled_from([100, 990, "unlimited"]),
    ratio=st.sampled_from([0.5, 0.99, 1.0]),
    amended=st.booleans(),
    capital=st.sampled_from([None, 700.0]),
    most=st.sampled_from([1, 3, math.inf]),
)
def test_money_is_that_of_freqtrades_wallets(
    tied: float,
    earned: float,
    stake: float | str,
    ratio: float,
    amended: bool,
    capital: float | None,
    most: float,
) -> None:
    from freqtrade.exceptions import DependencyException
    from freqtrade.wallets import Wallets

    config = {
        **CONFIG,
        "stake_amount": stake,
        "tradable_balance_ratio": ratio,
        "amend_last_stake_amount": amended,
        **({} if capital is None else {"available_capital": capital}),
    }
    money = Money.from_config(config)
    assert money is not None
    available, wanted = money.left(tied, earned, most)

    wallets = Wallets.__new__(Wallets)
    wallets._config, wallets._stake_currency = config, "USDT"
    begin = capital if capital is not None else 1000.0
    free = begin + earned - tied
    wallets.get_free = lambda _currency: free  # type: ignore[method-assign]
    total = begin + earned if capital is not None else (tied + free) * ratio
    own = min(total - tied, free)
    assert available == pytest.approx(own)
    proposed = stake
    if stake == "unlimited":
        possible = (own + tied) / most
        proposed = min(possible, own)
    try:
        taken = wallets._check_available_stake_amount(float(proposed), own)
    except DependencyException:
        taken = 0.0
    enters = available >= wanted > 0
    assert enters == (taken > 0)
    if enters:
        assert wanted == pytest.approx(taken)


@pytest.mark.parametrize(
    ("changes", "balance"),
    [
        ({}, 1000.0),
        ({"dry_run_wallet": {"USDT": 500.0, "BTC": 2.0}}, 500.0),
        ({"dry_run_wallet": {"BTC": 2.0}}, 0.0),
        ({"available_capital": 700.0}, 700.0),
    ],
)
def test_a_wallet_holds_what_it_has_of_the_stake_currency(
    changes: dict[str, Any], balance: float
) -> None:
    money = Money.from_config({**CONFIG, **changes})
    assert money is not None
    assert money.balance == balance


@pytest.mark.parametrize("stake", [None, "a lot"])
def test_without_a_stake_nothing_is_known_of_the_money(stake: str | None) -> None:
    assert Money.from_config({**CONFIG, "stake_amount": stake}) is None

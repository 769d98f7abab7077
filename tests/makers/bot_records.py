"""A bot's database of trades, made by freqtrade itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from freqtrade.persistence import Order, PairLocks, Trade, init_db


@dataclass(frozen=True)
class MadeTrade:
    """A trade to write; dates are seconds since 1970.

    Attributes:
        pair: as freqtrade names it.
        opened: when its order was made.
        closed: None while it is open.
        filled: when its entry was filled; None while it waits.
        is_short: its side.
        price: of the entry.
        close_price: of the exit.
        reason: of the exit.
        stake: in the stake currency.
        profit: in the stake currency.
    """

    pair: str
    opened: float
    closed: float | None = None
    filled: float | None = None
    is_short: bool = False
    price: float = 100.0
    close_price: float | None = None
    reason: str = "roi"
    stake: float = 100.0
    profit: float = 0.0


def moment(second: float | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)


def write_database(
    path: Path,
    trades: Sequence[MadeTrade] = (),
    locks: Sequence[tuple[str, float, float, str]] = (),
) -> str:
    """Write trades, and locks (pair, beginning, end, side); return the address.

    freqtrade's own lock ends with the candle, which is why its table is written.
    """
    url = f"sqlite:///{path}"
    init_db(url)
    for number, made in enumerate(trades, 1):
        Trade.session.add(trade_of(number, made))
    Trade.commit()
    for pair, begin, end, side in locks:
        PairLocks.timeframe = "1m"
        PairLocks.lock_pair(pair, moment(end), "test", now=moment(begin), side=side)
    Trade.session.remove()
    return url


def trade_of(number: int, made: MadeTrade) -> Trade:
    trade = Trade(
        id=number,
        pair=made.pair,
        base_currency=made.pair.split("/")[0],
        stake_currency="USDT",
        stake_amount=made.stake,
        amount=made.stake / made.price,
        amount_requested=made.stake / made.price,
        is_open=made.closed is None,
        fee_open=0.0005,
        fee_close=0.0005,
        open_rate=made.price,
        open_rate_requested=made.price,
        open_date=moment(made.opened),
        close_date=moment(made.closed),
        close_rate=made.close_price or made.price,
        close_profit_abs=made.profit,
        exit_reason=made.reason if made.closed is not None else None,
        exchange="binance",
        enter_tag="long_0.50",
        is_short=made.is_short,
        leverage=1.0,
    )
    side = "sell" if made.is_short else "buy"
    trade.orders.append(
        Order(
            order_id=f"order-{number}",
            ft_order_side=side,
            ft_pair=made.pair,
            ft_is_open=made.filled is None,
            ft_amount=trade.amount,
            ft_price=made.price,
            side=side,
            status="open" if made.filled is None else "closed",
            order_date=moment(made.opened),
            order_filled_date=moment(made.filled),
        )
    )
    return trade

"""A bot's database of trades: its positions, orders and locks. It is only read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import sqlalchemy

from dualwindow.bot.trades.account import Account, Lock, Money, Position
from dualwindow.columns import LONG, SHORT
from dualwindow.errors import DataError

#: Defaults of freqtrade's `db_url`, of a dry run and of a live bot.
_NAMES: Final = {True: "tradesv3.dryrun.sqlite", False: "tradesv3.sqlite"}
_SQLITE: Final = "sqlite:///"
_ENTRIES: Final = ("buy", "sell")
#: Errors of reading what is no database, or one with other tables than freqtrade's.
_NO_DATABASE: Final = (
    *(sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError, ImportError),
    *(LookupError, TypeError, ValueError, OverflowError),
)


def database_url(config: Mapping[str, Any], userdir: Path) -> str:
    """The address of a bot's database, which is opened for reading alone.

    Args:
        config: freqtrade's configuration, as far as it is known.
        userdir: freqtrade's user folder, where the file is looked for if it is not here.

    Raises:
        DataError: when it is not there.
    """
    url = str(config.get("db_url") or f"{_SQLITE}{_NAMES[bool(config.get('dry_run', True))]}")
    if not url.startswith("sqlite"):
        return url
    path = Path(url.removeprefix(_SQLITE))
    places = [path, userdir / path.name, userdir.parent / path.name]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DataError(
            f"the database of trades {url} is not there; name the bot's configuration with -c, "
            "whose db_url tells where it is"
        )
    return f"{_SQLITE}file:{found.resolve()}?mode=ro&uri=true"


def read_account(url: str, config: Mapping[str, Any], candle_seconds: int) -> Account:
    """Everything in a bot's database that freqtrade's own gates depend on.

    Args:
        url: as `database_url` gives it.
        config: freqtrade's configuration, with its limits and stakes.
        candle_seconds: between two candles.

    Raises:
        DataError: when it cannot be read.
    """
    try:
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            tables = {
                name: pd.read_sql_query(sqlalchemy.text(f"select * from {name}"), connection)
                for name in ("trades", "orders", "pairlocks")
            }
        engine.dispose()
        positions = _positions(tables["trades"], tables["orders"])
        locks = _locks(tables["pairlocks"])
    except _NO_DATABASE as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"the database of trades cannot be read: {reason}") from None
    most = config.get("max_open_trades", math.inf)
    balance_is_known = bool(config.get("dry_run", True)) or "available_capital" in config
    return Account(
        positions=positions,
        locks=locks,
        most=math.inf if most in (-1, "unlimited") else float(most),
        money=Money.from_config(config) if balance_is_known else None,
        candle_seconds=candle_seconds,
        live=True,
    )


def _positions(trades: pd.DataFrame, orders: pd.DataFrame) -> tuple[Position, ...]:
    entries = orders[orders["ft_order_side"].isin(_ENTRIES)].sort_values("id")
    opened, closed = _moments(trades["open_date"]), _moments(trades["close_date"])
    filled = dict(zip(entries["id"], _moments(entries["order_filled_date"]), strict=True))
    found = []
    for row, trade in enumerate(trades.to_dict("records")):
        side = "sell" if trade["is_short"] else "buy"
        own = entries[(entries["ft_trade_id"] == trade["id"]) & (entries["ft_order_side"] == side)]
        fills = [filled[number] for number in own["id"] if filled[number] is not None]
        found.append(
            Position(
                number=int(trade["id"]),
                pair=str(trade["pair"]),
                side=SHORT if trade["is_short"] else LONG,
                opened=opened[row] or 0.0,
                closed=closed[row],
                price=float(trade["open_rate"]),
                close_price=None if closed[row] is None else float(trade["close_rate"]),
                stake=float(trade["stake_amount"]),
                profit=_number(trade["close_profit_abs"]),
                reason=str(trade["exit_reason"] or ""),
                tag=str(trade["enter_tag"] or ""),
                filled=fills[0] if fills else None,
            )
        )
    return tuple(sorted(found, key=lambda position: position.opened))


def _locks(table: pd.DataFrame) -> tuple[Lock, ...]:
    # One that was lifted by hand is no longer active, and since when is not written down.
    rows = table[table["active"].astype(bool)]
    begin, end = _moments(rows["lock_time"]), _moments(rows["lock_end_time"])
    return tuple(
        Lock(str(lock["pair"]), str(lock["side"]), first or 0.0, last or 0.0, str(lock["reason"]))
        for lock, first, last in zip(rows.to_dict("records"), begin, end, strict=True)
    )


def _moments(dates: pd.Series) -> list[float | None]:
    """Seconds since 1970; freqtrade writes UTC without saying so."""
    utc = pd.to_datetime(dates, utc=True, format="ISO8601")
    return [None if pd.isna(moment) else moment.timestamp() for moment in utc]


def _number(value: Any) -> float:
    return 0.0 if value is None or pd.isna(value) else float(value)

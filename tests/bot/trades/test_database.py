"""A bot's database is found beside its user folder, and only read; what is none is named."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dualwindow.bot.trades.database import database_url, read_account
from dualwindow.errors import DataError
from tests.makers.bot_records import MadeTrade, write_database

PAIR = "BTC/USDT:USDT"
T = 1_750_000_020


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({}, "tradesv3.dryrun.sqlite"),
        ({"dry_run": False}, "tradesv3.sqlite"),
        ({"db_url": "sqlite:///mine.sqlite"}, "mine.sqlite"),
        # In a container the folder has another name.
        ({"db_url": "sqlite:////freqtrade/user_data/mine.sqlite"}, "mine.sqlite"),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_the_file_is_found_in_the_user_folder_or_beside_it(
    config: dict[str, Any], name: str, beside: bool, tmp_path: Path
) -> None:
    userdir = tmp_path / "user_data"
    userdir.mkdir()
    path = (tmp_path if beside else userdir) / name
    with pytest.raises(DataError, match="is not there; name the bot's configuration with -c"):
        database_url(config, userdir)
    write_database(path, [MadeTrade(PAIR, T)])
    url = database_url(config, userdir)
    assert [position.pair for position in read_account(url, config, 60).positions] == [PAIR]


def test_another_kind_of_database_is_asked_at_its_own_address(tmp_path: Path) -> None:
    url = "postgresql+psycopg://bot@127.0.0.1/trades"
    assert database_url({"db_url": url}, tmp_path) == url


@pytest.mark.parametrize(
    ("limit", "most"), [(3, 3.0), (-1, math.inf), ("unlimited", math.inf), (None, math.inf)]
)
def test_limits_and_money_are_those_of_the_configuration(
    limit: Any, most: float, tmp_path: Path
) -> None:
    url = write_database(tmp_path / "trades.sqlite")
    config = {"stake_amount": 100, **({} if limit is None else {"max_open_trades": limit})}
    account = read_account(url, config, 60)
    assert account.most == most
    assert account.money is not None
    # How much a live account held at the beginning, no database tells.
    live = {**config, "dry_run": False}
    assert read_account(url, live, 60).money is None
    assert read_account(url, {**live, "available_capital": 500}, 60).money is not None


def nothing(path: Path) -> str:
    path.write_bytes(b"")
    return f"sqlite:///{path}"


def text(path: Path) -> str:
    path.write_bytes(b"no database at all " * 400)
    return f"sqlite:///{path}"


def of_another_program(path: Path) -> str:
    """Its tables have the same names."""
    with sqlite3.connect(path) as database:
        for table in ("trades", "orders", "pairlocks"):
            database.execute(f"create table {table} (id integer, ft_order_side text)")
            database.execute(f"insert into {table} values (1, 'buy')")
    return f"sqlite:///{path}"


def with_another_date(path: Path) -> str:
    url = write_database(path, [MadeTrade(PAIR, T)])
    with sqlite3.connect(path) as database:
        database.execute("update trades set open_date = 'yesterday'")
    return url


def unknown_kind(_path: Path) -> str:
    return "nosql://bot@127.0.0.1/trades"


def no_address(_path: Path) -> str:
    return "trades"


@pytest.mark.parametrize(
    "spoil", [nothing, text, of_another_program, with_another_date, unknown_kind, no_address]
)
def test_what_is_no_database_of_freqtrade_is_refused_in_words(spoil: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the database of trades cannot be read: ."):
        read_account(spoil(tmp_path / "trades.sqlite"), {}, 60)

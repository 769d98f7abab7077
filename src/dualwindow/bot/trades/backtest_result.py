"""The results that freqtrade's backtests export: their trades, locks and money."""

from __future__ import annotations

import logging
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.bot.trades.account import Account, Lock, Money, Position
from dualwindow.columns import LONG, SHORT
from dualwindow.errors import DataError
from dualwindow.runtime.files import parse_json

logger = logging.getLogger(__name__)

FOLDER: Final = "backtest_results"
#: Errors of reading a file that is none of freqtrade's results, or a damaged one.
_NO_RESULT: Final = (
    *(OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error),
    *(LookupError, TypeError, ValueError, AttributeError),
)


def find_result(
    folder: Path, identifier: str, strategy: str | None, since: int | None = None
) -> Path | None:
    """The newest result of a `freqai.identifier` in freqtrade's folder of them; None without any.

    Args:
        folder: `user_data/backtest_results`.
        identifier: of the models.
        strategy: the class that traded; None: not known.
        since: when the backtest decided, seconds since 1970, so that the trades of an earlier one
            are not taken for its own; None: not known.
    """
    for path in sorted(folder.glob("backtest-result-*.zip"), reverse=True):
        try:
            for name, content in _strategies(path).items():
                if content.get("freqai_identifier") != identifier or strategy not in (None, name):
                    continue
                ended = content.get("backtest_run_end_ts")
                if since is None or ended is None or ended >= since:
                    return path
        except DataError as error:
            logger.warning("%s", error)
    return None


def read_result(path: Path, identifier: str, candle_seconds: int) -> Account:
    """Positions, locks and money in a backtest's result.

    Raises:
        DataError: when the file cannot be read, or is of no backtest of the identifier.
    """
    for content in _strategies(path).values():
        if content.get("freqai_identifier") in (identifier, None):
            try:
                return _account(content, _config(path), candle_seconds)
            except _NO_RESULT as error:
                raise DataError(_unreadable(path, error)) from None
    raise DataError(
        f"{path} is the result of no backtest of freqai.identifier {identifier!r}; name another "
        "with --result, or run the backtest again"
    )


def _account(content: Mapping[str, Any], config: Mapping[str, Any], seconds: int) -> Account:
    most = content.get("max_open_trades_setting", content["max_open_trades"])
    return Account(
        positions=tuple(
            _position(number, trade) for number, trade in enumerate(content["trades"], 1)
        ),
        locks=tuple(
            Lock(
                lock["pair"],
                lock["side"],
                lock["lock_timestamp"] / 1000,
                lock["lock_end_timestamp"] / 1000,
                lock["reason"] or "",
            )
            for lock in content.get("locks", ())
        ),
        most=math.inf if most < 0 else float(most),
        money=Money.from_config(
            {**config, "stake_amount": content["stake_amount"]}, content["starting_balance"]
        ),
        candle_seconds=seconds,
        live=False,
        end=int(content["backtest_end_ts"]) // 1000,
    )


def _position(number: int, trade: Mapping[str, Any]) -> Position:
    return Position(
        number=number,
        pair=trade["pair"],
        side=SHORT if trade["is_short"] else LONG,
        opened=trade["open_timestamp"] / 1000,
        closed=None if trade["close_timestamp"] is None else trade["close_timestamp"] / 1000,
        price=trade["open_rate"],
        close_price=trade["close_rate"],
        stake=trade["stake_amount"],
        profit=trade["profit_abs"] or 0.0,
        reason=trade["exit_reason"] or "",
        tag=trade["enter_tag"] or "",
    )


def _strategies(path: Path) -> dict[str, dict[str, Any]]:
    try:
        strategies = _content(path, f"{path.stem}.json")["strategy"]
        return {name: dict(content) for name, content in strategies.items()}
    except _NO_RESULT as error:
        raise DataError(_unreadable(path, error)) from None


def _config(path: Path) -> Mapping[str, Any]:
    try:
        return dict(_content(path, f"{path.stem}_config.json"))
    except _NO_RESULT:
        # Earlier versions of freqtrade wrote none: its defaults count.
        return {}


def _content(path: Path, name: str) -> Any:
    if path.suffix == ".json":
        return parse_json(path.read_bytes()) if name == path.name else {}
    with zipfile.ZipFile(path) as archive:
        return parse_json(archive.read(name))


def _unreadable(path: Path, error: Exception) -> str:
    return f"{path} cannot be read as freqtrade's result of a backtest ({error}); run it again"

"""What trades are judged to cost, from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dualwindow.data.candles.pairs import FUTURES, SPOT
from dualwindow.errors import SettingsError
from dualwindow.exits import TradeTerms
from dualwindow.settings.root_settings import RootSettings

#: Binance's fees of one side for whoever takes an order, as a fraction of the price.
USUAL_FEES: Final = {SPOT: 0.001, FUTURES: 0.0005}


def trade_terms(root: RootSettings, content: Mapping[str, Any], trading_mode: str) -> TradeTerms:
    """The terms on which a model's decisions are traded when it is judged.

    Args:
        root: fee, slippage and leverage.
        content: freqtrade's configuration, whose `fee` counts where `root` has none.
        trading_mode: futures, or anything else for spot, where nobody is short or has leverage.

    Raises:
        SettingsError: when freqtrade's `fee` is no fraction.
    """
    is_future = trading_mode == FUTURES
    fee = root.evaluation_fee
    if fee is None:
        fee = content.get("fee")
    if fee is None:
        fee = USUAL_FEES[FUTURES if is_future else SPOT]
    if isinstance(fee, bool) or not isinstance(fee, int | float) or not 0.0 <= fee < 0.1:
        raise SettingsError(
            [f"fee {fee!r} must be a fraction of the price from 0 to below 0.1, such as 0.001"],
            "the configuration",
        )
    return TradeTerms(
        fee=float(fee),
        slippage=root.evaluation_slippage,
        leverage=root.leverage if is_future else 1.0,
        can_short=is_future,
    )

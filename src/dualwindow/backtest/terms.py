"""Terms of simulated trades, from the configuration: fee, slippage, leverage and shorts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dualwindow.data.candles.pairs import FUTURES
from dualwindow.settings.checks.costs import fee_of
from dualwindow.settings.root_settings import RootSettings


def trade_terms(root: RootSettings, content: Mapping[str, Any], trading_mode: str) -> TradeTerms:
    """The terms on which a model's decisions are traded when it is evaluated.

    Args:
        root: fee, slippage and leverage.
        content: freqtrade's configuration, whose `fee` counts where `root` has none.
        trading_mode: futures, or anything else for spot, which has no shorts and no leverage.

    Raises:
        SettingsError: when freqtrade's `fee` is no fraction.
    """
    is_future = trading_mode == FUTURES
    return TradeTerms(
        fee=fee_of(root, content, trading_mode),
        slippage=root.evaluation_slippage,
        leverage=root.leverage if is_future else 1.0,
        can_short=is_future,
    )


@dataclass(frozen=True)
class TradeTerms:
    """Costs and limits of a trade.

    Attributes:
        fee: fraction of the price paid at entry and again at exit.
        slippage: fraction by which every fill is worse than the price of freqtrade's backtest, at
            entry and at exit; the barriers are anchored on the worse entry.
        leverage: factor on the profit. The exits must lie before the liquidation.
        can_short: false on spot, where a SHORT is no signal.

    Raises:
        ValueError: when a fraction is not in [0, 1) or leverage is below 1.

    Example:
        >>> TradeTerms(fee=0.0005).leverage
        1.0
        >>> TradeTerms(fee=5)
        Traceback (most recent call last):
        ValueError: fee must be a fraction from 0 to below 1, not 5
    """

    fee: float
    slippage: float = 0.0
    leverage: float = 1.0
    can_short: bool = True

    def __post_init__(self) -> None:
        for name in ("fee", "slippage"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{name} must be a fraction from 0 to below 1, not {value}")
        if not self.leverage >= 1.0:
            raise ValueError(f"leverage must be at least 1, not {self.leverage}")

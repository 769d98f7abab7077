"""The strategy's exits as freqtrade's callbacks return them, and checks that nothing replaces them.

Trades end where their labels do: at the take profit, the stop loss or the time-out. The prices are
those of `dualwindow.backtest.exits`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from ccxt import DECIMAL_PLACES, TICK_SIZE
from freqtrade.data.dataprovider import DataProvider
from freqtrade.exceptions import OperationalException
from freqtrade.persistence import Trade
from freqtrade.strategy import stoploss_from_absolute
from numpy.typing import NDArray

from dualwindow.backtest.exits import (
    HALF_A_STEP,
    stop_loss_price,
    take_profit_price,
    time_out_at,
)
from dualwindow.bot.config_checks import refusing
from dualwindow.bot.hyperopt import SPACE
from dualwindow.data.candles.price_steps import PriceStep, price_step
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import OWN_EXITS, same_exit

logger = logging.getLogger(__name__)

#: Distance of a stop that the price has already passed, as a fraction of the price: less than any
#: tick, and by freqtrade's own rounding the price itself. freqtrade ignores a distance of 0.
_PASSED: Final = 1e-9
#: Groups of hyperopt's parameter file that hold exits.
_EXIT_GROUPS: Final = ("roi", "stoploss", "trailing")


def take_profit_ratio(trade: Trade, settings: TrainingConfig) -> float:
    """Profit ratio at the take profit price, fees and leverage included, for `custom_roi`."""
    target = take_profit_price(trade.open_rate, is_short=trade.is_short, config=settings)
    # The label wants at least this ratio, freqtrade more than it, rounded to 1e-8.
    return float(trade.calc_profit_ratio(target)) - HALF_A_STEP


def stop_loss_distance(trade: Trade, current_rate: float, settings: TrainingConfig) -> float | None:
    """Distance of the stop loss from the current price, for `custom_stoploss`.

    It is set once. Computed again from another price it would sometimes round to the next tick,
    which freqtrade takes for a trailing stop. A price that has passed the stop before it is set
    ends the trade: freqtrade accepts no stop beyond the price, so the stop is set at the price, and
    again at every price until one reaches it.

    Returns:
        Fraction of the price times the leverage; None keeps the stop that is set.
    """
    if trade.stop_loss_pct == -_PASSED:
        return _PASSED
    if trade.stop_loss_pct != trade.initial_stop_loss_pct:
        return None
    price = stop_loss_price(trade.open_rate, is_short=trade.is_short, config=settings)
    distance = stoploss_from_absolute(
        price, current_rate, is_short=trade.is_short, leverage=trade.leverage
    )
    return max(float(distance), _PASSED)


def has_timed_out(
    trade: Trade, now: datetime, settings: TrainingConfig, candle_seconds: int
) -> bool:
    """Whether the future window of a trade is over, counted from the fill, not the order."""
    filled = trade.date_entry_fill_utc or trade.open_date_utc
    return bool(now.astimezone(UTC) >= time_out_at(filled, settings, candle_seconds))


class LivePriceSteps:
    """Refuses pairs whose price step is a whole barrier; warns of large steps, once a pair."""

    def __init__(self, settings: TrainingConfig) -> None:
        self._settings = settings
        self._passed: set[str] = set()

    def check(self, pair: str, close: NDArray[np.float64], provider: DataProvider) -> None:
        """Check a pair that has not passed yet, by the exchange's step, else by its (N,) closes.

        Raises:
            OperationalException: with the figures; freqtrade logs it and does not trade the pair.
        """
        if pair in self._passed or not len(close):
            return
        step = _step_of_exchange(pair, float(close[-1]), provider) or price_step(close)
        if step is not None:
            if refusal := step.refusal(self._settings):
                raise OperationalException(f"{pair}: {refusal}")
            if warning := step.warning(self._settings):
                logger.warning("%s: %s", pair, warning)
        self._passed.add(pair)


def _step_of_exchange(pair: str, price: float, provider: DataProvider) -> PriceStep | None:
    """The step that orders are rounded to; None where the exchange names none."""
    # freqtrade hands a strategy no precision.
    exchange = provider._exchange
    precision = exchange.get_precision_price(pair) if exchange is not None else None
    mode = None if exchange is None else exchange.precision_mode_price
    if precision is None or mode is None or not math.isfinite(precision):
        return None
    if not math.isfinite(price) or price <= 0.0:
        return None
    if mode == TICK_SIZE:
        return PriceStep(float(precision), price) if precision > 0.0 else None
    # No decimals are whole prices.
    if mode == DECIMAL_PLACES:
        return PriceStep(10.0 ** -int(precision), price)
    # Significant digits.
    return PriceStep(10.0 ** (math.floor(math.log10(price)) + 1 - int(precision)), price)


def require_own_exits(config: Mapping[str, Any], strategy: type) -> None:
    """Refuse keys of the configuration that would replace the strategy's exits.

    freqtrade would use them silently, and trades would no longer end where their labels do. A
    derived strategy may set these attributes itself.

    Raises:
        OperationalException: naming every such key and its value.
    """
    problems = [
        f"{key} {config[key]!r} replaces the strategy's own exit ({own!r}); remove it, or set it "
        "in a strategy derived from DualWindowStrategy"
        for key in OWN_EXITS
        if key in config and not same_exit(config[key], own := getattr(strategy, key))
    ]
    if problems:
        with refusing():
            raise SettingsError(problems, "the configuration")


def without_exits(content: dict[str, Any], file: str, strategy: type) -> dict[str, Any]:
    """Content of hyperopt's parameter file without exits; those unlike the strategy's are logged.

    freqtrade always writes exits into the file: the best ones, or the strategy's of that day.

    Raises:
        OperationalException: when the file holds something else than groups of values.
    """
    params = content.get("params", {})
    groups = params.values() if isinstance(params, Mapping) else [params]
    if not all(isinstance(group, Mapping) for group in groups):
        raise OperationalException(f"{file} is no parameter file of hyperopt; delete it")
    exits = {"minimal_roi": params["roi"]} if params.get("roi") else {}
    exits |= {**params.get("stoploss", {}), **params.get("trailing", {})}
    replaced = [
        f"{name} {value!r}"
        for name, value in exits.items()
        if not same_exit(value, getattr(strategy, name, None))
    ]
    if replaced:
        logger.warning(
            "%s holds exits that are not the strategy's (%s); they are left out, because trades "
            "end where their labels do: search with --spaces %s alone",
            file,
            ", ".join(replaced),
            SPACE,
        )
    kept = {name: group for name, group in params.items() if name not in _EXIT_GROUPS}
    return {**content, "params": kept}

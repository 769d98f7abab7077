"""Prices at which a position closes, anchored on its fill."""

from __future__ import annotations

from datetime import datetime, timedelta

from dualwindow.settings import TrainingConfig


def take_profit_price(fill: float, *, is_short: bool, config: TrainingConfig) -> float:
    """Price at which the take profit of a position filled at `fill` lies."""
    return fill * (1.0 - config.short_tp_pct if is_short else 1.0 + config.long_tp_pct)


def stop_loss_price(fill: float, *, is_short: bool, config: TrainingConfig) -> float:
    """Price at which the stop loss of a position filled at `fill` lies."""
    return fill * (1.0 + config.short_sl_pct if is_short else 1.0 - config.long_sl_pct)


def time_out_at(filled: datetime, config: TrainingConfig, candle_seconds: int) -> datetime:
    """When a position times out: the open of the candle after its future window.

    The window's first candle is the one in which the position was filled, at whatever second.
    """
    since = filled.timestamp() % candle_seconds
    candle_open = filled - timedelta(seconds=since)
    return candle_open + timedelta(seconds=candle_seconds * config.future_window)

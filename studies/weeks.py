"""The settings of config.json after a few weeks of history, on other years and markets."""

from __future__ import annotations

from typing import Final

from studies import years
from studies.years import Scale, Walk, lines, run

__all__ = ("FULL", "NAME", "SMALL", "TITLE", "lines", "run")

NAME: Final = "weeks"
TITLE: Final = "Little history: Binance in 2025"
_SPOT: Final = "binance-spot-2025-05-20_2025-08-18"
_FUTURES: Final = "binance-futures-2025-05-04_2025-06-24/futures"


def _spot(coin: str) -> Walk:
    return Walk(
        f"{coin} spot, five weeks after three weeks and a half",
        f"{coin}/USDT",
        f"{_SPOT}/{coin}_USDT-1m.feather",
        "2025-07-14",
        step_days=7,
        windows=5,
        days=(24,),
    )


def _futures(coin: str) -> Walk:
    return Walk(
        f"{coin} futures, nine days after ten",
        f"{coin}/USDT:USDT",
        f"{_FUTURES}/{coin}_USDT_USDT-1m-futures.feather",
        "2025-06-14",
        step_days=3,
        windows=3,
        days=(10,),
    )


#: The moving average of a month leaves so many days of these candles.
FULL: Final = Scale((_spot("BTC"), _spot("ETH"), _futures("BTC"), _futures("ETH")))
SMALL: Final = years.SMALL

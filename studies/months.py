"""The settings of config.json trained again every month on the year before."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from studies import years
from studies.years import Scale, bitfinex, lines, run

__all__ = ("FULL", "NAME", "SMALL", "TITLE", "lines", "run")

NAME: Final = "months"
TITLE: Final = "Month by month"
_MONTH: Final = 30

FULL: Final = Scale(
    (
        bitfinex("ETH, six months from 2019-07-01", "ETH", "2019-07-01", _MONTH, 6),
        bitfinex("BTC, 22 months from 2018-03-01", "BTC", "2018-03-01", _MONTH, 22),
    )
)
SMALL: Final = replace(years.SMALL, walks=years.SMALL.walks[:1])

"""Markets in which no side is better than the other: four kinds of nothing to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo.market import MINUTES_PER_DAY, STEPS_PER_MINUTE
from dualwindow.backtest.price_files import read_candle_frame
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.data.candles.sources import CandleSource
from dualwindow.errors import DataError
from studies.markets import Days, StudyMarket
from studies.real_market import data_folder, source_of

WALK: Final = "random walk"
SEASONS: Final = "volatility with seasons"
JUMPS: Final = "jumps and fat tails"
REAL: Final = "real candles, sides swapped"
#: Standard deviation of a 1-minute return.
_VOLATILITY: Final = 0.0005
#: Files of the real kind, by pair.
_FILES: Final = {
    "BTC/USD": "bitfinex-spot-2017-01-01_2019-12-31/BTC_USD-1m.feather",
    "ETH/USD": "bitfinex-spot-2017-01-01_2019-12-31/ETH_USD-1m.feather",
}
_FIRST: Final = pd.Timestamp("2025-01-01", tz="UTC")


def null_market(kind: str, seed: int, days: Days) -> StudyMarket:
    """A market of a kind, as a function of its seed and length alone.

    Raises:
        DataError: when candles of the real kind are missing.
    """
    return NULL_KINDS[kind](seed, days)


def known_kinds() -> tuple[str, ...]:
    """The kinds that can be made here: the real one needs its candles."""
    try:
        for pair in _FILES:
            _source(pair)
    except DataError:
        return tuple(kind for kind in NULL_KINDS if kind != REAL)
    return tuple(NULL_KINDS)


def without_direction(
    kind: str, decisions: NDArray[np.integer], dates: pd.Series, seed: int
) -> NDArray[np.int8]:
    """The decisions, of the real kind with the sides of whole days swapped by coin flip.

    Real candles may hold direction. A decision and its opposite are equally likely then, so that
    the edge over a coin flip is 0 on average whatever the candles hold, while volatility, gaps,
    hours and the times of the decisions stay as they are.

    Args:
        kind: of the market.
        decisions: (N,) class codes.
        dates: of the N candles.
        seed: of the coin.
    """
    given = decisions.astype(np.int8)
    if kind != REAL:
        return given
    _, day = np.unique(dates.dt.floor("D"), return_inverse=True)
    swapped = np.random.default_rng([seed, 9]).random(day.max() + 1) < 0.5
    return np.where(swapped[day] & (given != HOLD), SHORT + LONG - given, given).astype(np.int8)


def _random_walk(seed: int, days: Days) -> StudyMarket:
    random = np.random.default_rng([seed, 1])
    size = ((days.train + days.test) * MINUTES_PER_DAY, STEPS_PER_MINUTE)
    return _of_moves(random.standard_normal(size) * _VOLATILITY, random, days)


def _seasons(seed: int, days: Days) -> StudyMarket:
    return StudyMarket.from_seed(seed, 0.0, days)


def _jumps(seed: int, days: Days) -> StudyMarket:
    """Moves of Student's t with 3 degrees of freedom, calm and wild spells, two jumps a day."""
    random = np.random.default_rng([seed, 2])
    minutes = (days.train + days.test) * MINUTES_PER_DAY
    spells = np.cumsum(random.random(minutes) < 1 / 360) % 2
    spread = _VOLATILITY * np.where(spells == 1, 1.6, 0.6)
    moves = random.standard_t(3, (minutes, STEPS_PER_MINUTE)) / np.sqrt(3.0) * spread[:, None]
    struck = random.random(minutes) < 2 / MINUTES_PER_DAY
    moves[struck, 0] += random.normal(0.0, 0.008, int(struck.sum())) * np.sqrt(STEPS_PER_MINUTE)
    return _of_moves(moves, random, days)


def _real(seed: int, days: Days) -> StudyMarket:
    """A stretch of real candles that begins at a day by chance."""
    random = np.random.default_rng([seed, 3])
    frame = _frame(tuple(_FILES)[seed % len(_FILES)])
    rows = (days.train + days.test) * MINUTES_PER_DAY
    first = MINUTES_PER_DAY * int(random.integers((len(frame) - rows) // MINUTES_PER_DAY))
    candles = frame.iloc[first : first + rows].reset_index(drop=True)
    return _market(candles, days)


#: Name to what makes it of a seed and a length.
NULL_KINDS: Final[Mapping[str, Callable[[int, Days], StudyMarket]]] = {
    WALK: _random_walk,
    SEASONS: _seasons,
    JUMPS: _jumps,
    REAL: _real,
}


def _of_moves(moves: NDArray[np.float64], random: np.random.Generator, days: Days) -> StudyMarket:
    """Candles of (N, K) moves within N minutes, in standard deviations of a minute."""
    moves = moves / np.sqrt(moves.shape[1])
    path = 100.0 * np.exp(np.cumsum(moves.ravel() - moves.var() / 2).reshape(moves.shape))
    close = path[:, -1]
    opened = np.concatenate([[100.0], close[:-1]])
    candles = pd.DataFrame({
        "date": pd.date_range(_FIRST, periods=len(moves), freq="min"),
        "open": opened,
        "high": np.maximum(path.max(axis=1), opened),
        "low": np.minimum(path.min(axis=1), opened),
        "close": close,
        "volume": random.lognormal(3.0, 0.6, len(moves)),
    })  # fmt: skip
    return _market(candles, days)


def _market(candles: pd.DataFrame, days: Days) -> StudyMarket:
    regime = np.zeros(len(candles), np.int8)
    return StudyMarket(candles, regime, days.train * MINUTES_PER_DAY)


@lru_cache(maxsize=2)
def _frame(pair: str) -> pd.DataFrame:
    return read_candle_frame(_source(pair))


def _source(pair: str) -> CandleSource:
    return source_of(pair, data_folder() / _FILES[pair])

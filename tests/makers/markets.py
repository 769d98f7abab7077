"""Made-up candles: quick random ones, and small spiteful ones for hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

START = pd.Timestamp("2025-01-01", tz="UTC")
PRICES = ["open", "high", "low", "close"]
#: Rows counted from 0: the first one and how many.
Stretch = tuple[int, int]


def random_candles(
    rows: int,
    seed: int = 0,
    *,
    volatility: float = 0.001,
    price: float = 100.0,
    missing: Sequence[Stretch] = (),
    flat: Sequence[Stretch] = (),
    nan: Sequence[Stretch] = (),
) -> pd.DataFrame:
    """A random walk of 1-minute candles with freqtrade's columns.

    Args:
        rows: candles before any are taken out.
        seed: same seed, same candles.
        volatility: standard deviation of one candle's change (fraction).
        price: open of the first candle.
        missing: stretches that are taken out, so that dates jump.
        flat: stretches without volume at the close before them, as freqtrade fills outages.
        nan: stretches whose prices are NaN.
    """
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(random.normal(0, volatility, rows)))
    opening = np.concatenate([[price], close[:-1]])
    wicks = 1 + np.abs(random.normal(0, volatility / 2, (2, rows)))
    candles = pd.DataFrame(
        {
            "date": pd.date_range(START, periods=rows, freq="min", unit="ms"),
            "open": opening,
            "high": np.maximum(opening, close) * wicks[0],
            "low": np.minimum(opening, close) / wicks[1],
            "close": close,
            "volume": random.lognormal(0, 1, rows),
        }
    )
    for first, count in flat:
        stretch = slice(first, first + count - 1)
        candles.loc[stretch, PRICES] = opening[first]
        candles.loc[stretch, "volume"] = 0.0
    for first, count in nan:
        candles.loc[first : first + count - 1, PRICES] = np.nan
    gone = [row for first, count in missing for row in range(first, first + count)]
    return candles.drop(index=gone).reset_index(drop=True)


def shifted(candles: pd.DataFrame, rows: Sequence[int], factor: float) -> pd.DataFrame:
    """A copy in which the prices and volumes of some rows are multiplied by `factor`."""
    changed = candles.copy()
    changed.loc[list(rows), [*PRICES, "volume"]] *= factor
    return changed


@st.composite
def candle_frames(
    draw: DrawFn,
    *,
    min_rows: int = 0,
    max_rows: int = 40,
    holes: bool = True,
    gaps: bool = False,
    infinities: bool = False,
) -> pd.DataFrame:
    """Candles on a grid of half a price unit around 100, so that ties and exact touches abound.

    Args:
        draw: of hypothesis.
        min_rows: fewest candles.
        max_rows: most candles.
        holes: whether a high, a low, or all prices and the volume may be NaN.
        gaps: whether minutes may be missing.
        infinities: whether a high or low may be infinite.
    """
    kinds = ["plain", "plain", "plain", "flat", "silent"]
    kinds += ["nan high", "nan low", "nan"] if holes else []
    kinds += ["inf high", "-inf high", "inf low", "-inf low"] if infinities else []
    candle = st.tuples(
        st.sampled_from(kinds),
        st.integers(-2, 2),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.5, 1.0, 1.0, 3.0, 400.0]),
        st.sampled_from([1, 1, 1, 1, 2, 5]) if gaps else st.just(1),
    )
    close, minute = 100.0, 0
    table = []
    for kind, step, up, down, volume, wait in draw(
        st.lists(candle, min_size=min_rows, max_size=max_rows)
    ):
        opening = close
        if kind not in ("flat", "silent"):
            close = opening + step / 2
        elif kind == "flat":
            up = down = 0  # noqa: PLW2901 - a flat candle has no wicks, whatever was drawn
        high, low = max(opening, close) + up / 2, min(opening, close) - down / 2
        traded = 0.0 if kind in ("flat", "silent") else volume
        row = [opening, high, low, close, traded]
        if kind == "nan":
            row = [np.nan] * 5
        elif kind.endswith("high"):
            row[1] = float(kind.split()[0])
        elif kind.endswith("low"):
            row[2] = float(kind.split()[0])
        minute += wait
        table.append([minute, *row])
    numbers = np.array(table, dtype=np.float64).reshape(-1, 6)
    candles = pd.DataFrame(numbers[:, 1:], columns=[*PRICES, "volume"])
    candles.insert(0, "date", START + pd.to_timedelta(numbers[:, 0], unit="min"))
    return candles


def cuts(length: int) -> SearchStrategy[list[int]]:
    """Sorted places at which a sequence of `length` is cut, 0 and `length` included."""
    inner = st.lists(st.integers(0, length), max_size=5)
    return inner.map(lambda places: [0, *sorted(places), length])


def stepped(candles: pd.DataFrame, step: float) -> pd.DataFrame:
    """The candles with every price on a step, as an exchange writes it; the text of a step is its
    number: 1e-08, 0.5."""
    exact = Decimal(repr(step))

    def on_step(price: float) -> float:
        return float(max(round(price / step), 1) * exact)

    return candles.assign(**{name: candles[name].map(on_step) for name in PRICES})

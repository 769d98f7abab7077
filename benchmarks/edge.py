"""The network's edge beside a logistic regression's, on synthetic markets with a planted pattern.

`python -m benchmarks.edge --seeds 1 2 3 --drift 0.062 0.032 0` prints one line a market. The
pattern is a drift that changes its sign every few hours; 0 is a random walk.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demo.market import MarketSpec, make_market
from dualwindow.candles import CandleArrays
from dualwindow.edge import Edge, edge_of, preferred_sides, simulate
from dualwindow.features import change_features, moving_average_features
from dualwindow.settings import TrainingConfig
from dualwindow.training import train_model
from dualwindow.windows import flat_candles, label_frame, utc_seconds

DAY = 1440
TRAIN_DAYS, TEST_DAYS = 60, 80
#: Trailing returns (minutes) that the logistic regression sees.
TRAILING = (15, 30, 60, 120, 240, 480)
#: The windows, barriers and training of the defaults with a network small enough for a test.
SMALL = TrainingConfig(
    patch_size=10, lstm_units=(32, 16), dense_units=(16,), epochs=8, early_stopping_patience=4
)


def market_of(seed: int, drift: float) -> pd.DataFrame:
    """Candles of one market, training days first."""
    spec = MarketSpec(seed=seed, days=TRAIN_DAYS + TEST_DAYS, drift_strength=drift)
    return make_market(spec).candles


def network_edge(market: pd.DataFrame, config: TrainingConfig = SMALL) -> Edge:
    """Train on the first days and measure the edge of the preferred side on the rest."""
    first = TRAIN_DAYS * DAY
    features = change_features(market) | moving_average_features(market, DAY)
    table = np.ascontiguousarray(np.stack(list(features.values()), axis=1).astype(np.float32))
    seconds, flat = utc_seconds(market["date"]), flat_candles(market)

    def part(rows: slice) -> CandleArrays:
        return CandleArrays(tuple(features), seconds[rows], table[rows], flat[rows])

    labels, _ = label_frame(market.iloc[:first], config)
    model = train_model(part(slice(first)), labels, config, name="market")
    probabilities = model.predict(part(slice(first, None))).probabilities
    return _edge(market, probabilities, config)


def logistic_edge(market: pd.DataFrame, config: TrainingConfig = SMALL) -> Edge:
    """The same for a logistic regression on trailing returns, over the same rows."""
    first = TRAIN_DAYS * DAY
    log_price = np.log(market["close"].to_numpy(np.float64))
    table = np.full((len(market), len(TRAILING)), np.nan)
    for column, minutes in enumerate(TRAILING):
        table[minutes:, column] = log_price[minutes:] - log_price[:-minutes]
    labels, _ = label_frame(market.iloc[:first], config)
    rows = np.flatnonzero((labels >= 0) & np.isfinite(table[:first]).all(axis=1))
    model = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=500, class_weight="balanced")
    ).fit(table[rows], labels[rows])
    return _edge(market, model.predict_proba(table[first:]), config)


def _edge(
    market: pd.DataFrame, probabilities: NDArray[np.floating], config: TrainingConfig
) -> Edge:
    after = market.iloc[TRAIN_DAYS * DAY :].reset_index(drop=True)
    sides = preferred_sides(probabilities, np.full(3, 1 / 3))
    return edge_of(simulate(after, sides, config), utc_seconds(after["date"]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the edges of every seed and drift strength."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edge", description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--drift", nargs="+", type=float, default=[MarketSpec.drift_strength])
    options = parser.parse_args(arguments)
    for drift in options.drift:
        for seed in options.seeds:
            market = market_of(seed, drift)
            pair = (("network", network_edge(market)), ("logistic", logistic_edge(market)))
            figures = ", ".join(
                f"{name} {edge.mean:+.3%} [{edge.low:+.3%}, {edge.high:+.3%}]"
                for name, edge in pair
            )
            print(f"drift {drift}, seed {seed}: {figures} a trade", flush=True)


if __name__ == "__main__":
    main()

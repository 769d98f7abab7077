"""The demo's markets: one holds what the model has to find, the other is the same without it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from demo.curves import STEP, Curves, curves_of, oracle_sides
from demo.market import Market, make_market
from demo.two_markets import OVERLAY, SPEC, TRAININGS, two_markets
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence.calibration import Calibrated
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.evaluation.evidence.verdict import EDGE, NO_EDGE
from dualwindow.model_selection.walk_forward import PairWalk, walk_pair
from dualwindow.model_selection.walk_trades import PredictedSlice
from dualwindow.settings import TrainingConfig
from studies.edge import TERMS
from studies.markets import Days, StudyMarket, recipe, said_after, trained

#: Besides the settings of config.json, as in `demo/overlay.json`, and coarser for a short training.
SETTINGS = {"confidence_coverage": 0.1, "patch_size": 10, "sample_every": 3}
DAYS = Days(20, 20)


def test_the_markets_differ_in_the_drift_alone() -> None:
    spec = replace(SPEC, days=3)
    drifting, still = (make_market(market.spec) for market in two_markets(spec=spec))
    assert np.array_equal(drifting.regime, still.regime)
    for column in ("date", "volume"):
        pd.testing.assert_series_equal(drifting.candles[column], still.candles[column])
    assert not drifting.candles["close"].equals(still.candles["close"])
    assert [market.has_drift for market in two_markets()] == [True, False]


def test_every_trading_day_has_a_training_and_enough_days_before_it() -> None:
    overlay = json.loads(OVERLAY.read_text(encoding="utf-8"))
    first, last = (datetime.strptime(day, "%Y%m%d") for day in overlay["timerange"].split("-"))
    freqai = overlay["freqai"]
    assert (last - first).days == TRAININGS * freqai["backtest_period_days"]
    average = max(freqai["feature_parameters"]["indicator_periods_candles"])
    looked_back = timedelta(days=freqai["train_period_days"], minutes=average)
    begin = SPEC.start.replace(tzinfo=None)
    assert begin + looked_back <= first
    assert begin + timedelta(days=SPEC.days) > last


def test_the_oracle_takes_the_side_of_the_drift_and_none_without_a_candle() -> None:
    market = make_market(replace(SPEC, days=2))
    seconds = utc_seconds(market.candles["date"])
    sides = oracle_sides(market, np.append(seconds[100:200], [seconds[-1] + 60]))
    assert sides[-1] == HOLD
    assert np.array_equal(sides[:-1] == LONG, market.regime[100:200] > 0)
    assert set(sides[:-1]) <= {SHORT, LONG}


def walked(market: StudyMarket, config: TrainingConfig) -> PairWalk:
    """A small model of the market's first days, on the days after them."""
    finished = trained(market, config)
    probabilities = said_after(market, finished)
    predicted = PredictedSlice(
        0,
        market.arrays.seconds[market.first :],
        Calibrated.plain(probabilities, (SHORT, LONG), config.confidence_measure),
        np.isfinite(probabilities).all(axis=1),
        finished.model.thresholds(config),
        None,
    )
    walk = walk_pair("BTC/USDT:USDT", [predicted], market.candles, config, TERMS)
    assert walk is not None
    return walk


@pytest.mark.parametrize("drift", [SPEC.drift_strength, 0.0])
def test_a_small_model_finds_the_drift_and_nothing_without_it(drift: float) -> None:
    config = TrainingConfig.from_parameters({**recipe(), **SETTINGS})
    market = StudyMarket.from_seed(1, drift, DAYS, config.feature_set)
    walk = walked(market, config)
    figures = walk.evaluated.after_fees
    assert figures is not None
    assert figures.sides is not None
    assert figures.outcome == (EDGE if drift else NO_EDGE)
    whole = Market(market.candles, market.regime)
    curves = curves_of(walk, whole, config, TERMS, has_drift=drift > 0)
    check_curves(curves, walk)
    if drift:
        assert figures.sides.model.mean_pct.value > 0.1
        assert curves.oracle[-1] > curves.model[-1] > curves.high[-1] > curves.low[-1]
    else:
        assert figures.sides.model.mean_pct.value < 0.0
        assert curves.oracle_trades == 0
        assert not curves.oracle.any()
        assert curves.mean[-1] < 0.0


def check_curves(curves: Curves, walk: PairWalk) -> None:
    """They begin at 0, end with the last trade, and lie on one grid."""
    trades = walk.compared.chosen
    assert curves.model[-1] == pytest.approx(100.0 * trades.profit.sum())
    half = int(np.searchsorted(curves.days, DAYS.test / 2))
    moment = walk.candles.seconds[0] + half * STEP
    ended = walk.candles.seconds[trades.exit_row] < moment
    assert curves.model[half] == pytest.approx(100.0 * trades.profit[ended].sum())
    for values in (curves.model, curves.low, curves.mean, curves.high, curves.oracle):
        assert values.shape == curves.days.shape
        assert values[0] == 0.0
    assert (curves.low <= curves.mean).all()
    assert (curves.mean <= curves.high).all()
    fair = (trades.profit.sum() + walk.compared.other.profit.sum()) / 2
    assert curves.mean[-1] == pytest.approx(100.0 * fair, abs=3.0)

"""Trainings are traded on the candles of FreqAI's frame; predictions become its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.trades import ComparedTrades, trade_decisions
from dualwindow.bot.freqai_frames import FramePrices, prediction_frame
from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import DateRange
from dualwindow.models.trained_model import Prediction
from dualwindow.report.trainings import read_after_fees
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import USUAL_FEES
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.live_bot import trained

__all__ = ["trained"]

ROWS = 3000


def test_a_training_of_the_bot_is_traded_on_the_candles_of_its_frame(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    bot = make_bot(tmp_path, {"use_confidence_thresholding": False})
    featured = bot.features(btc_futures.iloc[:ROWS].reset_index(drop=True))
    bot.train(featured)
    found = read_after_fees(Path(bot.kitchen().data_path) / "evaluation.json")
    assert found is not None
    assert found.trades > 0
    assert found.fee_pct == 100 * USUAL_FEES["futures"]
    # By hand: the candles that the model itself would say something about, up to the last one
    # whose future is known.
    config = bot.model._settings
    labelled = bot.strategy.set_freqai_targets(featured.copy(), {"pair": PAIR})["&-side"].notna()
    _, said, do_predict = bot.predict(featured)
    usable = np.flatnonzero(labelled & (do_predict == 1))
    rows = usable[round((1 - config.validation_fraction) * len(usable)) :]
    candles = TradeCandles.from_frame(btc_futures.iloc[rows[0] : ROWS])
    codes = np.full(len(candles), HOLD)
    for row in rows:
        codes[row - rows[0]] = CLASS_NAMES.index(said[row])
    terms = bot.model._prices.from_frame(featured).terms
    trades = trade_decisions(candles, codes, config, terms, turns=False)
    by_hand = after_fees([ComparedTrades.from_trades(candles, trades, config, terms)], terms)
    assert found.by_side == by_hand.by_side
    assert found.sides == by_hand.sides


def test_only_a_timerange_of_the_frame_is_taken(tmp_path: Path, btc_futures: pd.DataFrame) -> None:
    config = {"datadir": tmp_path, "timeframe": "1m", "trading_mode": "futures"}
    prices = FramePrices(config, reads_funding=False).from_frame(btc_futures).prices
    dates = btc_futures["date"]
    first, stop = (int(dates.iloc[row].timestamp()) for row in (100, 130))
    found = prices(PAIR, DateRange(first, stop))
    assert len(found) == 30
    np.testing.assert_array_equal(found.open, btc_futures["open"].iloc[100:130])
    assert found.funding is None


def test_funding_that_is_not_there_is_told_once(
    tmp_path: Path, btc_futures: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    config = {"datadir": tmp_path, "timeframe": "1m", "trading_mode": "futures"}
    traded = FramePrices(config, reads_funding=True).from_frame(btc_futures.iloc[:50])
    for _ in range(2):
        assert traded.prices(PAIR, DateRange(None, None)).funding is None
    assert caplog.text.count("there are no funding rates") == 1


def test_a_fee_that_is_none_is_refused_when_the_bot_starts(tmp_path: Path) -> None:
    bot = make_bot(tmp_path)
    with pytest.raises(OperationalException, match=r"fee '0\.1 %'"):
        type(bot.model)(bot.config | {"fee": "0.1 %"})


@pytest.mark.parametrize(
    "settings",
    [
        {"confidence_mode": "aggressive"},
        {"confidence_threshold_short": 0.3, "confidence_fallback": "argmax"},
        {"use_confidence_thresholding": False, "calibration": "prior"},
        {"confidence_mode": "coverage", "confidence_coverage": 0.1},
        {
            "confidence_mode": "coverage",
            "confidence_threshold_long": 0.4,
            "calibration": "temperature",
        },
    ],
)
def test_the_label_column_is_the_decision_by_the_models_own_thresholds(
    settings: dict[str, Any], trained: Bot
) -> None:
    config = TrainingConfig.from_parameters(settings)
    model = trained.model.dd.model_dictionary[PAIR]
    assert model.quantiles is not None
    assert model.calibration is not None
    rows = np.random.default_rng(3).dirichlet((2.0, 2.0, 2.0), 2000).astype(np.float32)
    rows[:2, SHORT] = model.quantiles.threshold(SHORT, config.confidence_coverage)
    rows[2:4, LONG] = np.nextafter(model.quantiles.threshold(LONG, 0.1), np.float32(0))
    rows[5:9] = np.nan
    prediction = Prediction(rows, np.isfinite(rows).all(axis=1))
    # Models of earlier versions lack one or the other.
    for quantiles in (model.quantiles, None):
        for calibration in (model.calibration, None):
            known = model.with_confidence(quantiles, calibration)
            lacks = known.lacks(config) is not None
            thresholds = config.thresholds if lacks else known.thresholds(config)
            expected = known.calibrated(rows, config).decide(thresholds)
            frame = prediction_frame(prediction, known, DecisionRule.from_settings(config))
            assert frame["&-side"].tolist() == [CLASS_NAMES[code] for code in expected]
            assert lacks or frame["&-side"].nunique() > 1

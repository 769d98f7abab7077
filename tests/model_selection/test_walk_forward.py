"""Hand-made predictions of a made-up market, compared with its labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.figures import WithTurns
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, trade_decisions
from dualwindow.columns import HOLD, LONG
from dualwindow.confidence import Thresholds, decide
from dualwindow.confidence.calibration import Calibrated, Calibration
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.windows import label_frame
from dualwindow.evaluation import Comparison, Reference, evaluate
from dualwindow.evaluation.baselines import Baselines
from dualwindow.model_selection.walk_forward import PairWalk, pooled_walk, walk_pair
from dualwindow.model_selection.walk_trades import PredictedSlice
from dualwindow.report.predictions import WalkFacts
from dualwindow.settings import TrainingConfig

CONFIG = TrainingConfig.from_parameters(
    {"window_size": 60, "future_window": 30}
    | {f"{side}_tp_pct": 0.004 for side in ("long", "short")}
    | {f"{side}_sl_pct": 0.002 for side in ("long", "short")}
)
TERMS = TradeTerms(fee=0.0005)
LIMITS = Thresholds(short=0.5, hold=0.3, long=0.5)
FIRST, ROWS, SLICES = 200, 6 * 1440, 3


def market() -> pd.DataFrame:
    random = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.001, FIRST + ROWS + 100)))
    opened = np.concatenate([close[:1], close[:-1]])
    dates = pd.to_datetime(1_747_612_800 + 60 * np.arange(len(close)), unit="s", utc=True)
    high, low = np.maximum(opened, close) * 1.0002, np.minimum(opened, close) * 0.9998
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}
    return pd.DataFrame({"date": dates, **columns})


FRAME = market()
SECONDS = utc_seconds(FRAME["date"])
LABELS = label_frame(FRAME, CONFIG)[0]
CHANGES = FRAME["close"].pct_change().to_numpy()


def foresight(codes: np.ndarray) -> np.ndarray:
    """(N, 3) probabilities of whoever believes in these classes."""
    return np.where(np.arange(3) == np.where(codes < 0, HOLD, codes)[:, None], 0.98, 0.01)


def shuffled(codes: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).permutation(codes))


def reference() -> Reference:
    known = LABELS[LABELS >= 0]
    baselines = Baselines.fit(known, np.full(len(known), 0.001), mixed_in=30)
    return Reference(baselines, Calibration(baselines.prior, baselines.prior, 1.0))


def walked(probabilities: np.ndarray, usable: np.ndarray | None = None) -> PairWalk:
    """Three models of two days each."""
    usable = np.ones(ROWS, bool) if usable is None else usable
    slices = [
        PredictedSlice(
            trained_until=int(SECONDS[FIRST + part[0]]),
            seconds=SECONDS[FIRST + part],
            calibrated=Calibrated.plain(probabilities[part]),
            usable=usable[part],
            thresholds=LIMITS,
            reference=reference(),
        )
        for part in np.array_split(np.arange(ROWS), SLICES)
    ]
    found = walk_pair("BTC/USDT", slices, FRAME, CONFIG, TERMS)
    assert found is not None
    return found


def direction(found: PairWalk) -> list[float]:
    values = []
    for each in found.evaluated.slices:
        assert each.evaluation is not None
        value = each.evaluation.forecast.skill["raw"]["prior"].direction.value
        assert value is not None
        values.append(value)
    return values


OWN = LABELS[FIRST : FIRST + ROWS]


def test_perfect_foresight_has_skill_and_pays_and_a_shuffle_of_it_has_neither() -> None:
    known = pooled_walk([walked(foresight(OWN))], TERMS)
    assert known.evaluation is not None
    skill = known.evaluation.forecast.skill["raw"]["prior"]
    assert skill.total.value == pytest.approx(1, abs=0.1)
    assert skill.direction.sign == 1
    assert known.after_fees is not None
    assert known.after_fees.sides is not None
    edge = known.after_fees.sides.edge_pct
    assert edge.low is not None
    assert edge.low > 0.1
    blind = pooled_walk([walked(foresight(shuffled(OWN)))], TERMS)
    assert blind.evaluation is not None
    assert blind.evaluation.forecast.skill["raw"]["prior"].direction.sign < 1
    assert blind.after_fees is not None
    assert blind.after_fees.sides is not None
    low = blind.after_fees.sides.edge_pct.low
    assert low is not None
    assert low <= 0


def test_decay_shows_slice_by_slice() -> None:
    part = ROWS // SLICES
    codes = np.concatenate([OWN[:part], OWN[part : 2 * part], shuffled(OWN[2 * part :])])
    codes[part : 2 * part][::3] = shuffled(codes[part : 2 * part][::3])
    fresh, older, spent = direction(walked(foresight(codes)))
    assert fresh > older > max(spent, 0.0)


def test_a_slice_is_that_of_evaluate_and_trades_are_what_trade_decisions_makes() -> None:
    random = np.random.default_rng(5)
    probabilities, usable = random.dirichlet([2, 3, 2], ROWS), random.random(ROWS) > 0.1
    found = walked(probabilities, usable)
    part = np.array_split(np.arange(ROWS), SLICES)[1]
    rows = (FIRST + part)[usable[part] & (OWN[part] >= 0)]
    volatility = np.array([CHANGES[row - 59 : row + 1].std() for row in rows])
    comparison = Comparison(reference(), SECONDS[rows], volatility, 30 * 60)
    expected = evaluate(LABELS[rows], probabilities[rows - FIRST], LIMITS, comparison)
    assert found.evaluated.slices[1].evaluation == expected
    assert found.evaluated.slices[1].unusable == np.count_nonzero(~usable[part])

    candles = TradeCandles.from_frame(FRAME)
    # freqtrade trades up to the candle after the last predicted one.
    candles = candles.at(slice(FIRST, FIRST + ROWS + 1))
    decisions = np.append(decide(probabilities, LIMITS), np.int8(HOLD))
    usable = np.append(usable, False)
    trades = trade_decisions(candles, decisions, CONFIG, TERMS, turns=False, usable=usable)
    turning = trade_decisions(candles, decisions, CONFIG, TERMS, turns=True, usable=usable)
    np.testing.assert_array_equal(found.trades.entry_row, trades.entry_row)
    np.testing.assert_array_equal(found.trades.profit, trades.profit)
    compared = ComparedTrades.from_trades(candles, trades, CONFIG, TERMS)
    with_turns = WithTurns(len(turning), int(turning.turned.sum()))
    figures = found.evaluated.after_fees
    assert figures == replace(after_fees([compared], TERMS), with_turns=with_turns)
    assert with_turns.turned > 0
    (line,) = [line for line in figures.lines() if "freqtrade's backtest makes" in line]
    assert f"{with_turns.trades} trades" in line
    by_slice = [each.after_fees.trades for each in found.evaluated.slices if each.after_fees]
    assert sum(by_slice) == len(trades) > 50


def test_the_last_predicted_candle_is_traded_like_any_other_where_one_follows() -> None:
    side = np.full(ROWS, LONG, np.int8)
    codes = np.where(np.arange(ROWS) == ROWS - 2, side, HOLD)
    found = walked(foresight(codes))
    # The signal of the last but one enters in the last, and is held until the candle after it.
    assert found.trades.entry_row.tolist() == [ROWS - 1]
    assert int(found.candles.seconds[-1]) == int(SECONDS[FIRST + ROWS])
    weeks = WalkFacts([found]).decision_weeks()
    assert weeks is not None
    assert sum(sum(counts) for counts in weeks.counts.values()) == ROWS
    labelled = WalkFacts([found]).label_weeks()
    assert labelled is not None
    assert sum(sum(counts) for counts in labelled.counts.values()) == np.count_nonzero(OWN >= 0)


def test_what_cannot_be_evaluated_is_left_out_and_counted() -> None:
    late = PredictedSlice(
        trained_until=0,
        seconds=SECONDS[-50:],
        calibrated=Calibrated.plain(foresight(LABELS[-50:])),
        usable=np.arange(50) > 0,
        thresholds=LIMITS,
        reference=None,
    )
    early = replace(late, seconds=SECONDS[:50], usable=np.ones(50, bool))
    found = walk_pair("BTC/USDT", [early, late], FRAME, CONFIG, TERMS)
    assert found is not None
    first, last = found.evaluated.slices
    # No window of closes lies before the first, no whole future after the last.
    assert (first.evaluation, first.unknown) == (None, 50)
    assert (last.candles, last.unusable, last.unknown) == (50, 1, 30)
    assert last.evaluation is not None
    assert last.evaluation.rows == 19
    gone = replace(late, seconds=late.seconds + 10**6)
    assert walk_pair("BTC/USDT", [gone], FRAME, CONFIG, TERMS) is None

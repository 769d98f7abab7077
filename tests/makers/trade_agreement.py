"""freqtrade's own trades beside those that the package makes of the same predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dualwindow.backtest.exits import EXIT_REASONS
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import Trades, trade_decisions
from dualwindow.columns import CLASS_NAMES, SHORT
from dualwindow.confidence import decide
from dualwindow.data.candles.pairs import stem_of
from dualwindow.settings import TrainingConfig
from tests.makers.freqtrade import Run

#: freqtrade rounds profit ratios to 1e-8, and each amount of money that they come from.
RATIO_STEP = 2e-8


def assert_the_same_trades(run: Run, overlay: dict[str, Any], pair: str) -> Trades:
    """Compare a pair's trades in the newest result of a run, one by one.

    Args:
        run: a finished backtest.
        overlay: its configuration: time range, identifier and training parameters.
        pair: as freqtrade names it.

    Returns:
        The package's trades, at least one.
    """
    wanted = run.trades()
    wanted = wanted[wanted["pair"] == pair].sort_values("open_timestamp", kind="stable")
    candles = candles_of(run, pair, overlay["timerange"])
    found = trades_of(run, overlay, pair, candles, wanted.iloc[0])
    dates = pd.DatetimeIndex(candles["date"])
    assert list(dates[found.entry_row]) == list(pd.to_datetime(wanted["open_date"], utc=True))
    assert list(dates[found.exit_row]) == list(pd.to_datetime(wanted["close_date"], utc=True))
    np.testing.assert_array_equal(found.side == SHORT, wanted["is_short"])
    assert [EXIT_REASONS[code] for code in found.reason] == list(wanted["exit_reason"])
    # Both know the price step, so not even a step lies between them.
    np.testing.assert_array_equal(found.entry_price, wanted["open_rate"])
    np.testing.assert_array_equal(found.exit_price, wanted["close_rate"])
    np.testing.assert_allclose(found.profit, wanted["profit_ratio"], rtol=0, atol=RATIO_STEP)
    return found


def trades_of(
    run: Run, overlay: dict[str, Any], pair: str, candles: pd.DataFrame, trade: pd.Series
) -> Trades:
    """The package's trades, at the fee and leverage of one of freqtrade's."""
    config = TrainingConfig.from_parameters(overlay["freqai"]["model_training_parameters"])
    predictions = run.predictions(pair.split("/", maxsplit=1)[0], overlay["freqai"]["identifier"])
    predictions.index = pd.DatetimeIndex(pd.to_datetime(predictions["date"], utc=True))
    predictions = predictions.reindex(candles["date"])
    probabilities = predictions[list(CLASS_NAMES)].to_numpy(np.float64)
    is_future = ":" in pair
    return trade_decisions(
        TradeCandles.from_frame(candles, funding=funding_of(run, pair) if is_future else None),
        decide(probabilities, config.thresholds),
        config,
        TradeTerms(trade["fee_open"], leverage=trade["leverage"], can_short=is_future),
        turns=True,
        usable=(predictions["do_predict"] == 1).to_numpy(),
    )


def candles_of(run: Run, pair: str, timerange: str) -> pd.DataFrame:
    """The pair's candles in the time range, as freqtrade fills and trims them."""
    from freqtrade.data.converter import ohlcv_fill_up_missing_data

    name = f"futures/{stem_of(pair)}-1m-futures" if ":" in pair else f"{stem_of(pair)}-1m"
    candles = pd.read_feather(run.userdir / "data" / "binance" / f"{name}.feather")
    candles = ohlcv_fill_up_missing_data(candles, "1m", pair)
    first, last = (pd.Timestamp(day, tz="UTC") for day in timerange.split("-"))
    return candles[candles["date"].between(first, last)].reset_index(drop=True)


def funding_of(run: Run, pair: str) -> Funding:
    """Funding of a future, from freqtrade's two files."""
    stem = run.userdir / "data" / "binance" / "futures" / stem_of(pair)
    rates, marks = (
        pd.read_feather(f"{stem}-1h-{name}.feather") for name in ("funding_rate", "mark")
    )
    return Funding.from_frames(rates, marks)

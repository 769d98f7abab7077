"""What a forecast is worth on the test rows of a fold: losses and trades, summed by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, trade_decisions, trade_entries
from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT, UNKNOWN
from dualwindow.confidence.calibration import Calibration, normalised
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.confidence.measure import ConfidenceMeasure, measured
from dualwindow.data.candles.timerange import DAY_SECONDS
from dualwindow.evaluation.losses import row_losses
from dualwindow.evaluation.reliability import RELIABILITY_BINS
from dualwindow.model_selection.contest.forecasts import Forecast, learned_shares
from dualwindow.model_selection.contest.market import Fold

#: Share of candles a side that a contender may enter at, by its own validation ranks.
COVERAGE: Final = 0.02
#: Sums of one day, in this order: log loss and its parts; what the preferred side earned beyond a
#: coin flip, and in how many trades; profit after fees and its trades; the same edge at entries
#: common to all, and their number; rows.
SUMS: Final = (
    *("total", "calm", "direction"),
    *("edge", "sides"),
    *("profit", "trades"),
    *("common", "entries"),
    "rows",
)
_PLACE: Final = {name: place for place, name in enumerate(SUMS)}
#: Classes whose probabilities thresholds look at.
_SIDES: Final = (SHORT, LONG)


def scored(
    fold: Fold,
    forecast: Forecast,
    terms: TradeTerms,
    *,
    temperature: bool,
    measure: ConfidenceMeasure | None = None,
) -> dict[str, Any]:
    """Sums of a forecast on the test rows of a fold, as plain JSON types.

    Every contender gets the same calibration: its probabilities are divided by the class shares
    that it learned from and multiplied by those of the training rows, so that a forecast without
    information ends at the class prior.

    Args:
        fold: that the forecast was made for.
        forecast: of a contender.
        terms: of the trades whose profit counts. The edge is of both sides, on spot too.
        temperature: whether one is fitted on the validation rows besides.
        measure: by which the surest candles are chosen; None takes that of the market's settings.

    Returns:
        `days` and (D, 10) `sums` in the order of `SUMS`, `test_key` of the rows, and by side and
        bin of its probability (2, B, 3) `reliability`: rows, their probabilities, and in how many
        that side was right.
    """
    labels, prices = fold.market.labels, fold.test_prices()
    validation, predicted, shares = _calibrated(fold, forecast, temperature=temperature)
    seconds = fold.market.dataset.seconds
    days, at = np.unique(seconds[fold.test] // DAY_SECONDS, return_inverse=True)
    table = np.zeros((len(days), len(SUMS)))
    np.add.at(table[:, :3], at, row_losses(labels[fold.test], predicted))
    np.add.at(table[:, _PLACE["rows"]], at, 1.0)

    def add(compared: ComparedTrades, values: NDArray[np.float64], name: str, count: str) -> None:
        # By the signal's day: the entry of a day's last candle lies on the next.
        day = prices.seconds[compared.chosen.entry_row - 1] // DAY_SECONDS
        place = np.searchsorted(days, day)
        np.add.at(table[:, _PLACE[name]], place, values)
        np.add.at(table[:, _PLACE[count]], place, 1.0)

    measure = measure or fold.market.config.confidence_measure
    decisions = _decisions(fold, prices, measure, (validation, predicted))
    both_sides = replace(terms, can_short=True)
    own = _traded(fold, prices, decisions, both_sides)
    add(own, (own.chosen.profit - own.other.profit) / 2, "edge", "sides")
    paid = own if terms.can_short else _traded(fold, prices, decisions, terms)
    add(paid, paid.chosen.profit, "profit", "trades")
    common = _common_trades(fold, prices, predicted, shares, both_sides)
    add(common, (common.chosen.profit - common.other.profit) / 2, "common", "entries")
    return {
        "rows": len(fold.test),
        "rows_key": fold.rows_key,
        "test_key": fold.test_key,
        "days": days.tolist(),
        "sums": table.tolist(),
        "reliability": [_binned(labels[fold.test] == code, predicted[:, code]) for code in _SIDES],
    }


def calibration_error(cells: Sequence[Mapping[str, Any]]) -> float:
    """Expected calibration error of the probabilities of SHORT and LONG, their mean.

    Distance of mean probability and frequency by bin, weighted by rows (Guo et al. 2017, On
    calibration of modern neural networks, arXiv:1706.04599), pooled over cells.
    """
    sums = np.sum([cell["reliability"] for cell in cells], axis=0)
    rows, stated, observed = np.moveaxis(sums, 2, 0)
    return float((np.abs(stated - observed).sum(axis=1) / rows.sum(axis=1)).mean())


def _binned(actual: NDArray[np.bool_], stated: NDArray[np.float64]) -> list[list[float]]:
    place = np.minimum((stated * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)
    sums = [np.bincount(place, weights, RELIABILITY_BINS) for weights in (None, stated, actual)]
    table: list[list[float]] = np.stack(sums, axis=1).tolist()
    return table


def _calibrated(
    fold: Fold, forecast: Forecast, *, temperature: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(M, 3) of the validation rows, (K, 3) of the test rows, (3,) class shares."""
    shares = learned_shares(fold)
    even = (1 / len(CLASS_NAMES),) * len(CLASS_NAMES)
    calibration = Calibration(class_prior=shares, trained=even)
    validation, test = (
        normalised(part / np.array(forecast.trained))
        for part in (forecast.validation, forecast.test)
    )
    change = calibration.prior_corrected
    if temperature:
        labels = fold.market.labels[fold.validation]
        change = calibration.fitted(labels, validation).temperature_scaled
    return change(validation), change(test), np.array(shares)


def _decisions(
    fold: Fold,
    prices: TradeCandles,
    measure: ConfidenceMeasure,
    forecasts: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.int8]:
    """Class codes of all candles with a price: the surest share of each side, else HOLD.

    The forecasts are those of the validation rows, which the share is of, and of the test rows.
    """
    validation, predicted = forecasts
    quantiles = ValidationQuantiles.from_probabilities(validation, np.ones(3, np.bool_), measure)
    values = measured(predicted, measure)
    reached = {code: values[:, code] >= quantiles.threshold(code, COVERAGE) for code in _SIDES}
    decisions = np.full(len(prices), HOLD, np.int8)
    places = np.searchsorted(prices.seconds, fold.market.dataset.seconds[fold.test])
    decisions[places] = np.where(reached[SHORT], SHORT, np.where(reached[LONG], LONG, HOLD))
    return decisions


def _traded(
    fold: Fold, prices: TradeCandles, decisions: NDArray[np.int8], terms: TradeTerms
) -> ComparedTrades:
    config = fold.market.config
    trades = trade_decisions(prices, decisions, config, terms, turns=False)
    return ComparedTrades.from_trades(prices, trades, config, terms)


def _common_trades(
    fold: Fold,
    prices: TradeCandles,
    predicted: NDArray[np.float64],
    shares: NDArray[np.float64],
    terms: TradeTerms,
) -> ComparedTrades:
    """The preferred side at one row of every future window, the same rows for all."""
    config = fold.market.config
    inside = fold.test % config.future_window == 0
    entries = 1 + np.searchsorted(prices.seconds, fold.market.dataset.seconds[fold.test])
    inside &= entries + config.future_window < len(prices)
    sides = preferred_sides(predicted[inside], shares)
    trades = trade_entries(prices, entries[inside], sides, config, terms)
    return ComparedTrades.from_trades(prices, trades, config, terms)


def preferred_sides(
    probabilities: NDArray[np.floating], prior: NDArray[np.floating]
) -> NDArray[np.int8]:
    """The side with the higher probability over its class prior, for each row.

    Args:
        probabilities: (N, 3); rows with NaN prefer no side.
        prior: (3,) class shares that the probabilities are compared with.

    Returns:
        (N,) int8 SHORT or LONG, -1 where there is no prediction.
    """
    lift = probabilities / prior
    side = np.where(lift[:, LONG] >= lift[:, SHORT], LONG, SHORT)
    return np.where(np.isnan(lift).any(axis=1), UNKNOWN, side).astype(np.int8)


def require_same_rows(contenders: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> None:
    """Refuse to compare what was evaluated on different rows.

    Args:
        contenders: name to its cells, those of every seed.
        key: of the cells, such as `rows_key` or `test_key`.

    Raises:
        ValueError: when the cells of two contenders are not of the same rows and labels.
    """
    keys = {name: {cell[key] for cell in cells} for name, cells in contenders.items()}
    first = next(iter(keys))
    for name, found in keys.items():
        if found != keys[first]:
            raise ValueError(f"{name} and {first} were not evaluated on the same rows")

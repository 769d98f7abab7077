"""Judges contenders on the same rows: losses and trades by day, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, Trades, trade_decisions, trade_entries
from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence.calibration import Calibration, normalised
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.evaluation.bootstrap import interval_of, resampled_totals
from dualwindow.evaluation.losses import row_losses
from studies.edge import preferred_sides
from studies.real_market import DAY, Fold
from studies.rivals import Forecast, natural_shares

#: Share of candles a side that a contender may enter at, by its own validation ranks.
COVERAGE: Final = 0.02
#: Sums that a contender gives for each day, in this order.
SUMS: Final = (
    *("total", "calm", "direction"),
    *("edge", "profit", "trades"),
    *("common", "entries"),
    "rows",
)


def evaluated(fold: Fold, forecast: Forecast, terms: TradeTerms) -> dict[str, Any]:
    """What a forecast is worth on the test rows of a fold, as plain JSON types.

    Every contender gets the same calibration: its probabilities are divided by the class shares
    that it learned from, tempered on the validation rows and multiplied by those of the market, so
    that whoever knows nothing ends at the class prior.

    Args:
        fold: that it was made for.
        forecast: of a contender.
        terms: of the trades; shorts are reckoned on spot too, as the other side of an entry.

    Returns:
        `days` and (D, 9) `sums` in the order of `SUMS`, and the `rows` that they are of.
    """
    labels = fold.market.labels
    even = (1 / len(CLASS_NAMES),) * len(CLASS_NAMES)
    calibration = Calibration(class_prior=natural_shares(fold), trained=even)
    validation, test = (
        normalised(each / np.array(forecast.trained))
        for each in (forecast.validation, forecast.test)
    )
    calibration = calibration.fitted(labels[fold.validation], validation)
    predicted = calibration.temperature_scaled(test)
    seconds = fold.market.arrays.seconds
    losses = row_losses(labels[fold.test], predicted)
    own = _own_trades(fold, calibration.temperature_scaled(validation), predicted, terms)
    common = _common_trades(fold, predicted, calibration, terms)
    days = np.unique(seconds[fold.test] // DAY)
    table = np.zeros((len(days), len(SUMS)))
    at = np.searchsorted(days, seconds[fold.test] // DAY)
    np.add.at(table[:, :3], at, losses)
    np.add.at(table[:, SUMS.index("rows")], at, 1.0)
    for compared, columns in ((own, (3, 4, 5)), (common, (6, None, 7))):
        chosen, other = compared.chosen, compared.other
        # By the signal's day: the entry of a day's last candle lies on the next.
        place = np.searchsorted(days, seconds[chosen.entry_row - 1] // DAY)
        np.add.at(table[:, columns[0]], place, (chosen.profit - other.profit) / 2)
        if columns[1] is not None:
            np.add.at(table[:, columns[1]], place, chosen.profit)
        np.add.at(table[:, columns[2]], place, 1.0)
    return {
        "rows": len(fold.test),
        "rows_key": fold.rows_key,
        "days": days.tolist(),
        "sums": table.tolist(),
    }


def _own_trades(
    fold: Fold, ranked: NDArray[np.float64], predicted: NDArray[np.float64], terms: TradeTerms
) -> ComparedTrades:
    quantiles = ValidationQuantiles.from_probabilities(ranked, np.ones(3, np.bool_))
    decisions = np.full(len(fold.market.labels), HOLD, np.int8)
    reached = {
        code: predicted[:, code] >= quantiles.threshold(code, COVERAGE) for code in (SHORT, LONG)
    }
    decisions[fold.test] = np.where(
        reached[SHORT], SHORT, np.where(reached[LONG], LONG, HOLD)
    ).astype(np.int8)
    config = fold.market.config
    trades = trade_decisions(fold.market.prices, decisions, config, terms, turns=False)
    return ComparedTrades.from_trades(fold.market.prices, trades, config, terms)


def _common_trades(
    fold: Fold, predicted: NDArray[np.float64], calibration: Calibration, terms: TradeTerms
) -> ComparedTrades:
    """The preferred side at one row of every future window, the same rows for all."""
    config, prices = fold.market.config, fold.market.prices
    inside = fold.test % config.future_window == 0
    inside &= fold.test + 1 + config.future_window < len(prices)
    sides = preferred_sides(predicted[inside], np.array(calibration.class_prior))
    trades: Trades = trade_entries(prices, fold.test[inside] + 1, sides, config, terms)
    return ComparedTrades.from_trades(prices, trades, config, terms)


def require_same_rows(contenders: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Refuse to compare what was evaluated on different rows.

    Args:
        contenders: name to its cells, each seed's included.

    Raises:
        ValueError: when the cells of two contenders are not of the same rows and labels.
    """
    keys = {name: {cell["rows_key"] for cell in cells} for name, cells in contenders.items()}
    first = next(iter(keys))
    for name, found in keys.items():
        if found != keys[first]:
            raise ValueError(f"{name} and {first} were not evaluated on the same rows")


def pooled(cells: Sequence[Mapping[str, Any]]) -> dict[int, NDArray[np.float64]]:
    """Day to (9,) sums over cells: pairs and folds, and seeds, whose figures are averaged."""
    found: dict[int, NDArray[np.float64]] = {}
    for cell in cells:
        for day, sums in zip(cell["days"], cell["sums"], strict=True):
            found[day] = found.get(day, np.zeros(len(SUMS))) + np.array(sums)
    return found


def figures_of(
    contenders: Mapping[str, Mapping[int, NDArray[np.float64]]],
    seeds: Mapping[str, int],
    baselines: Sequence[str],
    networks: Sequence[str],
    *,
    draws: int = 2000,
) -> dict[str, Any]:
    """Figures of contenders with intervals over days, drawn once and the same for all.

    Args:
        contenders: name to `pooled` sums, of the same days.
        seeds: how many trainings each name's sums are of.
        baselines: names that skill is measured against.
        networks: names that are compared with every other.
        draws: of the bootstrap.
    """
    days = sorted(next(iter(contenders.values())))
    sums = np.concatenate(
        [np.array([each[day] for day in days]) / seeds[name] for name, each in contenders.items()],
        axis=1,
    )
    drawn = np.concatenate([sums.sum(axis=0)[None], resampled_totals(sums, draws=draws)])
    table = drawn.reshape(-1, len(contenders), len(SUMS))
    measured = {name: _measures(table[:, place]) for place, name in enumerate(contenders)}

    def skill(name: str, against: str) -> dict[str, Any]:
        ours, theirs = measured[name], measured[against]
        with np.errstate(divide="ignore", invalid="ignore"):
            return {part: _figure(1 - ours[part] / theirs[part], len(days)) for part in SUMS[:3]}

    return {
        "days": len(days),
        "contenders": {
            name: {
                "skill": {other: skill(name, other) for other in baselines},
                **{key: _figure(each[key], len(days)) for key in ("edge", "mean", "common")},
                "trades": float(each["trades"][0]),
                "loss": _figure(each["total"] / each["rows"], len(days)),
                "profit": float(each["profit"][0]),
            }
            for name, each in measured.items()
        },
        "differences": {
            name: {
                other: {
                    "skill": skill(name, other)["total"],
                    "edge": _figure(measured[name]["edge"] - measured[other]["edge"], len(days)),
                    "common": _figure(
                        measured[name]["common"] - measured[other]["common"], len(days)
                    ),
                }
                for other in contenders
                if other != name
            }
            for name in networks
        },
    }


def _measures(table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """(draws,) by name; what is a mean of no trades is NaN."""
    found = {name: table[:, place] for place, name in enumerate(SUMS)}
    with np.errstate(divide="ignore", invalid="ignore"):
        found["mean"] = found["profit"] / found["trades"]
        found["edge"] = found["edge"] / found["trades"]
        found["common"] = found["common"] / found["entries"]
    return found


def _figure(values: NDArray[np.float64], days: int) -> dict[str, float | None]:
    """Value with its interval, None where there is none."""
    if not np.isfinite(values[0]):
        return {"value": None, "low": None, "high": None}
    low, high = interval_of(values[1:], days) or (None, None)
    return {"value": float(values[0]), "low": low, "high": high}

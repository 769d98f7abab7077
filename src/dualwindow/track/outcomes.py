"""Outcomes of a pair's decisions, from the candles that have followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT, UNKNOWN
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.windows import label_frame
from dualwindow.evaluation.evidence.day_clusters import day_ratio
from dualwindow.track.entries import Decision, Outcome
from dualwindow.track.evidence import ScoredTrade
from dualwindow.track.periods import Scoring, prices_of

#: FreqAI's `do_predict` of a candle to trade upon.
_USABLE: Final = 1
#: How a label is written, by class code; the last is unknown.
_LETTERS: Final = "012-"


@dataclass(frozen=True)
class Noted:
    """A decision that has no outcome yet, with what was promised when it was made."""

    decision: Decision
    promised: float | None


@dataclass(frozen=True)
class Made:
    """What a pair has decided.

    Attributes:
        pair: its name.
        number: of the pair in the record.
        period: that is over.
        over: decisions whose future window has ended in it, or earlier while the bot was stopped.
        inside: decisions in it.
    """

    pair: str
    number: int
    period: int
    over: list[Decision]
    inside: list[Noted]


def outcome_of(made: Made, candles: pd.DataFrame | None, scoring: Scoring) -> Outcome:
    """Labels and paper trades, from freqtrade's candles; without them they stay unknown."""
    known = None if candles is None or candles.empty else candles
    sides = _sides(made.over)
    labels = _labels(made, known, scoring)
    return Outcome(
        pair=made.pair,
        number=made.number,
        period=made.period,
        predicted=sum(decision.do_predict == _USABLE for decision in made.over),
        fired=_counts(sides),
        right=_counts(sides[sides == labels]),
        labels="".join(_LETTERS[label] for label in labels.tolist()),
        trades=() if known is None else _trades(made, known, scoring),
    )


def _labels(made: Made, candles: pd.DataFrame | None, scoring: Scoring) -> NDArray[np.int64]:
    """(N,) labels by the function that labels for training."""
    known: dict[int, int] = {}
    if candles is not None and made.over:
        stop = (made.period + 1) * scoring.seconds
        rows = np.searchsorted(utc_seconds(candles["date"]), [made.over[0].seconds, stop])
        part = candles.iloc[slice(*rows.tolist())].reset_index(drop=True)
        if len(part):
            found, _ = label_frame(part, scoring.config, scoring.candle_seconds)
            known = dict(zip(utc_seconds(part["date"]).tolist(), found.tolist(), strict=True))
    return np.array([known.get(decision.seconds, UNKNOWN) for decision in made.over], np.int64)


def _trades(
    made: Made, candles: pd.DataFrame, scoring: Scoring
) -> tuple[tuple[int, int, float, float | None], ...]:
    if not made.inside:
        return ()
    dates = np.array([own.decision.seconds for own in made.inside])
    places = (dates - made.period * scoring.seconds) // scoring.candle_seconds
    sides = np.full(scoring.candles, HOLD)
    sides[places] = _sides([own.decision for own in made.inside])
    promised = dict(zip(places.tolist(), (own.promised for own in made.inside), strict=True))
    return tuple(
        (trade.row, trade.side, trade.profit, promised[trade.row])
        for trade in scoring.score(sides, prices_of(candles, made.period, scoring))
    )


def by_pair(outcomes: Iterable[Outcome]) -> dict[str, list[ScoredTrade]]:
    """All trades of a period, by their pairs."""
    return {
        outcome.pair: [ScoredTrade(profit, promised) for _, _, profit, promised in outcome.trades]
        for outcome in outcomes
    }


@dataclass(frozen=True)
class PeriodFigures:
    """A period of a record.

    Attributes:
        end: seconds since 1970.
        trades: paper trades.
        profit: sum of their profits, fractions of the price after costs.
        promised: sum of what validation promised for those with a promise, of which there are
            `with_promise`, and `kept` the sum of their profits.
        right: decisions for a side that were right, of the `directed` ones where a side occurred.
    """

    end: int
    trades: int
    profit: float
    promised: float
    with_promise: int
    kept: float
    right: int
    directed: int


def periods_of_outcomes(
    outcomes: Mapping[int, Iterable[Outcome]], directions: Mapping[int, Sequence[int]], seconds: int
) -> list[PeriodFigures]:
    """Figures of the periods with a trade or a decision where a side occurred.

    Args:
        outcomes: by period.
        directions: period to its `right` and `directed`.
        seconds: length of a period.
    """
    found = []
    for period in sorted(outcomes):
        trades = [trade for own in by_pair(outcomes[period]).values() for trade in own]
        promised = [trade for trade in trades if trade.promised is not None]
        right, directed = directions.get(period, (0, 0))
        if trades or directed:
            found.append(
                PeriodFigures(
                    end=(period + 1) * seconds,
                    trades=len(trades),
                    profit=sum(trade.profit for trade in trades),
                    promised=sum(trade.promised or 0.0 for trade in promised),
                    with_promise=len(promised),
                    kept=sum(trade.profit for trade in promised),
                    right=right,
                    directed=directed,
                )
            )
    return found


def period_estimates(periods: Sequence[PeriodFigures]) -> dict[str, dict[str, float | None] | None]:
    """Figures with intervals whose clusters are periods; None where there is nothing to count.

    `direction` is the share of right decisions beyond one half, where a side occurred;
    `beyond_promise` the mean profit of a paper trade beyond what validation promised for it.
    """
    return {
        "direction": _estimate(
            [period.right - period.directed / 2 for period in periods],
            [period.directed for period in periods],
        ),
        "beyond_promise": _estimate(
            [period.kept - period.promised for period in periods],
            [period.with_promise for period in periods],
        ),
    }


def _estimate(totals: Sequence[float], counts: Sequence[int]) -> dict[str, float | None] | None:
    if not sum(counts):
        return None
    estimate = day_ratio(np.array(totals, np.float64), np.array(counts, np.float64))
    interval = estimate.interval()
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {"value": estimate.value, "low": low, "high": high}


def _sides(decisions: list[Decision]) -> NDArray[np.int64]:
    """(N,) class codes; HOLD where the candle had no valid prediction."""
    return np.array(
        [own.side if own.do_predict == _USABLE else HOLD for own in decisions], np.int64
    )


def _counts(codes: NDArray[np.int64]) -> dict[str, int]:
    return {CLASS_NAMES[side]: int((codes == side).sum()) for side in (SHORT, LONG)}

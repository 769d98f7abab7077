"""What a report shows of a backtest whose predictions were held against what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dualwindow.backtest.exits import EXIT_REASONS
from dualwindow.columns import CLASS_NAMES
from dualwindow.model_selection.walk_forward import PairWalk, WalkForward
from dualwindow.report.facts import CandleFigures, TradeMark, TrainedWindow, Verdict, WeeklyClasses
from dualwindow.report.predictions import weekly


@dataclass(frozen=True)
class WalkFacts:
    """Pairs that were judged, and why others were not; empty where nobody asked.

    Attributes:
        walks: a pair each.
        pooled: all of them.
        problems: sentences that say what is missing, and how to get it.
    """

    walks: Sequence[PairWalk] = ()
    pooled: WalkForward | None = None
    problems: Sequence[str] = ()

    def windows(self, windows: list[TrainedWindow]) -> list[TrainedWindow]:
        """The windows with their evaluations on the candles that they predicted.

        Those of pairs without candles are left out: figures of other rows do not stand among them.
        """
        if self.pooled is None:
            return windows
        found = {(each.pair, each.trained_until): each for each in self.pooled.slices}
        return [
            replace(
                window,
                evaluated_on="walk-forward",
                hindsight=0,
                evaluation=found[window.name, window.trained_until].evaluation,
            )
            for window in windows
            if window.trained_until and (window.name, window.trained_until) in found
        ]

    def verdict(self, verdict: Verdict) -> Verdict:
        """The verdict with what is missing before its last sentence."""
        *before, last = verdict.sentences
        return replace(verdict, sentences=[*before, *self.problems, last])

    def marked(self, figures: CandleFigures) -> CandleFigures:
        """Figures of a pair with its closes and trades; as they are where it was not judged."""
        walk = next((each for each in self.walks if each.judged.pair == figures.pair), None)
        if walk is None:
            return figures
        ends = np.array(figures.begin) + figures.stretch_seconds
        rows = np.searchsorted(walk.candles.seconds, ends) - 1
        close = [float(walk.close[row]) if row >= 0 else None for row in rows]
        return replace(figures, close=close, trades=_marks(walk))

    def label_weeks(self) -> WeeklyClasses | None:
        """What happened on the candles that were predicted."""
        return weekly("labels", ((each.candles.seconds, each.labels) for each in self.walks))

    def decision_weeks(self) -> WeeklyClasses | None:
        """What was said on them."""
        usable = ((each, each.usable) for each in self.walks)
        return weekly(
            "decisions", ((each.candles.seconds[own], each.decisions[own]) for each, own in usable)
        )


def _marks(walk: PairWalk) -> list[TradeMark]:
    trades, seconds = walk.trades, walk.candles.seconds
    return [
        TradeMark(
            side=CLASS_NAMES[trades.side[number]],
            entered=int(seconds[trades.entry_row[number]]),
            entry_price=float(trades.entry_price[number]),
            left=int(seconds[trades.exit_row[number]]),
            exit_price=float(trades.exit_price[number]),
            reason=EXIT_REASONS[trades.reason[number]],
            profit_pct=100.0 * float(trades.profit[number]),
        )
        for number in range(len(trades))
    ]

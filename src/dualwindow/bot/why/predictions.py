"""A pair's saved predictions, decided on by the rule that traded them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from dualwindow.bot.why.facts import Limit, PredictionFacts
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.decision_rule import DecisionRule, usable
from dualwindow.confidence.measure import quantile_noun
from dualwindow.confidence.prediction_frame import calibrated_of, quantile_levels
from dualwindow.confidence.thresholds import MODE_THRESHOLDS
from dualwindow.data.candles.frames import utc_seconds

_SIDES: Final = (SHORT, LONG)


class SavedDecisions:
    """N predictions of a pair and the decisions on them, to be asked about row by row.

    Args:
        frame: with FreqAI's columns, in time order, a date once.
        rule: that decides.
        dates: name of the column of dates.
    """

    def __init__(self, frame: pd.DataFrame, rule: DecisionRule, dates: str = "date") -> None:
        self.frame = frame.reset_index(drop=True)
        #: (N,) dates, seconds since 1970.
        self.seconds = utc_seconds(self.frame[dates])
        #: (N,) FreqAI's flag.
        self.do_predict = self.frame["do_predict"].to_numpy(np.float64)
        #: (N,) whether there are probabilities.
        self.predicted = calibrated_of(self.frame, "none").probabilities.sum(axis=1) > 0
        #: (N,) class codes.
        self.decisions = rule.decide(self.frame)
        #: By which they were made.
        self.rule = rule
        self._summary = rule.summary()
        self._usable = usable(self.frame)
        self._compared = rule.probabilities(self.frame)
        self._levels = {code: quantile_levels(self.frame, code) for code in rule.shares}
        self._problems = (
            (rule.uncalibrated(self.frame), "the model has no calibration for the rule"),
            (rule.without_level(self.frame), "the model has no quantiles for the rule's shares"),
        )
        self._modes = self._fired_by_modes()

    def _fired_by_modes(self) -> dict[str, np.ndarray]:
        """Mode to the (N,) rows on which it would have decided a side, hold by hold."""
        fired = {}
        for mode, limits in MODE_THRESHOLDS.items():
            own = self.rule.thresholds
            changed = replace(
                own, short=limits.short, hold=limits.hold, long=limits.long, enabled=True
            )
            rule = replace(self.rule, thresholds=changed, shares={})
            fired[mode] = rule.decide(self.frame) != HOLD
        return fired

    def row(self, second: int) -> int | None:
        """The row of a date; None where nothing is saved of it."""
        row = int(np.searchsorted(self.seconds, second))
        there = row < len(self.seconds) and self.seconds[row] == second
        return row if there else None

    def at(self, row: int) -> PredictionFacts:
        """The prediction of a row."""
        if not self._usable[row]:
            return PredictionFacts(usable=False)
        problem = next((words for rows, words in self._problems if rows[row]), "")
        decision = int(self.decisions[row])
        modes = tuple(mode for mode, fired in self._modes.items() if fired[row])
        return PredictionFacts(
            usable=True,
            decision=decision,
            limits=tuple(self._limit(row, code) for code in _SIDES),
            rule=self._summary,
            problem=problem,
            modes=modes if decision == HOLD else (),
        )

    def _limit(self, row: int, code: int) -> Limit:
        if code in self._levels:
            needed = least_level(self.rule.shares[code])
            return Limit(
                code,
                float(self._levels[code][row]),
                needed,
                by_share=quantile_noun(self.rule.measure),
            )
        value = float(self._compared[row, code])
        limits = self.rule.thresholds
        if limits.enabled and limits.fallback == "hold":
            return Limit(code, value, limits.by_class()[code])
        if limits.enabled:
            # Below all thresholds the likeliest class counts.
            likeliest = float(np.max(self._compared[row]))
            return Limit(code, value, min(limits.by_class()[code], likeliest))
        return Limit(code, value, float(np.max(self._compared[row])))

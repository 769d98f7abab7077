"""A backtest's predictions as FreqAI saves them, thinned to a number that a page can show."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import CALIBRATION_COLUMNS, CLASS_NAMES, HOLD, LABEL_COLUMN, LONG, SHORT
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.prediction_frame import calibrated_of
from dualwindow.confidence.thresholds import CalibrationKind
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.errors import ModelFileError
from dualwindow.model_selection.walk_forward import PairWalk, WalkForward
from dualwindow.models.identifier.saved_predictions import (
    ALL,
    Extent,
    find_predictions,
    read_saved,
)
from dualwindow.report.prices import packed_prices, trade_marks
from dualwindow.report.schema import CandleFigures, TrainedWindow, Verdict, WeeklyClasses

logger = logging.getLogger(__name__)

#: Most stretches of time that the predictions of one pair are thinned to.
MOST_POINTS: Final = 1500
#: Stretches that the finer prices of all pairs are thinned to.
PRICE_POINTS: Final = 30_000
#: Stretches that the prices of one pair may have, however many pairs there are.
_FEWEST_POINTS: Final = 200
#: Decimals of a thinned probability.
_DECIMALS: Final = 4
_WEEK: Final = 7 * 86_400
#: The first Monday of 1970, which began on a Thursday.
_MONDAY: Final = 4 * 86_400
_COLUMNS: Final = ["date", *CLASS_NAMES, LABEL_COLUMN, "do_predict"]


@dataclass(frozen=True)
class Predictions:
    """Predictions of one pair in time order.

    Attributes:
        seconds: (N,) dates, seconds since 1970.
        probabilities: (N, 3).
        decisions: (N,) class codes.
        usable: (N,) false where the model had no valid window.
    """

    seconds: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    decisions: NDArray[np.int8]
    usable: NDArray[np.bool_]

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        calibration: CalibrationKind = "none",
        rule: DecisionRule | None = None,
    ) -> Predictions:
        """Take a pair's slices as FreqAI saved them; of doubled dates the last row counts.

        The calibration is that of the probabilities that are shown; without a rule the decisions
        are those of the time of the prediction.
        """
        frame = frame.drop_duplicates("date", keep="last").sort_values("date")
        if rule is None:
            codes = pd.Categorical(frame[LABEL_COLUMN], categories=CLASS_NAMES).codes
        else:
            codes = rule.decide(frame)
        return cls(
            utc_seconds(frame["date"]),
            # NaN where the model had no calibration; 0 is not shown.
            np.nan_to_num(calibrated_of(frame, calibration).probabilities, nan=0.0),
            # FreqAI's frame without predictions holds the number 0 in place of a class.
            np.where(codes < 0, HOLD, codes).astype(np.int8),
            frame["do_predict"].to_numpy() == 1,
        )


def read_predictions(
    folder: Path,
    calibration: CalibrationKind = "none",
    rule: DecisionRule | None = None,
    extent: Extent = ALL,
) -> dict[str, Predictions]:
    """Base coin in lower case, as in the files' names, to its predictions in a backtest.

    The folder, of FreqAI's cached predictions, need not exist; a file that is damaged or cannot be
    read is left out with a warning.
    """
    frames: dict[str, list[pd.DataFrame]] = {}
    needed: list[str] | None = list(_COLUMNS)
    if rule is not None and rule.shares:
        # Shares are decided by the models' quantiles, which older files lack.
        needed = None
    elif calibration != "none":
        needed = [*_COLUMNS, *CALIBRATION_COLUMNS]
    for saved in find_predictions(folder, extent):
        try:
            frame = read_saved(saved.path, needed)
        except ModelFileError as error:
            logger.warning("%s is left out of the report: %s", saved.path, error)
            continue
        frame = frame[extent.rows(utc_seconds(frame["date"]))]
        if len(frame):
            frames.setdefault(saved.base, []).append(frame)
    return {
        base: Predictions.from_frame(pd.concat(parts, ignore_index=True), calibration, rule)
        for base, parts in frames.items()
    }


def thinned(pair: str, predictions: Predictions, most: int = MOST_POINTS) -> CandleFigures:
    """Thin predictions, N at least 1, to at most `most` stretches of equal length.

    Of every stretch the highest probabilities and the counts of decisions are kept.
    """
    seconds, usable = predictions.seconds, predictions.usable
    # One second more, so that the last candle does not begin another stretch.
    length = max(-(-(int(seconds[-1] - seconds[0]) + 1) // most), 1)
    numbers = (seconds - seconds[0]) // length
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    masked = np.where(usable[:, None], predictions.probabilities, -1.0)
    highest = np.maximum.reduceat(masked, first)

    def counted(chosen: NDArray[np.bool_]) -> list[int]:
        counts: list[int] = np.add.reduceat(chosen.astype(np.int64), first).tolist()
        return counts

    return CandleFigures(
        pair=pair,
        candles=len(seconds),
        unusable=int(np.count_nonzero(~usable)),
        stretch_seconds=length,
        begin=seconds[first].tolist(),
        short=_rounded(highest[:, SHORT]),
        long=_rounded(highest[:, LONG]),
        said_short=counted(usable & (predictions.decisions == SHORT)),
        said_long=counted(usable & (predictions.decisions == LONG)),
        usable=counted(usable),
    )


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [round(value, _DECIMALS) if value >= 0 else None for value in values.tolist()]


def weekly(
    counted: str, parts: Iterable[tuple[NDArray[np.int64], NDArray[np.int8]]]
) -> WeeklyClasses | None:
    """Count classes by week; None where there is no class at all.

    Args:
        counted: see `WeeklyClasses`.
        parts: pairs of (N,) dates in seconds and (N,) class codes, negative where unknown.
    """
    totals: dict[int, NDArray[np.int64]] = {}
    for seconds, codes in parts:
        known = codes >= 0
        weeks, place = np.unique((seconds[known] - _MONDAY) // _WEEK, return_inverse=True)
        cells = place * len(CLASS_NAMES) + codes[known]
        counts = np.bincount(cells, minlength=len(weeks) * len(CLASS_NAMES))
        for week, row in zip(weeks.tolist(), counts.reshape(-1, len(CLASS_NAMES)), strict=True):
            totals[week] = totals.get(week, 0) + row
    if not totals:
        return None
    order = sorted(totals)
    table = np.array([totals[week] for week in order])
    return WeeklyClasses(
        counted,
        [week * _WEEK + _MONDAY for week in order],
        {name: table[:, code].tolist() for code, name in enumerate(CLASS_NAMES)},
    )


@dataclass(frozen=True)
class Decided:
    """The rule by which a backtest's predictions are decided on, and those that are meant.

    `basis` are words on the configuration behind it, by title.
    """

    rule: DecisionRule
    extent: Extent = ALL
    basis: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WalkFacts:
    """A backtest's predictions evaluated on its candles, pair by pair and all of them together.

    Empty without such an evaluation. `problems` are sentences on the pairs that were not evaluated:
    what is missing, how to get it. `decided` is None where no configuration is known.
    """

    walks: Sequence[PairWalk] = ()
    pooled: WalkForward | None = None
    problems: Sequence[str] = ()
    decided: Decided | None = None

    @property
    def basis(self) -> Mapping[str, str]:
        """Words on the configuration of the evaluation, by title."""
        return self.decided.basis if self.decided else {}

    def predictions(
        self, folder: Path, calibration: CalibrationKind = "none"
    ) -> dict[str, Predictions]:
        """The predictions that are meant, by base coin, from FreqAI's folder of them.

        The calibration is used where no rule is known.
        """
        if self.decided is None:
            return read_predictions(folder, calibration)
        rule = self.decided.rule
        return read_predictions(folder, rule.calibration, rule, self.decided.extent)

    def windows(self, windows: list[TrainedWindow]) -> list[TrainedWindow]:
        """The windows with their evaluations on the candles that they predicted.

        Windows of pairs without candles are left out: their figures are of other rows.
        """
        if self.decided is not None:
            extent = self.decided.extent
            windows = [
                window
                for window in windows
                if window.trained_until is None
                or extent.has_model(window.name.split("/")[0], window.trained_until)
            ]
        if self.pooled is None:
            return windows
        slices = {(part.pair, part.trained_until): part for part in self.pooled.slices}
        return [
            replace(
                window,
                evaluated_on="walk-forward",
                hindsight=0,
                evaluation=slices[window.name, window.trained_until].evaluation,
            )
            for window in windows
            if window.trained_until and (window.name, window.trained_until) in slices
        ]

    def verdict(self, verdict: Verdict) -> Verdict:
        """The verdict with the problems before its last sentence."""
        *before, last = verdict.sentences
        return replace(verdict, sentences=[*before, *self.problems, last])

    def marked(self, figures: CandleFigures) -> CandleFigures:
        """Figures of a pair with its closes and trades; unchanged where it was not evaluated."""
        walk = next((pair for pair in self.walks if pair.evaluated.pair == figures.pair), None)
        if walk is None:
            return figures
        ends = np.array(figures.begin) + figures.stretch_seconds
        rows = np.searchsorted(walk.candles.seconds, ends) - 1
        close = [float(walk.close[row]) if row >= 0 else None for row in rows]
        most = max(PRICE_POINTS // len(self.walks), _FEWEST_POINTS)
        prices = packed_prices(walk.candles, walk.close, most)
        return replace(figures, close=close, trades=trade_marks(walk), prices=prices)

    def label_weeks(self) -> WeeklyClasses | None:
        """Actual classes of the predicted candles by week."""
        return weekly("labels", ((walk.candles.seconds, walk.labels) for walk in self.walks))

    def decision_weeks(self) -> WeeklyClasses | None:
        """Decisions on the predicted candles by week."""
        parts = ((walk.candles.seconds, walk.decisions, walk.usable) for walk in self.walks)
        return weekly("decisions", ((at[usable], codes[usable]) for at, codes, usable in parts))

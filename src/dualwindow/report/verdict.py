"""The verdict in plain words, without a claim that the figures do not support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from dualwindow.backtest.figures import AfterFees, Percent
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.evidence.verdict import EDGE, UNCLEAR
from dualwindow.evaluation.forecast import TEMPERATURE_SCALED
from dualwindow.evaluation.skill import SkillFigure
from dualwindow.report.charts.chart import SIDES
from dualwindow.report.schema import TrainedWindow, Verdict, evaluated
from dualwindow.runtime.counts import counted

_DO_NOT: Final = "Do not trade this."
#: Where an edge is found, or direction is distinguishable from chance.
_LOOK_ON: Final = (
    "That is a reason to look further, not to trade: only a backtest on other candles can show "
    "whether anything is left after fees and slippage, and no figure here promises profit."
)
_ON_ITS_TRADES: Final = (
    "This rests on the candles that it traded: over all candles it is not shown to know direction."
)
_NO_BASELINES: Final = "There are no baselines to compare it with, so its skill is unknown."


def verdict_of(
    windows: list[TrainedWindow],
    after_fees: AfterFees | None = None,
    pooled: Evaluation | None = None,
) -> Verdict:
    """Conclude from the figures of a training, or of all retrainings of a backtest.

    Where profits after fees are known, they decide (`Evidence`): whether an edge is found, there is
    none worth the fees, or the data is not enough to tell. Skill is beside the point then, for it
    is of all candles, and a model trades few. `pooled` is of all candles that a backtest's models
    predicted, together.

    Example:
        >>> verdict_of([]).sentences[-1]
        'Do not trade this.'
    """
    if pooled is None:
        verdict = _of_windows(windows)
    else:
        # The models share no candle here, so their figures are pooled.
        where = f"Over the whole backtest, on the candles after each of {len(windows)} trainings."
        verdict = _of_evaluation(pooled, before=[where])
    if after_fees is None:
        nothing = f"{UNCLEAR.capitalize()}: no profits after fees are known."
        return replace(verdict, sentences=[nothing, *verdict.sentences])
    found = after_fees.outcome == EDGE
    rests = [_ON_ITS_TRADES] if found and not verdict.found else []
    return Verdict(
        [
            *after_fees.verdict_lines(),
            *verdict.sentences[:-1],
            *_earned(after_fees),
            *rests,
            _LOOK_ON if found else _DO_NOT,
        ],
        found=found,
        outcome=after_fees.outcome,
    )


def _earned(figures: AfterFees) -> list[str]:
    if figures.sides is None:
        return ["It would not have traded."]
    model, edge = figures.sides.model.mean_pct, figures.sides.edge_pct
    if figures.evidence is not None:
        return [f"Beyond a coin flip at the same entries a trade made {_of_trades(edge)}."]
    return [
        f"After fees its {counted(figures.trades, 'trade')} made {_of_trades(model)} each; "
        f"compared with a coin flip at the same entries that is {_of_trades(edge)}."
    ]


def _of_trades(figure: Percent) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:+.3f} %"
    return f"{figure.value:+.3f} % ({figure.low:+.3f} % to {figure.high:+.3f} %)"


def _of_windows(windows: list[TrainedWindow]) -> Verdict:
    known = evaluated(windows)
    if not known:
        why = "Nothing was evaluated: there was no candle that the model had not seen."
        if not windows:
            why = "Nothing was evaluated: the folder holds predictions, and no figures of a model."
        return Verdict([why, _DO_NOT], found=False)
    comparable = [(window, figures) for window, figures in known if figures.forecast.skill]
    if len(comparable) > 1:
        return _of_many(comparable)
    if not comparable:
        return _of_evaluation(known[-1][1])
    window, evaluation = comparable[0]
    remarks = []
    if window.evaluated_on == "validation" and window.training.epochs:
        remarks.append("These candles also chose the best epoch, so the figures are optimistic.")
    if window.hindsight:
        remarks.append(
            f"{counted(window.hindsight, 'candle was', 'candles were')} left out: the pretrained "
            "model had seen them."
        )
    return _of_evaluation(evaluation, remarks=remarks)


def strongest_skill(evaluation: Evaluation, part: str) -> tuple[str, SkillFigure]:
    """The strongest baseline of a part, and the calibrated forecast's skill against it.

    The part is `total`, `calm` (HOLD versus move) or `direction`; the evaluation has baselines.
    """
    name = evaluation.forecast.strongest(part)
    figure: SkillFigure = getattr(evaluation.forecast.skill[TEMPERATURE_SCALED][name], part)
    return name, figure


def _of_evaluation(
    evaluation: Evaluation, before: Sequence[str] = (), remarks: Sequence[str] = ()
) -> Verdict:
    """The sentences of one evaluation between others."""
    decisions = _decisions(evaluation)
    if not evaluation.forecast.skill:
        return Verdict([*before, _NO_BASELINES, decisions, _DO_NOT], found=False)
    name, total = strongest_skill(evaluation, "total")
    direction, calm = (strongest_skill(evaluation, part)[1] for part in ("direction", "calm"))
    found = total.sign > 0 and direction.sign > 0
    sentences = [
        *before,
        _total(total, BASELINE_TITLES[name], evaluation.rows),
        _direction(direction),
        _calm(calm),
        decisions,
        *remarks,
    ]
    return Verdict([*sentences, _LOOK_ON if found else _DO_NOT], found=found)


def _total(figure: SkillFigure, title: str, rows: int) -> str:
    where = f"on {counted(rows, 'candle')}"
    if figure.value is None:
        return f"Its skill {where} is unknown."
    if figure.low is None:
        return (
            f"There are too few candles to distinguish it from the {title} "
            f"({percent(figure.value)} of its log loss {where})."
        )
    if figure.sign:
        kind = "Better" if figure.sign > 0 else "Worse"
        compared = f"{kind} than the {title} by {percent(figure.sign * figure.value, signed=False)}"
    else:
        compared = f"Not distinguishable from the {title}: {percent(figure.value)}"
    return f"{compared} of its log loss {where} (95 % interval {interval_text(figure)})."


def _direction(figure: SkillFigure) -> str:
    if figure.value is None:
        return "Its direction cannot be evaluated: no candle had one."
    if figure.low is None:
        return "There are too few candles to evaluate its direction."
    kinds = {1: "better than chance", 0: "not distinguishable from chance", -1: "worse than chance"}
    beginning = "Its" if figure.sign > 0 else "No direction found: its"
    return f"{beginning} direction is {kinds[figure.sign]} ({interval_text(figure)})."


def _calm(figure: SkillFigure) -> str:
    if figure.sign > 0:
        return "It predicts HOLD versus move better than the baseline."
    if figure.low is None:
        return ""
    return "It predicts HOLD versus move no better than the baseline."


def _decisions(evaluation: Evaluation) -> str:
    coverage, way = evaluation.thresholded.coverage, _way(evaluation, "its")
    if not coverage:
        return f"{way} it predicts neither SHORT nor LONG: it would never trade."
    sides = "; ".join(_side(name, evaluation) for name in SIDES)
    return f"{way} it predicts SHORT or LONG on {share(coverage)} of the candles: {sides}."


def _way(evaluation: Evaluation, whose: str) -> str:
    """The decision rule in words: thresholds, or without these the likeliest class."""
    return f"With {whose} thresholds" if evaluation.uses_thresholds else "By the likeliest class"


def _side(name: str, evaluation: Evaluation) -> str:
    real = evaluation.real[name] / evaluation.rows
    right = evaluation.meaning[name].above
    if not evaluation.uses_thresholds:
        predicted = evaluation.argmax.predicted[name]
        right = evaluation.argmax.precision[name] if predicted else None
    if right is None:
        return f"{name} never"
    return f"{name} is right in {share(right)} (it occurred on {share(real)} of all candles)"


def _of_many(windows: Sequence[tuple[TrainedWindow, Evaluation]]) -> Verdict:
    """Neighbouring retrainings share candles, so they are counted, not averaged."""
    count = len(windows)
    totals, directions = (
        [strongest_skill(evaluation, part)[1] for _, evaluation in windows]
        for part in ("total", "direction")
    )
    better = sum(figure.sign > 0 for figure in totals)
    right = sum(figure.sign > 0 for figure in directions)
    worse = sum(figure.sign < 0 for figure in totals)
    wrong = sum(figure.sign < 0 for figure in directions)
    steady = better > count / 2 and right > count / 2
    rows = sum(evaluation.rows for _, evaluation in windows)
    covered = sum(own.thresholded.coverage * own.rows for _, own in windows) / rows
    sentences = [
        f"{count} retrainings, evaluated on candles that they were not trained on: better than the "
        f"strongest baseline in {better}, worse in {worse}, not distinguishable from it in "
        f"{count - better - worse}.",
        f"Direction was better than chance in {right} and worse in {wrong}; by luck alone "
        f"about {count * 0.025:.1f} of {count} would seem better.",
        f"{_way(windows[-1][1], 'their')} they predict SHORT or LONG on {share(covered)} of the "
        "candles.",
    ]
    return Verdict([*sentences, _LOOK_ON if steady else _DO_NOT], found=steady)


def percent(value: float, *, signed: bool = True) -> str:
    """A fraction as percent, such as `+1.25 %`."""
    return f"{100 * value:+.2f} %" if signed else f"{100 * value:.2f} %"


def share(value: float) -> str:
    """A share as percent, with two digits where it is below 1 %."""
    return f"{100 * value:.1f} %" if value >= 0.01 else f"{100 * value:.2g} %"


def interval_text(figure: SkillFigure) -> str:
    """The ends of an interval, such as `-0.30 % to +2.50 %`."""
    if figure.low is None or figure.high is None:
        return "unknown"
    return f"{percent(figure.low)} to {percent(figure.high)}"


def interval_words(figure: SkillFigure) -> str:
    """A skill with its interval, for a table."""
    if figure.value is None:
        return "unknown"
    if figure.low is None or figure.high is None:
        return percent(figure.value)
    return f"{percent(figure.value)} ({interval_text(figure)})"

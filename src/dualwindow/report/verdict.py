"""The verdict in plain words: what the figures say, and nothing that they do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dualwindow.backtest.figures import AfterFees, Percent
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.forecast import TEMPERATURE_SCALED
from dualwindow.evaluation.skill import SkillFigure
from dualwindow.report.schema import TrainedWindow, Verdict, evaluated

_DO_NOT: Final = "Do not trade this."
#: What is left to find out where direction was told from chance.
_LOOK_ON: Final = (
    "That is a reason to look on, not to trade: whether anything is left after fees and slippage "
    "only a backtest on other candles can say, and no figure here promises profit."
)


def verdict_of(
    windows: list[TrainedWindow],
    after_fees: AfterFees | None = None,
    pooled: Evaluation | None = None,
) -> Verdict:
    """Judge a training, or all retrainings of a backtest.

    Args:
        windows: with or without an evaluation.
        after_fees: what the decisions would have earned. Where it is known, a model that did not
            pay its fees for sure is not found worth a look, whatever it knows.
        pooled: all candles that a backtest's models predicted, together.
    """
    verdict = _of_windows(windows) if pooled is None else _of_walk(windows, pooled)
    if after_fees is None:
        return verdict
    found = verdict.found and _pays(after_fees)
    last = verdict.sentences[-1] if found else _DO_NOT
    return Verdict([*verdict.sentences[:-1], _earned(after_fees), last], found=found)


def _pays(figures: AfterFees) -> bool:
    low = figures.sides.model.mean_pct.low if figures.sides else None
    return low is not None and low > 0


def _earned(figures: AfterFees) -> str:
    if figures.sides is None:
        return "It would not have traded."
    model, edge = figures.sides.model.mean_pct, figures.sides.edge_pct
    return (
        f"After fees its {figures.trades:,} trades made {_of_trades(model)} each; over a coin flip "
        f"at the same entries that is {_of_trades(edge)}."
    )


def _of_trades(figure: Percent) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:+.3f} %"
    return f"{figure.value:+.3f} % ({figure.low:+.3f} % to {figure.high:+.3f} %)"


def _of_windows(windows: list[TrainedWindow]) -> Verdict:
    found = evaluated(windows)
    if not found:
        why = "Nothing was evaluated: there was no candle that the model had not seen."
        if not windows:
            why = "Nothing was evaluated: the folder holds predictions, and no figures of a model."
        return Verdict([why, _DO_NOT], found=False)
    comparable = [(each, figures) for each, figures in found if figures.forecast.skill]
    if not comparable:
        why = "There are no baselines to compare it with, so nobody can tell whether it is any good"
        return Verdict([f"{why}.", _predicted_text(found[-1][1]), _DO_NOT], found=False)
    if len(comparable) == 1:
        return _of_one(*comparable[0])
    return _of_many(comparable)


def strongest_skill(evaluation: Evaluation, part: str) -> tuple[str, SkillFigure]:
    """The strongest baseline of a part, and the calibrated forecast's skill against it.

    Args:
        evaluation: with baselines.
        part: total, calm or direction.
    """
    name = evaluation.forecast.strongest(part)
    figure: SkillFigure = getattr(evaluation.forecast.skill[TEMPERATURE_SCALED][name], part)
    return name, figure


def _of_walk(windows: list[TrainedWindow], pooled: Evaluation) -> Verdict:
    """The models share no candle here, so that their figures are put together."""
    where = f"Over the whole backtest, on candles that came after each of {len(windows)} trainings."
    if not pooled.forecast.skill:
        why = "There are no baselines to compare it with, so nobody can tell whether it is any good"
        return Verdict([where, f"{why}.", _predicted_text(pooled), _DO_NOT], found=False)
    name, total = strongest_skill(pooled, "total")
    direction, calm = (strongest_skill(pooled, part)[1] for part in ("direction", "calm"))
    found = total.sign > 0 and direction.sign > 0
    sentences = [
        where,
        _total(total, BASELINE_TITLES[name], pooled.rows),
        _direction(direction),
        _calm(calm),
        _predicted_text(pooled),
    ]
    return Verdict([*sentences, _LOOK_ON if found else _DO_NOT], found=found)


def _of_one(window: TrainedWindow, evaluation: Evaluation) -> Verdict:
    name, total = strongest_skill(evaluation, "total")
    direction, calm = (strongest_skill(evaluation, part)[1] for part in ("direction", "calm"))
    found = total.sign > 0 and direction.sign > 0
    sentences = [
        _total(total, BASELINE_TITLES[name], evaluation.rows),
        _direction(direction),
        _calm(calm),
        _predicted_text(evaluation),
    ]
    if window.evaluated_on == "validation" and window.training.epochs:
        sentences.append(
            "These candles also chose the best epoch, so the figures flatter it a little."
        )
    if window.hindsight:
        sentences.append(
            f"{window.hindsight:,} candles were left out, for the pretrained model had seen them."
        )
    return Verdict([*sentences, _LOOK_ON if found else _DO_NOT], found=found)


def _total(figure: SkillFigure, title: str, rows: int) -> str:
    where = f"on {rows:,} candles"
    if figure.value is None:
        return f"Its skill {where} is unknown."
    if figure.low is None:
        return (
            f"There are too few candles to tell it from the {title} ({percent(figure.value)} of "
            f"its log loss {where})."
        )
    if figure.sign > 0:
        evaluated_as = f"Better than the {title} by {percent(figure.value, signed=False)}"
    elif figure.sign < 0:
        evaluated_as = f"Worse than the {title} by {percent(-figure.value, signed=False)}"
    else:
        evaluated_as = f"Not distinguishable from the {title}: {percent(figure.value)}"
    return f"{evaluated_as} of its log loss {where} (95 % interval {interval_text(figure)})."


def _direction(figure: SkillFigure) -> str:
    if figure.value is None:
        return "Whether it knows direction cannot be told: no candle had one."
    if figure.low is None:
        return "Whether it knows direction cannot be told from so few candles."
    kinds = {1: "better than chance", 0: "not distinguishable from chance", -1: "worse than chance"}
    beginning = "Its" if figure.sign > 0 else "No direction found: its"
    return f"{beginning} direction is {kinds[figure.sign]} ({interval_text(figure)})."


def _calm(figure: SkillFigure) -> str:
    if figure.sign > 0:
        return "When the market stays calm it knows better than the baseline."
    if figure.low is None:
        return ""
    return "When the market stays calm it knows no better than the baseline."


def _predicted_text(evaluation: Evaluation) -> str:
    decisions, way = evaluation.thresholded, _way(evaluation, "its")
    if not decisions.coverage:
        return f"{way} it says neither SHORT nor LONG: it would never trade."
    sides = [_side(name, evaluation) for name in ("SHORT", "LONG")]
    return (
        f"{way} it says SHORT or LONG on {share(decisions.coverage)} of the candles: "
        f"{'; '.join(sides)}."
    )


def _way(evaluation: Evaluation, whose: str) -> str:
    """Without thresholds there is nothing but the likeliest class."""
    return f"With {whose} thresholds" if evaluation.uses_thresholds else "By the likeliest class"


def _side(name: str, evaluation: Evaluation) -> str:
    real = evaluation.real[name] / evaluation.rows
    right = evaluation.meaning[name].above
    if not evaluation.uses_thresholds:
        predicted = evaluation.argmax.predicted[name]
        right = evaluation.argmax.precision[name] if predicted else None
    if right is None:
        return f"{name} never"
    return f"{name} is right in {share(right)} (it came on {share(real)} of all candles)"


def _of_many(found: Sequence[tuple[TrainedWindow, Evaluation]]) -> Verdict:
    """Neighbouring retrainings share candles, so that they are counted, not averaged."""
    count = len(found)
    totals, directions = (
        [strongest_skill(evaluation, part)[1] for _, evaluation in found]
        for part in ("total", "direction")
    )
    better = sum(figure.sign > 0 for figure in totals)
    right = sum(figure.sign > 0 for figure in directions)
    worse = sum(figure.sign < 0 for figure in totals)
    wrong = sum(figure.sign < 0 for figure in directions)
    steady = better > count / 2 and right > count / 2
    rows = sum(evaluation.rows for _, evaluation in found)
    covered = sum(each.thresholded.coverage * each.rows for _, each in found) / rows
    sentences = [
        f"{count} retrainings, each judged on the candles that it was not trained on: better than "
        f"the strongest baseline in {better}, worse in {worse}, not to be told from it in "
        f"{count - better - worse}.",
        f"Direction was better than chance in {right} and worse in {wrong}; by luck alone "
        f"about {count * 0.025:.1f} of {count} would seem better.",
        f"{_way(found[-1][1], 'their')} they say SHORT or LONG on {share(covered)} of the candles.",
    ]
    return Verdict([*sentences, _LOOK_ON if steady else _DO_NOT], found=steady)


def percent(value: float, *, signed: bool = True) -> str:
    """A fraction as percent, such as `+1.25 %`."""
    return f"{100 * value:+.2f} %" if signed else f"{100 * value:.2f} %"


def share(value: float) -> str:
    """A share as percent with as many digits as it takes to see it."""
    return f"{100 * value:.1f} %" if value >= 0.01 else f"{100 * value:.2g} %"


def interval_text(figure: SkillFigure) -> str:
    """An interval's two ends, such as `-0.30 % to +2.50 %`."""
    if figure.low is None or figure.high is None:
        return "unknown"
    return f"{percent(figure.low)} to {percent(figure.high)}"


def interval_words(figure: SkillFigure) -> str:
    """A skill for a table."""
    if figure.value is None:
        return "unknown"
    if figure.low is None or figure.high is None:
        return percent(figure.value)
    return f"{percent(figure.value)} ({interval_text(figure)})"

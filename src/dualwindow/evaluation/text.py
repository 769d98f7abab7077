"""The figures as text, for the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from dualwindow.confidence.measure import at_least_text, lead_text
from dualwindow.confidence.thresholds import (
    CalibrationKind,
    Fallback,
    calibration_text,
    deciding_classes,
    fallback_text,
    threshold_text,
)
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.classification import DecisionFigures
from dualwindow.evaluation.forecast import TEMPERATURE_SCALED, ForecastFigures
from dualwindow.evaluation.skill import SkillFigure
from dualwindow.evaluation.thresholds import ThresholdFigures
from dualwindow.runtime.counts import counted

#: Names of all forecasts in sentences, where they differ from their keys.
FORECAST_TITLES: Final = {**BASELINE_TITLES, TEMPERATURE_SCALED: "temperature-scaled"}


def decision_lines(rules: Mapping[str, DecisionFigures]) -> list[str]:
    """A line for every decision rule, by its name."""
    lines = []
    for title, figures in rules.items():
        predicted = ", ".join(f"{name} {count}" for name, count in figures.predicted.items())
        lines.append(
            f"{title}: accuracy {figures.accuracy:.3f}, Trading F1 {figures.trading_f1:.3f}, "
            f"macro F1 {figures.macro_f1:.3f}, "
            f"precision SHORT {figures.precision['SHORT']:.3f} "
            f"LONG {figures.precision['LONG']:.3f}, "
            f"recall SHORT {figures.recall['SHORT']:.3f} LONG {figures.recall['LONG']:.3f}, "
            f"predicted {predicted}"
        )
    return lines


def threshold_line(
    meaning: Mapping[str, ThresholdFigures],
    highest: Mapping[str, float],
    calibration: CalibrationKind,
    fallback: Fallback | None,
    leads: Collection[str] = (),
) -> str:
    """How often the thresholds that decide fire and are right, beside the highest probabilities.

    Of the sides `leads` the lead is compared. Without a `fallback` the thresholds are hypothetical.
    """
    fired = []
    for name in deciding_classes(fallback or "hold"):
        figures = meaning[name]
        right = "" if figures.above is None else f", right in {figures.above:.1%}"
        limit, most = f"{name} >= {threshold_text(figures.threshold)}", f"{highest[name]:.3f}"
        if name in leads:
            limit = at_least_text(name, figures.threshold, is_lead=True)
            most = lead_text(name, highest[name])
        fired.append(f"{limit} on {figures.fires:.2%}{right} (highest {most})")
    listed = "; ".join([*fired, *([] if fallback is None else [fallback_text(fallback)])])
    return f"thresholds fire{calibration_text(calibration)}: {listed}"


def forecast_lines(forecast: ForecastFigures) -> list[str]:
    """Losses and skill; the losses alone where there is no comparison."""
    losses = ", ".join(
        f"{FORECAST_TITLES.get(name, name)} {figures.log_loss:.4f}"
        for name, figures in forecast.losses.items()
    )
    lines = [f"log loss: {losses}"]
    if forecast.temperature is not None:
        lines[0] += f"; temperature {forecast.temperature:.2f}"
        lines.append(verdict(forecast))
    return lines


def verdict(forecast: ForecastFigures) -> str:
    """Whether the calibrated probabilities beat the strongest baseline, in one line.

    The temperature-scaled forecast is compared, so that neither the balanced classes of training
    nor an overconfident network hides its information. The forecast must have a comparison.
    """
    name = forecast.strongest("total")
    figure, title = forecast.skill[TEMPERATURE_SCALED][name].total, BASELINE_TITLES[name]
    if figure.low is None:
        lead = f"too few candles to tell it from the {title}: "
    elif figure.sign:
        lead = f"better than the {title} by " if figure.sign > 0 else f"worse than the {title}: "
    else:
        lead = f"not distinguishable from the {title}: "
    calm, direction = (_part(forecast, part) for part in ("calm", "direction"))
    return (
        f"{lead}{skill_text(figure)} of its log loss; HOLD versus move {calm}, "
        f"direction {direction}; 95% intervals from {counted(forecast.blocks, 'block')} of "
        f"{forecast.block_seconds / 3600:.3g} h"
    )


def _part(forecast: ForecastFigures, part: str) -> str:
    name = forecast.strongest(part)
    figure: SkillFigure = getattr(forecast.skill[TEMPERATURE_SCALED][name], part)
    return f"{skill_text(figure)} against the {BASELINE_TITLES[name]}"


def skill_text(figure: SkillFigure) -> str:
    """A skill with its interval, such as `+1.20% [-0.30%, +2.50%]`."""
    if figure.value is None:
        return "unknown"
    if figure.low is None:
        return f"{figure.value:+.2%} [unknown]"
    return f"{figure.value:+.2%} [{figure.low:+.2%}, {figure.high:+.2%}]"

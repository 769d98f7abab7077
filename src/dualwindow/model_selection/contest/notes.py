"""The foot of a contest's table: how its figures were measured."""

from __future__ import annotations

from collections.abc import Sequence

from dualwindow.columns import SUMMARY
from dualwindow.model_selection.contest.market import Market
from dualwindow.model_selection.contest.rivals import MOST_ROWS, stride_of
from dualwindow.model_selection.contest.scoring import COVERAGE
from dualwindow.model_selection.contest.walk import ContestPlan
from dualwindow.models.mirror import mirror_for
from dualwindow.settings import TrainingConfig


def notes_of(plan: ContestPlan, markets: Sequence[Market]) -> list[str]:
    """The foot of the table: how its figures were measured."""
    config: TrainingConfig = markets[0].config
    names = markets[0].dataset.names
    candles = max(plan.days) * 86_400 // markets[0].dataset.candle_seconds
    stride = stride_of(round(candles * (1 - config.validation_fraction)), config.sample_every)
    mirrored = mirror_for(config, names) is not None
    temperature = ", and a temperature from the validation candles" if plan.temperature else ""
    side = " Profit is of longs alone, as on spot." if not plan.terms.can_short else ""
    narrow = "" if config.feature_set == SUMMARY else (
        " They see the newest candle alone; feature_set 'summary' tells them of the last day."
    )  # fmt: skip
    return [
        f"{plan.step_days} days follow every training and are evaluated, the same for every row; "
        "no label of a training candle looks into them.",
        "Over the table: share of the volatility table's log loss that is saved, the table of the "
        "same training days. Direction: the same for the side alone, over the class prior. "
        "Windows above: on which the log loss is below the table's.",
        "Class shares of the training candles correct the probabilities of every contender"
        f"{temperature}.",
        f"Edge where surest: what the side earns beyond a coin flip at the same entries, in the "
        f"{COVERAGE:.0%} of candles a side that a contender is most sure of, by thresholds from "
        f"its validation candles, both sides. {_measures(plan, config)}",
        f"Profit a trade: of these entries, one position at a time, after {100 * plan.terms.fee:g}"
        f" % fee and {100 * plan.terms.slippage:g} % slippage a side.{side}",
        f"Logistic regression and LightGBM see {len(names)} columns of the newest candle, fitted "
        f"on one training candle in {stride} (at most {MOST_ROWS:,})"
        f"{' and their mirror images' if mirrored else ', without mirror images'}.{narrow}",
        f"Trainings of every network on every window, whose figures are averaged: "
        f"{len(plan.seeds)}. The time of a training is that of fitting and predicting.",
    ]


def _measures(plan: ContestPlan, config: TrainingConfig) -> str:
    """By which measure the contenders are most sure, and which networks have another."""
    words = {
        "probability": "the probability of the side",
        "lead": "the probability of the side less that of the other",
    }
    usual = config.confidence_measure
    others = [name for name, own in plan.networks.items() if own.confidence_measure != usual]
    text = f"Most sure is the highest by confidence_measure {usual!r}, {words[usual]}"
    if others:
        other = plan.networks[others[0]].confidence_measure
        text += f"; of {' and '.join(others)} by {other!r}, {words[other]}"
    return f"{text}."

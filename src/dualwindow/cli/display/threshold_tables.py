"""Suggested thresholds as tables and sentences on the terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dualwindow.backtest.figures import AfterFees
from dualwindow.cli.display.console import figure_table
from dualwindow.confidence import Thresholds
from dualwindow.confidence.thresholds import threshold_text
from dualwindow.model_selection.threshold_search import OFF, ThresholdChoice
from dualwindow.runtime.counts import counted

#: Class name to figures of its threshold (`evaluation.thresholds.ThresholdFigures`).
ValidationMeaning = dict[str, dict[str, Any]]

NOISE: Final = (
    "the choice is within noise: the same search on random sides does as well too often; do not "
    "trade these thresholds"
)
UNPAID: Final = (
    "the choice is better than random sides, but corrected for the luck of choosing, a trade is "
    "not shown to earn its fees; do not trade these thresholds"
)
PAID: Final = (
    "on validation the choice is better than random sides and earns its fees; the tail shows once "
    "whether that lasts: thresholds that are changed after a look at it need newer candles"
)


@dataclass(frozen=True)
class Suggestion:
    """Chosen thresholds with their trades, beside the configured ones.

    `looked_at_with` are all thresholds that the tail has been looked at with, these included.
    `validation` is the date range of the choice and `tail` that of the report; `meaning` is how
    often the side occurs at the chosen thresholds, on validation; `leads` are the sides whose
    configured threshold is of their lead (`confidence_measure`). The chosen ones are of
    probabilities.
    """

    pairs: tuple[str, ...]
    validation: str
    tail: str
    choice: ThresholdChoice
    meaning: ValidationMeaning
    chosen_on_validation: AfterFees
    chosen_on_tail: AfterFees
    configured: Thresholds
    configured_on_tail: AfterFees
    looked_at_with: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Verdict on the figures of validation, in words."""
        if self.choice.within_noise:
            return NOISE
        return PAID if self.choice.pays else UNPAID

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of `freqai.model_training_parameters` that put the thresholds to use."""
        chosen: dict[str, Any] = {
            "confidence_threshold_short": self.choice.chosen.short,
            "confidence_threshold_long": self.choice.chosen.long,
        }
        if not self.configured.enabled:
            chosen["use_confidence_thresholding"] = True
        if self.configured.fallback != "hold":
            chosen["confidence_fallback"] = "hold"
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "pairs": list(self.pairs),
            "verdict": self.verdict,
            "settings": self.settings,
            "validation": {
                "period": self.validation,
                "choice": self.choice.to_dict(),
                "thresholds": self.meaning,
                "chosen": self.chosen_on_validation.to_dict(),
            },
            "tail": {
                "period": self.tail,
                "chosen": self.chosen_on_tail.to_dict(),
                "configured": self.configured_on_tail.to_dict(),
                "verdict": self.chosen_on_tail.outcome,
                "looked_at_with": list(self.looked_at_with),
                "configured_thresholds": asdict(self.configured),
                "configured_leads": list(self.leads),
            },
        }


def print_suggestion(console: Console, suggestion: Suggestion) -> None:
    """Show the best thresholds, their trades on the tail, the verdict, and settings to paste.

    Thresholds that are not to be traded are no settings to paste.
    """
    choice = suggestion.choice

    def show(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    console.print(validation_table(suggestion))
    show(
        f"chosen, corrected for the luck of choosing: {choice.corrected_pct.text(3)} a trade; the "
        f"best of as many choices on random sides: {choice.random_best_pct.text(3)}, as good in "
        f"{choice.random_as_good_pct:.1f} % of draws"
    )
    for side, figures in suggestion.meaning.items():
        show(_meaning(side, figures))
    console.print(tail_table(suggestion))
    for line in suggestion.chosen_on_tail.verdict_lines():
        show(f"chosen thresholds on the tail: {line[0].lower()}{line[1:]}")
    if choice.within_noise or not choice.pays:
        show(f"warning: {suggestion.verdict}", "yellow")
        return
    show(suggestion.verdict)
    show("for freqai.model_training_parameters in config.json:")
    show(json.dumps(suggestion.settings, indent=4)[2:-2])


def validation_table(suggestion: Suggestion) -> Table:
    """The best thresholds and their profit on the validation candles that chose them."""
    choice = suggestion.choice
    title = (
        f"validation, {', '.join(suggestion.pairs)}, {suggestion.validation}: best of "
        f"{choice.compared} of {choice.tried} thresholds (at least "
        f"{counted(choice.min_trades, 'trade')})"
    )
    rows = [
        (
            _threshold(candidate.short),
            _threshold(candidate.long),
            f"{candidate.trades:,}",
            candidate.mean_pct.text(3),
            candidate.total_pct.text(1),
        )
        for candidate in choice.best
    ]
    heads = ("SHORT", "LONG", "trades", "a trade after fees", "in all")
    return figure_table(title, heads, rows, texts=0)


def tail_table(suggestion: Suggestion) -> Table:
    """Trades of the chosen and the configured thresholds on the tail, beside other sides."""
    limits = suggestion.configured

    def configured(side: str) -> str:
        limit = threshold_text(limits.short if side == "SHORT" else limits.long)
        return f"lead {limit}" if side in suggestion.leads else limit

    thresholds = {
        "chosen": suggestion.chosen_on_tail,
        f"configured ({' / '.join(map(configured, ('SHORT', 'LONG')))})"
        if limits.enabled
        else "configured (argmax)": suggestion.configured_on_tail,
    }
    rows = []
    for title, trades in thresholds.items():
        if trades.sides is None:
            rows.append((title, "model", "0", "-", "-"))
            continue
        for name, figures in trades.sides.by_name().items():
            rows.append(
                (
                    title if name == "model" else "",
                    name,
                    f"{trades.trades:,}",
                    figures.mean_pct.text(3),
                    figures.total_pct.text(1),
                )
            )
    title = f"untouched tail, {suggestion.tail}; other sides at the same entries"
    heads = ("thresholds", "sides", "trades", "a trade after fees", "in all")
    return figure_table(title, heads, rows, texts=2)


def _threshold(value: float) -> str:
    return "never" if value >= OFF else f"{value:.4g}"


def _meaning(side: str, figures: dict[str, Any]) -> str:
    """How often a threshold fires, and how often its side then occurred."""
    if figures["threshold"] >= OFF:
        return f"{side}: never predicted"

    def share(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.1%}"

    return (
        f"{side} >= {figures['threshold']:.4g}: fires on {figures['fires']:.2%} of the candles, "
        f"where the side occurred in {share(figures['above'])}; near the threshold in "
        f"{share(figures['near'])}"
    )

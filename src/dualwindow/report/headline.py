"""The headline of a page and its three figures with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from dualwindow.backtest.figures import Percent
from dualwindow.evaluation.evidence.verdict import EDGE, NO_EDGE, UNCLEAR
from dualwindow.report.schema import Report
from dualwindow.report.verdict import strongest_skill
from dualwindow.runtime.counts import counted

_Ends = tuple[float | None, float | None, float | None]
Tone = Literal["good", "unclear", "bad"]

#: Verdict of a backtest or training, and of a running bot's track record, to its headline: at most
#: eight words.
HEADLINES: Final[Mapping[str, str]] = {
    EDGE: "Edge found: test it on other candles",
    NO_EDGE: "No edge found: do not trade this",
    UNCLEAR: "Not enough data yet: do not trade this",
    "as promised": "As promised: results match the models' validation",
    "worse than promised": "Worse than promised: stop trading this",
    "too early to tell": "Too early to tell: stay in dry-run",
}
#: A bot's edge is found by what it did, not by a test that may be repeated.
_BOT_EDGE: Final = "Edge found: the bot earns after costs"
_TONES: Final[Mapping[str, Tone]] = {
    EDGE: "good",
    "as promised": "good",
    NO_EDGE: "bad",
    "worse than promised": "bad",
}


@dataclass(frozen=True)
class KeyFigure:
    """A figure in percent, with the ends of its interval where these are known.

    Attributes:
        title: of the figure.
        value: None where it is not known.
        low: lower end of the interval; None where days or blocks are too few.
        high: upper end.
        decimals: shown.
        note: what 0 means, or why there is no figure.
    """

    title: str
    value: float | None
    low: float | None
    high: float | None
    decimals: int
    note: str

    @property
    def tone(self) -> Tone:
        """Where the interval lies: above 0, below it, or around it; unclear without one."""
        if self.low is None or self.high is None:
            return "unclear"
        return "good" if self.low > 0.0 else "bad" if self.high < 0.0 else "unclear"

    @property
    def text(self) -> str:
        """The value, such as `+0.12 %`."""
        return "unknown" if self.value is None else f"{self.value:+.{self.decimals}f} %"

    @property
    def interval_text(self) -> str:
        """The interval in words.

        Example:
            >>> KeyFigure("edge", 0.1, -0.05, 0.25, 2, "").interval_text
            '-0.05 to +0.25: contains 0'
        """
        if self.low is None or self.high is None:
            return "" if self.value is None else "too few days for an interval"
        place = {"good": "above 0", "bad": "below 0", "unclear": "contains 0"}[self.tone]
        return f"{self.low:+.{self.decimals}f} to {self.high:+.{self.decimals}f}: {place}"


@dataclass(frozen=True)
class Headline:
    """One sentence of at most eight words, its tone, and three figures."""

    text: str
    tone: Tone
    figures: tuple[KeyFigure, KeyFigure, KeyFigure]


def headline_of(report: Report) -> Headline:
    """The headline of a page: of a running bot's track record where there is one."""
    if report.track is not None:
        return _of_bot(report.track)
    outcome = report.verdict.outcome
    sides = report.after_fees.sides if report.after_fees else None
    why = "no trade" if report.after_fees else "not computed: no prices"
    return Headline(
        HEADLINES[outcome],
        _TONES.get(outcome, "unclear"),
        (
            _direction(report),
            _percent(
                "Profit a trade after fees",
                sides.model.mean_pct if sides else None,
                "of a trade's stake" if sides else why,
            ),
            _percent(
                "Edge over a coin flip",
                sides.edge_pct if sides else None,
                "a trade, at the same entries" if sides else why,
            ),
        ),
    )


def full_verdict(report: Report) -> list[str]:
    """The paragraph below the headline: a running bot's ends with its track record."""
    sentences = report.verdict.sentences
    if report.track is None:
        return sentences
    # Profits after fees are then those of the track record, and so is the advice.
    of_models = sentences[:-1] if report.after_fees else sentences[1:-1]
    text = report.track["verdict"]["text"]
    return ["Its models:", *of_models, f"The bot: {text}."]


def _percent(title: str, figure: Percent | None, note: str) -> KeyFigure:
    if figure is None:
        return KeyFigure(title, None, None, None, 3, note)
    return KeyFigure(title, figure.value, figure.low, figure.high, 3, note)


def _direction(report: Report) -> KeyFigure:
    """Skill of the side alone; of several trainings that share candles only how many are better."""
    title, note = "Direction", "of a coin flip's log loss saved"
    pooled = report.walk.evaluation if report.walk else None
    known = [pooled] if pooled else report.evaluations()
    skilled = [evaluation for evaluation in known if evaluation.forecast.skill]
    if not skilled:
        return KeyFigure(title, None, None, None, 2, "not evaluated")
    skills = [strongest_skill(evaluation, "direction")[1] for evaluation in skilled]
    if len(skills) > 1:
        better = sum(skill.sign > 0 for skill in skills)
        note = f"better than chance in {better} of {counted(len(skills), 'training')}"
        return KeyFigure(title, None, None, None, 2, note)
    skill = skills[0]
    return _shares(title, (skill.value, skill.low, skill.high), 2, note)


def _shares(title: str, figure: _Ends, decimals: int, note: str) -> KeyFigure:
    """A figure from value and ends that are shares."""
    value, low, high = (None if end is None else 100.0 * end for end in figure)
    return KeyFigure(title, value, low, high, decimals, note)


def _of_bot(track: Mapping[str, Any]) -> Headline:
    verdict, figures = track["verdict"], track["figures"]
    words, mean = verdict["words"], verdict["mean"]
    nothing: _Ends = (None, None, None)
    none_yet = "nothing to compare yet"
    direction, beyond = (
        None if own is None else (own["value"], own["low"], own["high"])
        for own in (figures["direction"], figures["beyond_promise"])
    )
    earned = nothing if mean is None else (mean, *verdict["interval"])
    return Headline(
        _BOT_EDGE if words == EDGE else HEADLINES[words],
        _TONES.get(words, "unclear"),
        (
            _shares(
                "Direction",
                direction or nothing,
                1,
                "right, beyond 50 %" if direction else none_yet,
            ),
            _shares(
                "Profit a trade after costs",
                earned,
                3,
                "no paper trade yet" if mean is None else "paper trades, interval at any time",
            ),
            _shares(
                "Profit beyond promise", beyond or nothing, 3, "a trade" if beyond else none_yet
            ),
        ),
    )

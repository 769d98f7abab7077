"""The evidence in plain sentences, the same in log, terminal and report."""

from __future__ import annotations

from dualwindow.evaluation.evidence.verdict import EDGE, FEWEST_TRADES, NO_EDGE, UNCLEAR, Evidence
from dualwindow.runtime.counts import counted


def verdict_sentences(found: Evidence) -> list[str]:
    """The verdict with its interval, the minimum detectable edge, and what would settle it."""
    days = counted(found.profit.days, "day")
    seen = f"{counted(found.trades, 'trade')} on {days}"
    sentences = [f"{found.outcome.capitalize()}: {_why(found, seen)}."]
    if found.choices > 1:
        sentences.append(
            f"These candles have been looked at with {counted(found.choices, 'choice')} of "
            "thresholds, so that the interval is widened for the best of so many."
        )
    if found.detectable is None:
        return sentences
    sentences.append(
        f"With this much data a profit of {found.detectable:.3f} % a trade after fees would be "
        "found four times in five."
    )
    if found.outcome == UNCLEAR:
        sentences.append(_settling(found))
    return sentences


def _why(found: Evidence, seen: str) -> str:
    if found.low is None or found.high is None:
        return f"{seen} are too few for an interval"
    mean = (
        f"after fees a trade made {found.profit.value:+.3f} % (95 % interval {found.low:+.3f} % "
        f"to {found.high:+.3f} %; {seen})"
    )
    if found.outcome == EDGE:
        return f"{mean}, more than a coin flip at the same entries"
    if found.outcome == NO_EDGE:
        return f"{mean}, and the whole interval lies below what the fees need"
    if found.trades < FEWEST_TRADES:
        return f"{mean}, from fewer than {counted(FEWEST_TRADES, 'trade')}"
    if found.low > 0.0:
        return f"{mean}, but its sides are not shown to be better than a coin flip"
    return f"{mean}, which may be nothing"


def _settling(found: Evidence) -> str:
    if found.more_days is None:
        return "If trades go on like this, ten years more would not settle it."
    if not found.more_days:
        return "If trades go on like this, a day or so more would settle it."
    days = counted(found.more_days, "more day", "more days")
    return f"If trades go on like this, about {days} like these would settle it."

"""A track record as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dualwindow.data.candles.timerange import utc_text
from dualwindow.evaluation.evidence.drift import UNKNOWN_DRIFT
from dualwindow.runtime.counts import counted
from dualwindow.track.figures import PairFigures, TrackFigures
from dualwindow.track.verdict import Verdict
from dualwindow.track.verify import LIMITS, Verification


def track_lines(figures: TrackFigures, path: Path) -> Iterator[str]:
    """The record of a bot."""
    verdict = figures.verdict
    yield f"track record {path}"
    until = "no decision yet" if figures.last is None else f"to {utc_text(figures.last)}"
    yield f"begun {utc_text(figures.began)}, {until} (UTC)"
    yield ""
    yield f"verdict: {verdict.words}"
    yield from (f"  {line}" for line in _verdict_lines(verdict))
    for name, own in figures.pairs.items():
        yield ""
        yield f"{name}: {counted(own.decided, 'candle')} decided, {counted(own.claims, 'claim')}"
        yield from (f"  {line}" for line in _pair_lines(own))
        drift = figures.drift.get(name)
        yield f"  features: {UNKNOWN_DRIFT if drift is None else drift.text}"
        for feature in () if drift is None else drift.drifted:
            yield (
                f"    {feature.name}: index {feature.index:.2f}, at most {feature.limit:.2f} in "
                "the training"
            )
    count, profit = figures.trades
    yield ""
    mean = f", {_percent(profit / count)} of its stake on average" if count else ""
    yield f"freqtrade's own: {counted(count, 'trade has', 'trades have')} ended{mean}"
    yield f"head {figures.head}"


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    if verdict.mean is None:
        yield "no paper trade has ended"
        return
    low, high = (_percent(end) for end in verdict.interval)
    yield (
        f"{counted(verdict.trades, 'paper trade')} on {counted(verdict.periods, 'day')} made "
        f"{_percent(verdict.mean)} each after costs"
    )
    yield f"at any time, with 95 %: {low} to {high}"
    promise = "unknown" if verdict.promise is None else _percent(verdict.promise)
    yield f"validation promised: {promise}"


def _pair_lines(figures: PairFigures) -> Iterator[str]:
    values = figures.to_dict()
    yield (
        f"decides for a side on {_share(values['firing'])} of the candles, promised "
        f"{_share(values['promised_firing'])}"
    )
    for name, side in values["sides"].items():
        yield (
            f"{name}: {side['fired']} times, right in {_share(side['precision'])}, promised "
            f"{_share(side['promised_precision'])}; mean probability "
            f"{_share(side['mean_probability'])}, it occurred in {_share(side['occurred'])}"
        )


def verification_lines(found: Verification, path: Path) -> Iterator[str]:
    """What a verification found, and what it cannot show."""
    if found.problems:
        yield f"the track record {path} is not as it was written:"
        yield from (f"  - {problem}" for problem in found.problems)
    else:
        removed = (
            f", {counted(found.removed, 'old decision')} of which only the hashes are left"
            if found.removed
            else ""
        )
        yield f"sound: {counted(found.entries, 'entry', 'entries')}{removed}"
        if found.has_head:
            yield "everything up to the noted head is as it was then"
        if found.models is not None and found.models.claimed:
            yield (
                f"{found.models.there:,} of {counted(found.models.claimed, 'model')} that were "
                "claimed lie beside it, as they were claimed"
            )
    yield f"head {found.head.text}"
    yield LIMITS


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{100.0 * value:.1f} %"


def _percent(value: float) -> str:
    return f"{100.0 * value:+.3f} %"

"""The gates of a candle's window: complete, warmed up, other candles known, features known."""

from __future__ import annotations

from dualwindow.bot.why.facts import CandleFacts
from dualwindow.bot.why.verdicts import Gate, closed, is_open, not_known
from dualwindow.data.candles.timerange import utc_text
from dualwindow.runtime.counts import counted


def is_predicted(facts: CandleFacts) -> bool:
    """Whether there is a prediction that may be traded upon."""
    return facts.prediction is not None and facts.prediction.usable


def is_seen(facts: CandleFacts) -> bool:
    """Whether there is a candle file that reaches the candle, so that its window is known."""
    covered = facts.market.covered
    reached = covered is None or covered[0] <= facts.second <= covered[1]
    return facts.market.known and reached


def file_words(facts: CandleFacts) -> str:
    """Words on a candle file that does not reach the candle."""
    covered = facts.market.covered
    if covered is None:
        return "there is no candle file to look into; download the pair"
    first, last = covered
    return (
        f"the candle file goes from {utc_text(first)} to {utc_text(last)}: download the candles of "
        "that time"
    )


def window_gate(facts: CandleFacts) -> Gate:
    """The window holds no impossible candle and no outage."""
    market = facts.market
    if is_predicted(facts):
        return is_open("window", _as_recorded(facts, "it was complete"))
    if not is_seen(facts):
        return not_known("window", file_words(facts))
    if market.broken_by is not None:
        second, words = market.broken_by
        return closed(
            "window",
            "impossible candle",
            f"the candle of {utc_text(second)} breaks it: {words}",
            f"a possible candle at {utc_text(second)}, or a candle that lies a whole window later",
        )
    if market.outage is not None:
        first, last = market.outage
        candles = (last - first) // facts.candle_seconds + 1
        stretch = f"{counted(candles, 'candle')} from {utc_text(first)} to {utc_text(last)}"
        longest = "more than max_flat_candles"
        if market.outage_missing:
            return closed(
                "window",
                "hole",
                f"{stretch} break it, {longest}: {market.outage_missing:,} of them are missing "
                "in the candle file, where freqtrade fills in the last price",
                "the missing candles (download the pair again), or a larger max_flat_candles",
            )
        return closed(
            "window",
            "flat run",
            f"{stretch} break it, {longest}: all at one price and without volume",
            "trades in that stretch, or a larger max_flat_candles",
        )
    return is_open("window", "it is complete")


def warm_up_gate(facts: CandleFacts) -> Gate:
    """The features that look far back have enough candles before the window."""
    market = facts.market
    if not (is_seen(facts) or is_predicted(facts)):
        return not_known("warm-up", file_words(facts))
    if is_predicted(facts) or market.warm_up is None:
        return is_open("warm-up", "the averages have enough candles before the window")
    needed, there = market.warm_up
    begin = "" if market.loaded_from is None else f" from {utc_text(market.loaded_from)} on"
    return closed(
        "warm-up",
        "warm-up",
        f"the window and the longest average need {counted(needed, 'candle')} up to this one, and "
        f"{there:,} were there{begin}",
        f"{counted(needed - there, 'more candle')} before it: older candles, or shorter "
        "indicator_periods_candles",
    )


def others_gate(facts: CandleFacts) -> Gate:
    """The candles of correlated pairs and other timeframes are known."""
    other = facts.market.other
    if not (is_seen(facts) or is_predicted(facts)):
        return not_known("other candles", file_words(facts))
    if is_predicted(facts) or other is None:
        return is_open("other candles", "those of other pairs and timeframes are known")
    return closed(
        "other candles",
        "correlated pair" if other.is_pair else "other timeframe",
        f"{other.name} {other.reason} at {utc_text(other.second)}",
        f"known candles of {other.name} in the whole window",
    )


def features_gate(facts: CandleFacts) -> Gate:
    """Every feature of the window is known."""
    prediction = facts.prediction
    if prediction is None or prediction.usable or facts.model.expired:
        return is_open("features", "nothing is known against them")
    if not is_seen(facts):
        return not_known("features", file_words(facts))
    if facts.bot is not None and (facts.bot.awaited is None or facts.bot.first):
        return not_known("features", "the bot left no record of why it could not predict")
    return closed(
        "features",
        "feature",
        "a feature was not a number in the window, and the candles do not show why: one of the "
        "strategy's own, or candles that have changed since",
        "features that are known in the whole window",
    )


def _as_recorded(facts: CandleFacts, words: str) -> str:
    market = facts.market
    if market.broken_by or market.outage or market.other or market.warm_up:
        return f"{words} when it was predicted; the candle files of now hold other candles"
    return words

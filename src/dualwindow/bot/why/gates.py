"""The gates between a closed candle and an order, in the order in which they close.

Every gate is a function of a candle's facts alone. The record wins over the candle files: a
prediction that was usable then leaves the gates of its window open, whatever the files hold now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dualwindow.bot.why.facts import CandleFacts
from dualwindow.bot.why.trading_gates import (
    lock_gate,
    order_gate,
    position_gate,
    side_gate,
    slots_gate,
    stake_gate,
)
from dualwindow.bot.why.verdicts import Gate, closed, is_open, not_known
from dualwindow.bot.why.window_gates import (
    features_gate,
    file_words,
    is_predicted,
    others_gate,
    warm_up_gate,
    window_gate,
)
from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.data.candles.timerange import utc_text

#: Cause of a candle that became a trade.
ENTERED: Final = "entered"
#: Cause of one where no gate is known to have closed.
NOT_KNOWN: Final = "not known"


def candle_gate(facts: CandleFacts) -> Gate:
    """The candle is there, and a market can have made it."""
    market = facts.market
    if not market.known:
        return not_known("candle", file_words(facts))
    if is_predicted(facts) and market.missing:
        return is_open(
            "candle",
            "the candle file lacks it; freqtrade takes it as a minute without a trade at the last "
            "price, and decides upon it",
        )
    if market.missing:
        return _missing(facts)
    if market.impossible and not is_predicted(facts):
        return closed(
            "candle",
            "impossible candle",
            f"no market can have made it: {market.impossible}",
            "possible values; download the pair again if the exchange has others",
        )
    return is_open("candle", "it is there, and possible")


def _missing(facts: CandleFacts) -> Gate:
    covered = facts.market.covered
    if covered is not None and covered[0] <= facts.second <= covered[1]:
        needed = "the candle; download the pair again"
        return closed("candle", "hole", "the candle file lacks it", needed)
    needed = "candles of that time; download them, or ask for another time"
    return closed("candle", "no candle", file_words(facts), needed)


def bot_gate(facts: CandleFacts) -> Gate:
    """The bot was running, and had seen a candle before this one."""
    bot = facts.bot
    if bot is None:
        return is_open("bot", "a backtest looks at every candle")
    if bot.looked is None:
        return not_known("bot", "whether it looked at the candle was not written down")
    if not bot.looked:
        words = bot.not_looked or "the bot did not look at it"
        return closed("bot", "bot not running", words, "a bot that runs at that time")
    if bot.first:
        return closed(
            "bot",
            "first candle after a start",
            "it was the pair's first candle or prediction after a start, upon which FreqAI does "
            "not trade",
            "a start, or a first training, at least one candle earlier",
        )
    return is_open("bot", "it looked at the candle")


def newest_gate(facts: CandleFacts) -> Gate:
    """No candle that the features need was late when the bot decided."""
    bot = facts.bot
    if bot is None:
        return is_open("newest candle", "a backtest has all candles")
    if is_predicted(facts):
        return is_open("newest candle", "no candle was waited for")
    if bot.arrived:
        return closed(
            "newest candle",
            "late candle",
            "a candle that was waited for had just arrived; all were loaded again first",
            "candles that the exchange delivers in time",
        )
    if bot.awaited:
        cause, end = "late candle", "it was not there in time"
        if bot.never_came:
            cause, end = "hole", "it never came"
        return closed(
            "newest candle",
            cause,
            f"the bot waited for {bot.awaited}; {end}",
            "a candle that the exchange delivers in time",
        )
    if bot.awaited is None:
        return not_known("newest candle", "the bot left no record of what it waited for")
    return is_open("newest candle", "no candle was waited for")


def model_gate(facts: CandleFacts) -> Gate:
    """A model was there, and young enough."""
    model = facts.model
    if model.none_because:
        return closed(
            "model", "no model", model.none_because, "a model whose predictions reach this candle"
        )
    if model.trained_until is None and not model.expired:
        known = facts.prediction is not None
        return not_known("model", "which one it was is not known" if known else "no model is known")
    age = _age(facts)
    if model.expired:
        return closed(
            "model",
            "expired model",
            f"it was too old ({age}; expiration_hours {model.age_limit:g})",
            "a retraining in time, or a larger freqai.expiration_hours",
        )
    return is_open("model", age)


def _age(facts: CandleFacts) -> str:
    until = facts.model.trained_until
    if until is None:
        return "its age is not known"
    hours = (facts.second + facts.candle_seconds - until) / 3600
    return f"trained until {utc_text(until)}, {hours:.1f} hours before the candle's close"


def decision_gate(facts: CandleFacts) -> Gate:
    """The rule decides SHORT or LONG."""
    prediction = facts.prediction
    if prediction is None or not prediction.usable:
        return closed(
            "decision",
            "not predicted",
            "nothing was predicted that may be traded upon",
            "a prediction",
        )
    if prediction.problem:
        return closed("decision", "not calibrated", prediction.problem, "a new training")
    compared = ", ".join(map(str, prediction.limits))
    rule = f"{compared}; the rule: {prediction.rule}"
    if prediction.decision != HOLD:
        return is_open("decision", f"{CLASS_NAMES[prediction.decision]} ({rule})")
    nearest = min(prediction.limits, key=lambda limit: limit.needed - limit.value, default=None)
    wanted = "" if nearest is None else _wanted(nearest.needed - nearest.value, str(nearest))
    fires = f"; confidence_mode {' or '.join(prediction.modes)} fires" if prediction.modes else ""
    return closed("decision", "threshold", f"HOLD ({rule})", f"{wanted}{fires}")


def _wanted(short_of: float, words: str) -> str:
    if short_of > 0:
        return f"{short_of:.3f} more for the nearest side ({words})"
    return f"another class at most as likely as the nearest side ({words})"


def evidence_gate(facts: CandleFacts) -> Gate:
    """The track record's verdict lets the bot enter, by `dualwindow.trade_only_on_evidence`."""
    evidence = facts.evidence
    if evidence is None:
        return is_open("evidence", "entries waited for no verdict")
    if evidence.blocks is None:
        return not_known(
            "evidence",
            "entries waited for a verdict, and the track record holds no decision on this candle",
        )
    if evidence.blocks:
        return closed(
            "evidence",
            "evidence",
            f"the track record's verdict was {evidence.verdict!r}",
            "another verdict, or dualwindow.trade_only_on_evidence off",
        )
    return is_open("evidence", f"the track record's verdict was {evidence.verdict!r}")


#: Causes that are meant where nothing else explains an unusable prediction.
_RESIDUAL: Final = ("feature", "not predicted")
#: All gates, in the order in which they close.
GATES: Final[tuple[Callable[[CandleFacts], Gate], ...]] = (
    candle_gate,
    bot_gate,
    newest_gate,
    window_gate,
    warm_up_gate,
    others_gate,
    features_gate,
    model_gate,
    decision_gate,
    evidence_gate,
    side_gate,
    position_gate,
    lock_gate,
    slots_gate,
    stake_gate,
    order_gate,
)


@dataclass(frozen=True)
class Answer:
    """The fate of a candle, and the reason for it.

    Attributes:
        pair: as freqtrade names it.
        second: date of the candle, seconds since 1970.
        gates: all of them, in the order in which they close.
        entered: words on the trade that it became; empty where it became none.
    """

    pair: str
    second: int
    gates: tuple[Gate, ...]
    entered: str

    @property
    def closing(self) -> Gate | None:
        """The first gate that closed; None where none is known to have."""
        if self.entered:
            return None
        return next((gate for gate in self.gates if gate.state == "closed"), None)

    @property
    def cause(self) -> str:
        """Name by which the candle's fate is counted."""
        if self.entered:
            return ENTERED
        return NOT_KNOWN if self.closing is None else self.closing.cause

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        closing = self.closing
        return {
            "pair": self.pair,
            "candle": utc_text(self.second),
            "cause": self.cause,
            "gate": None if closing is None else closing.name,
            "entered": self.entered or None,
            "gates": [gate.to_dict() for gate in self.gates],
        }


def answer_of(facts: CandleFacts, gates: Sequence[Callable[[CandleFacts], Gate]] = GATES) -> Answer:
    """Look at a candle gate by gate; causes of last resort count where no other is known."""
    entered = "" if facts.trading is None else facts.trading.entered
    found: list[Gate] = []
    for gate in gates:
        met = gate(facts)
        explained = any(earlier.state == "closed" for earlier in found)
        if met.cause in _RESIDUAL and explained:
            met = not_known(met.name, "nothing was predicted, see above")
        found.append(met)
    return Answer(facts.pair, facts.second, tuple(found), entered)

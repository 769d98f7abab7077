"""A difference between a dry run and a backtest, its cause, and the parity of the two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dualwindow.data.candles.timerange import utc_text

#: Kinds of differences.
DECISION: Final = "decision"
TRADE: Final = "trade"

RESTART: Final = "restart"
SKIPPED: Final = "skipped candle"
LATE: Final = "late candle"
CORRECTED: Final = "corrected candle"
MODEL: Final = "model of another time"
SETTINGS: Final = "other settings"
UNFILLED: Final = "unfilled order"
SPREAD: Final = "spread"
FILL: Final = "time of the fill"
NOT_KNOWN: Final = "not known"


@dataclass(frozen=True)
class Difference:
    """One candle at which a dry run and the backtest differ.

    Attributes:
        pair: as freqtrade names it.
        second: date of the candle, seconds since 1970; of a trade, that of its decision.
        kind: `DECISION` or `TRADE`.
        cause: one of the names above.
        bot: what the bot did, in words.
        backtest: what the backtest does.
        words: the facts behind the cause.
    """

    pair: str
    second: int
    kind: str
    cause: str
    bot: str
    backtest: str
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "second": utc_text(self.second)}


@dataclass(frozen=True)
class DecisionFacts:
    """The facts of a candle whose decisions differ.

    Attributes:
        looked: whether the bot looked at it.
        started: words on a start of the bot between the candles before and after.
        missing: whether the candle file lacks it.
        first: whether it was the first candle or prediction after a start.
        waited: words on a candle that was late.
        expired: whether the bot took its model for too old.
        own_model: words, where the bot's own model decides as the bot did, and is not the
            backtest's.
        own_rule: words, where the bot's rule of then decides as the bot did, and is not that of
            now.
        corrected: words on the first candle of the window that was another one then.
    """

    looked: bool = True
    started: str = ""
    missing: bool = False
    first: bool = False
    waited: str = ""
    expired: bool = False
    own_model: str = ""
    own_rule: str = ""
    corrected: str = ""


def cause_of(facts: DecisionFacts) -> tuple[str, str]:
    """The cause of a difference between decisions, and the words on it.

    Example:
        >>> cause_of(DecisionFacts(first=True, corrected="the candle of 12:00"))[0]
        'restart'
    """
    if not facts.looked:
        return (RESTART, facts.started) if facts.started else (SKIPPED, _skipped(facts))
    first = "the first candle or prediction after a start, which FreqAI does not trade"
    expired = "the bot took its model for too old"
    causes = (
        (RESTART, first if facts.first else ""),
        (LATE, facts.waited),
        (MODEL, expired if facts.expired else facts.own_model),
        (SETTINGS, facts.own_rule),
        (CORRECTED, facts.corrected),
        (NOT_KNOWN, "the same model, candles and rule decide otherwise now"),
    )
    return next((cause, words) for cause, words in causes if words)


def _skipped(facts: DecisionFacts) -> str:
    if facts.missing:
        return "there was no such candle: a backtest fills it in, a bot waits"
    return "the bot did not look at it: the exchange did not answer in time, or it was busy"


@dataclass(frozen=True)
class Audit:
    """A dry run compared with a backtest of its candles and models.

    Attributes:
        candles: candles of all pairs that were compared.
        differences: by pair and time.
        notes: sentences on what could not be compared, and on settings that have changed.
        trades: of the bot, and its entries that came to nothing, that were compared.
    """

    candles: int
    differences: Sequence[Difference]
    notes: Sequence[str] = ()
    trades: int = 0

    @property
    def differing(self) -> int:
        """Candles with at least one difference."""
        return len({(found.pair, found.second) for found in self.differences})

    @property
    def decision_parity(self) -> float:
        """Share of the candles at which the decision is that of the backtest."""
        other = sum(found.kind == DECISION for found in self.differences)
        return 1.0 - other / self.candles if self.candles else 1.0

    @property
    def trade_parity(self) -> float:
        """Share of the trades that are those of a backtest of the bot's own decisions.

        A fill inside the candle after the decision, at one of its prices, is the backtest's, and so
        is an exit for the same reason at most a candle away: a bot looks every few seconds.
        """
        other = sum(found.kind == TRADE for found in self.differences)
        return 1.0 - other / self.trades if self.trades else 1.0

    @property
    def parity(self) -> float:
        """Share of the candles at which decision and trade are those of the backtest."""
        return 1.0 - self.differing / self.candles if self.candles else 1.0

    @property
    def causes(self) -> dict[str, int]:
        """Differences by cause, the most frequent first."""
        return dict(Counter(found.cause for found in self.differences).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "parity": self.parity,
            "decision_parity": self.decision_parity,
            "trade_parity": self.trade_parity,
            "candles": self.candles,
            "trades": self.trades,
            "differing": self.differing,
            "causes": self.causes,
            "differences": [found.to_dict() for found in self.differences],
            "notes": list(self.notes),
        }

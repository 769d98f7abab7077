"""The facts of one candle of one pair, whichever place it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field

from dualwindow.columns import CLASS_NAMES, HOLD

#: A stretch of candles: dates of the first and the last, seconds since 1970.
Stretch = tuple[int, int]


@dataclass(frozen=True)
class OtherGap:
    """A candle of another pair or timeframe that is unknown within a window.

    Attributes:
        name: pair and timeframe.
        is_pair: whether it is a correlated pair, else another timeframe of the own pair.
        second: date of the row that needs the candle, seconds since 1970.
        reason: words on what is wrong with the candle.
        covered: whether its file reaches that far.
    """

    name: str
    is_pair: bool
    second: int
    reason: str
    covered: bool = True


@dataclass(frozen=True)
class MarketFacts:
    """A candle and its window in the candle files; dates are seconds since 1970.

    Attributes:
        known: whether there is a file that reaches the candle, or should have.
        covered: first and last candle of the file; None without one.
        missing: whether the file lacks the candle.
        impossible: words on the candle's impossible values; empty where it is possible.
        broken_by: date and words of the first impossible candle that the window reaches.
        outage: the first run of candles without trades in the window that is too long.
        outage_missing: how many of them the file lacks.
        loaded_from: date of the first candle that the features were made of.
        warm_up: how many candles a window's first row needs, and how many there are.
        other: the first unknown candle of another pair or timeframe.
    """

    known: bool = True
    covered: Stretch | None = None
    missing: bool = False
    impossible: str = ""
    broken_by: tuple[int, str] | None = None
    outage: Stretch | None = None
    outage_missing: int = 0
    loaded_from: int | None = None
    warm_up: tuple[int, int] | None = None
    other: OtherGap | None = None


@dataclass(frozen=True)
class ModelFacts:
    """The model that predicted a candle, or should have.

    Attributes:
        trained_until: end of its training, seconds since 1970; None where it is not known.
        expired: whether it was too old.
        age_limit: `expiration_hours`; 0 for none.
        none_because: words on why there was no model; empty where there was one.
    """

    trained_until: int | None = None
    expired: bool = False
    age_limit: float = 0.0
    none_because: str = ""


@dataclass(frozen=True)
class Limit:
    """How far a side was from being entered.

    Attributes:
        code: class code.
        value: its probability, as it is compared, or its quantile level.
        needed: the smallest that fires.
        by_share: name of the quantile levels that are compared; empty where probabilities are.
    """

    code: int
    value: float
    needed: float
    by_share: str = ""

    def __str__(self) -> str:
        kind = f"{self.by_share} " if self.by_share else ""
        return f"{CLASS_NAMES[self.code]} {kind}{self.value:.3f} of {self.needed:.3f}"


@dataclass(frozen=True)
class PredictionFacts:
    """A saved prediction, and the decision on it.

    Attributes:
        usable: whether it may be traded upon.
        decision: class code of the rule.
        limits: of SHORT and LONG.
        rule: the rule in words.
        problem: words on why nothing can be decided, such as a missing calibration.
        modes: names of the confidence modes whose thresholds would have fired.
    """

    usable: bool
    decision: int = HOLD
    limits: tuple[Limit, ...] = ()
    rule: str = ""
    problem: str = ""
    modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BotFacts:
    """Dealings of a running bot with a candle; of a backtest there are no such.

    Attributes:
        looked: whether it looked at the candle; None: not known.
        not_looked: words on why not, as far as is known.
        first: whether the candle was the pair's first after a start.
        awaited: words on the candles that were waited for; None: not known.
        arrived: whether a candle that was waited for arrived with this one.
        never_came: whether the candle files lack all of the awaited to this day.
    """

    looked: bool | None = True
    not_looked: str = ""
    first: bool = False
    awaited: str | None = None
    arrived: bool = False
    never_came: bool = False


@dataclass(frozen=True)
class Evidence:
    """The verdict of a track record at a candle.

    Attributes:
        blocks: whether it kept bot or backtest from entering; None: not known.
        verdict: in words.
    """

    blocks: bool | None
    verdict: str


@dataclass(frozen=True)
class LockFacts:
    """A lock that kept a pair from being entered.

    Attributes:
        words: on the lock.
        of_all: whether it is of all pairs.
        protection: freqtrade's name of the protection that made it; empty where none did.
    """

    words: str
    of_all: bool = False
    protection: str = ""


@dataclass(frozen=True)
class TradingFacts:
    """Positions, locks and money at the moment at which a candle could be entered upon.

    Attributes:
        entered: words on the trade that it became; empty where it became none.
        open_position: words on the pair's position that was open.
        lock: the one that ends last; None without any.
        slots: open positions and `max_open_trades`; None where they are not limited.
        stake: available balance and stake amount; None where they are not known.
        stake_problem: freqtrade's own words on the stake.
        end: whether the backtest enters nothing more.
        unfilled: words on an order that was not filled.
        refused: freqtrade's own words on another refusal.
    """

    entered: str = ""
    open_position: str = ""
    lock: LockFacts | None = None
    slots: tuple[int, int] | None = None
    stake: tuple[float, float] | None = None
    stake_problem: str = ""
    end: bool = False
    unfilled: str = ""
    refused: str = ""

    @property
    def ordered(self) -> bool:
        """Whether freqtrade made an order, so that its gates before that were open."""
        return bool(self.entered or self.unfilled)


@dataclass(frozen=True)
class CandleFacts:
    """All that is known of one candle of one pair.

    Attributes:
        pair: as freqtrade names it.
        second: date of the candle, seconds since 1970.
        candle_seconds: between two candles.
        market: the candle and its window.
        model: that predicted.
        prediction: None where there is none.
        bot: None of a backtest.
        evidence: None where entries waited for no verdict.
        can_short: whether shorts are made.
        trading: None where neither a result nor a database is there.
        no_trading: words on why there is none.
    """

    pair: str
    second: int
    candle_seconds: int
    market: MarketFacts
    model: ModelFacts = field(default_factory=ModelFacts)
    prediction: PredictionFacts | None = None
    bot: BotFacts | None = None
    evidence: Evidence | None = None
    can_short: bool = True
    trading: TradingFacts | None = None
    no_trading: str = ""

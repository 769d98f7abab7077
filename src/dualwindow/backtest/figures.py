"""Figures of trades after fees, as JSON and as lines; `after_fees` computes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dualwindow.backtest.equity_figures import Equity, ProfitGroup
from dualwindow.data.candles.price_steps import LARGE_STEP
from dualwindow.evaluation.bootstrap import Interval
from dualwindow.evaluation.evidence.verdict import EDGE, UNCLEAR, Evidence, Outcome, outcome_of
from dualwindow.evaluation.evidence.words import verdict_sentences
from dualwindow.runtime.counts import counted


@dataclass(frozen=True)
class Percent:
    """A figure in percent with the ends of its 95 % interval; None where days are too few."""

    value: float
    low: float | None
    high: float | None

    @property
    def interval(self) -> Interval | None:
        """The interval, where it is known."""
        if self.low is None or self.high is None:
            return None
        return Interval(self.value, self.low, self.high)

    def widened(self, factor: float) -> Percent:
        """The same value with an interval so many times as wide."""
        if self.low is None or self.high is None:
            return self
        low, high = (self.value + factor * (end - self.value) for end in (self.low, self.high))
        return Percent(self.value, low, high)

    def text(self, decimals: int) -> str:
        """Value and interval, such as `-0.083 % [-0.120, -0.041]`."""
        shown = f"{self.value:+.{decimals}f} %"
        if self.low is None or self.high is None:
            return f"{shown} [too few days]"
        return f"{shown} [{self.low:+.{decimals}f}, {self.high:+.{decimals}f}]"


@dataclass(frozen=True)
class ProfitFigures:
    """Profits of a series of trades in percent of one trade's stake, which stays the same.

    Attributes:
        hit_rate: share of trades with a profit after fees.
        mean_pct: mean profit a trade.
        total_pct: sum of the profits.
        drawdown_pct: largest fall of the running sum from its highest value so far, profits
            counted when a trade ends.
    """

    hit_rate: float
    mean_pct: Percent
    total_pct: Percent
    drawdown_pct: float

    def line(self) -> str:
        """The figures as text."""
        return (
            f"hit rate {self.hit_rate:.3f}, {self.mean_pct.text(3)} a trade, "
            f"{self.total_pct.text(1)} in all, drawdown {self.drawdown_pct:.1f} %"
        )


@dataclass(frozen=True)
class SideFigures:
    """The model's sides beside others at the same entries.

    Attributes:
        model: intervals clustered by day, as for the next two.
        always_long: every trade a LONG.
        always_short: every trade a SHORT, on spot as well, where it cannot be made.
        random: means over series of random sides; the intervals hold 95 % of the series.
        random_as_good_pct: percent of the series whose mean is at least the model's, over entries
            that were not turned.
        edge_pct: mean of the model's profit less the mean of both sides, the profit of a fair
            coin, over entries that were not turned; interval from days.
    """

    model: ProfitFigures
    always_long: ProfitFigures
    always_short: ProfitFigures
    random: ProfitFigures
    random_as_good_pct: float
    edge_pct: Percent

    def by_name(self) -> dict[str, ProfitFigures]:
        """Name of a row in tables to its figures, the model's first."""
        return {
            "model": self.model,
            "always LONG": self.always_long,
            "always SHORT": self.always_short,
            "random sides": self.random,
        }

    def lines(self) -> list[str]:
        """The figures as lines of text."""
        there = "at the same entries"
        return [
            f"model: {self.model.line()}",
            f"always LONG {there}: {self.always_long.line()}",
            f"always SHORT {there}: {self.always_short.line()}",
            f"random sides {there}: {self.random.line()}; "
            f"{self.random_as_good_pct:.1f} % of them did as well as the model",
            f"edge over a coin flip {there}: {self.edge_pct.text(3)} a trade",
        ]


@dataclass(frozen=True)
class WithTurns:
    """Trades that freqtrade's backtest makes of the same decisions.

    Attributes:
        trades: all of them.
        turned: those of them that are entered at the open of the candle in which the one before
            ended.
    """

    trades: int
    turned: int

    def line(self) -> str:
        """How they differ from trades without turns, as text; empty without a turn."""
        if not self.turned:
            return ""
        return (
            f"freqtrade's backtest makes {counted(self.trades, 'trade')} of these decisions, where "
            "its wallet, max_open_trades and --timeframe-detail leave them alone: "
            f"{counted(self.turned, 'is', 'are')} entered in the candle of an exit, at its open; "
            "such turns flatter, and are left out here"
        )


@dataclass(frozen=True)
class AfterFees:
    """Figures of the trades of one or more pairs.

    Attributes:
        pairs: number of pairs.
        trades: number of trades.
        turned: trades entered at the open of the candle in which the one before ended, as in
            freqtrade's backtest; they flatter every profit here.
        days: length of the candles, the longest pair's.
        by_side: class name to trades.
        by_reason: freqtrade's exit reason to trades.
        held_pct: percent of the candles from whose open on a position was held, over all pairs.
        turnover: value bought and sold, in stakes.
        turnover_a_day: the same a day.
        fees_pct: fees paid in all, percent of one stake.
        funding_pct: funding received in all, percent of one stake; negative where paid.
        fee_pct: fee of one side of a trade, percent of the price.
        slippage_pct: slippage of one side, percent of the price.
        leverage: factor in profits, fees, funding and turnover.
        sides: profits; None without a trade.
        price_step_share: price step as a share of the smallest barrier, the largest of any pair;
            None where it is not known.
        with_turns: the trades of freqtrade's backtest; None where these are not of a backtest.
        evidence: the verdict on the profits; None without a trade, and in figures of earlier
            versions.
        equity: the profits over time; None without a trade, and where it was not asked for.
        groups: kind (day, hour, pair, side, tag, exit reason) to profits; days and hours (UTC) are
            those of the entries.
    """

    pairs: int
    trades: int
    turned: int
    days: float
    by_side: dict[str, int]
    by_reason: dict[str, int]
    held_pct: float
    turnover: float
    turnover_a_day: float
    fees_pct: float
    funding_pct: float
    fee_pct: float
    slippage_pct: float
    leverage: float
    sides: SideFigures | None
    price_step_share: float | None = None
    with_turns: WithTurns | None = None
    evidence: Evidence | None = None
    equity: Equity | None = None
    groups: dict[str, list[ProfitGroup]] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """The verdict in three words; of an earlier version's figures from their intervals."""
        if self.evidence is not None:
            return self.evidence.outcome
        if self.sides is None:
            return UNCLEAR
        profit, edge = self.sides.model.mean_pct.interval, self.sides.edge_pct.interval
        return outcome_of(profit, edge, self.trades)

    def of_choices(self, choices: int) -> AfterFees:
        """The same trades as those of the best of so many thresholds on the same candles.

        The intervals of the model's profit and edge are widened; those of other sides, which were
        not chosen, stay.
        """
        if self.evidence is None or self.sides is None or choices == self.evidence.choices:
            return self
        evidence, sides = self.evidence.of_choices(choices), self.sides
        wider = evidence.wider_by
        model = replace(
            sides.model,
            mean_pct=sides.model.mean_pct.widened(wider),
            total_pct=sides.model.total_pct.widened(wider),
        )
        sides = replace(sides, model=model, edge_pct=sides.edge_pct.widened(wider))
        return replace(self, evidence=evidence, sides=sides)

    @property
    def step_warning(self) -> str:
        """A sentence where the price step is large against the barriers, else empty."""
        if self.price_step_share is None or self.price_step_share < LARGE_STEP:
            return ""
        return (
            f"The price step is {self.price_step_share:.2f} of the smallest barrier: stop losses "
            "are rounded to steps, and trades end elsewhere than labels."
        )

    @property
    def turn_note(self) -> str:
        """How many trades freqtrade's backtest makes, where they differ; else empty."""
        return self.with_turns.line() if self.with_turns else ""

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The figures as lines of text."""
        costs = f"after {self.fee_pct:g} % fee and {self.slippage_pct:g} % slippage a side"
        if self.sides is None:
            return [f"{costs}: no trade in {self.days:.1f} days", *self.verdict_lines()]
        predicted, ended = (
            ", ".join(f"{name} {count}" for name, count in counts.items())
            for counts in (self.by_side, self.by_reason)
        )
        turned = (
            f"{counted(self.turned, 'was', 'were')} entered in the candle of an exit at its open, "
            "as freqtrade's backtest has it, which flatters the profits; the edge leaves them out"
        )
        return [
            f"{costs}: {counted(self.trades, 'trade')} in {self.days:.1f} days ({predicted}; "
            f"{ended}), {self.held_pct:.1f} % of the time in a position",
            *([turned] if self.turned else []),
            *([self.turn_note] if self.turn_note else []),
            *([self.step_warning] if self.step_warning else []),
            *self.sides.lines(),
            f"turnover {self.turnover:.1f} stakes, {self.turnover_a_day:.1f} a day; "
            f"fees {self.fees_pct:.2f} %, funding {self.funding_pct:+.2f} % of a stake",
            *self.verdict_lines(),
        ]

    def _of_one_side(self) -> list[str]:
        """A caution where one side alone, at the same entries, did as well as what was found."""
        if self.outcome != EDGE or self.sides is None:
            return []
        model, rows = self.sides.model.mean_pct.value, self.sides.by_name()
        return [
            f"{name[0].upper()}{name[1:]} at the same entries made "
            f"{rows[name].mean_pct.value:+.3f} %, no less: this may be the market's way alone."
            for name in ("always LONG", "always SHORT")
            if rows[name].mean_pct.value >= model
        ]

    def verdict_lines(self) -> list[str]:
        """The verdict as one line of text."""
        if self.evidence is not None:
            return [" ".join([*verdict_sentences(self.evidence), *self._of_one_side()])]
        why = "" if self.sides else ": without a trade there is nothing to tell"
        return [f"{self.outcome.capitalize()}{why}."]


def verdict_sentence(figures: AfterFees | None) -> str:
    """The verdict in one sentence, with which trainings, evaluations and backtests end.

    None: no profits after fees are known.
    """
    if figures is None:
        return f"{UNCLEAR.capitalize()}: no profits after fees are known."
    if figures.evidence is not None:
        return verdict_sentences(figures.evidence)[0]
    return figures.verdict_lines()[0]

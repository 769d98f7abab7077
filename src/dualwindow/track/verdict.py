"""The verdict of a track record, and the decisions that it lets through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from dualwindow.models.identifier.traded import GateSpan
from dualwindow.runtime.counts import counted
from dualwindow.track.evidence import Evidence, Trades
from dualwindow.track.periods import Scoring

#: Codes of verdicts, as the column of the candle frame has them.
WORSE: Final = -1
TOO_EARLY: Final = 0
AS_PROMISED: Final = 1
EDGE_FOUND: Final = 2
WORDS: Final = {
    WORSE: "worse than promised",
    TOO_EARLY: "too early to tell",
    AS_PROMISED: "as promised",
    EDGE_FOUND: "edge found",
}

#: Column of a candle frame with the code of the verdict; one more takes a bot a third of a
#: millisecond a candle.
VERDICT_COLUMN: Final = "track_verdict"

#: Values of `dualwindow.trade_only_on_evidence`.
Demand = bool | Literal["strict"]


@dataclass(frozen=True)
class Verdict:
    """What a record shows after a period.

    Attributes:
        code: of `WORDS`.
        periods: with a trade.
        trades: paper trades.
        mean: mean profit of a trade, fraction of the price after costs; None without one.
        interval: 95 % confidence sequence of the mean, valid at every time.
        promise: mean of what validation promised for these trades; None where it is not known.
    """

    code: int
    periods: int
    trades: int
    mean: float | None
    interval: tuple[float, float]
    promise: float | None

    @property
    def words(self) -> str:
        """The verdict as it is told."""
        return WORDS[self.code]

    @property
    def text(self) -> str:
        """The verdict with its figures in one line.

        Example:
            >>> text = Verdict(AS_PROMISED, 9, 40, 0.0003, (-0.0004, 0.0011), 0.0005).text
            >>> text.split(" after")[0]
            'as promised: +0.030 % a trade'
        """
        if self.mean is None:
            return f"{self.words}: no paper trade has ended"
        low, high = (f"{100.0 * end:+.3f} %" for end in self.interval)
        promised = "unknown" if self.promise is None else f"{100.0 * self.promise:+.3f} %"
        return (
            f"{self.words}: {100.0 * self.mean:+.3f} % a trade after costs (95 % interval at any "
            f"time {low} to {high}), promised {promised}, by {counted(self.trades, 'paper trade')}"
        )


def code_of(evidence: Evidence) -> int:
    """The verdict on a record; one that is worse than promised is never told as an edge."""
    if evidence.is_worse:
        return WORSE
    if evidence.is_edge_found:
        return EDGE_FOUND
    return AS_PROMISED if evidence.is_kept else TOO_EARLY


def verdict_of(evidence: Evidence) -> Verdict:
    """The verdict with its figures, for evidence with an interval."""
    mean = evidence.profit / evidence.trades if evidence.trades else None
    return Verdict(
        code_of(evidence),
        evidence.periods,
        evidence.trades,
        mean,
        evidence.interval,
        evidence.promise,
    )


class Timeline:
    """The verdict at every candle, from the periods that had been settled by then.

    Bot and backtest both ask here; `with_interval` as in `Evidence`.
    """

    def __init__(self, scoring: Scoring, *, with_interval: bool = True) -> None:
        self._scoring = scoring
        self._evidence = Evidence(scoring.bounds, scoring.tolerance, with_interval=with_interval)
        self._from: list[int] = []
        self._codes: list[int] = [code_of(self._evidence)]

    @property
    def now(self) -> Verdict:
        """The last verdict with its figures."""
        return verdict_of(self._evidence)

    def add(self, period: int, trades: Trades) -> None:
        """Add a later period, of every pair its trades in the order of their decisions.

        Raises:
            ValueError: when the period does not follow the last one.
        """
        starts = self._scoring.counts_from(period)
        if self._from and starts <= self._from[-1]:
            raise ValueError(f"period {period} does not follow the last one")
        self._evidence.update(trades)
        self._from.append(starts)
        self._codes.append(code_of(self._evidence))

    def at(self, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) codes of the verdicts at (N,) candles, by their dates."""
        codes = np.array(self._codes)
        return np.asarray(codes[np.searchsorted(self._from, seconds, side="right")])

    def spans(self, demand: Demand) -> list[GateSpan]:
        """What `trade_only_on_evidence` lets in, from every change of the verdict on."""
        codes = np.array(self._codes)
        changed = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist()]
        firsts = [0, *self._from]
        closed = blocked(codes, demand)
        return [GateSpan(firsts[at], bool(closed[at]), WORDS[self._codes[at]]) for at in changed]


def blocked(codes: NDArray[np.int64], demand: Demand) -> NDArray[np.bool_]:
    """(N,) whether nothing may be entered, by the verdicts and `trade_only_on_evidence`.

    Example:
        >>> blocked(np.array([WORSE, TOO_EARLY, AS_PROMISED, EDGE_FOUND]), "strict").tolist()
        [True, True, True, False]
        >>> blocked(np.array([WORSE, TOO_EARLY, AS_PROMISED, EDGE_FOUND]), True).tolist()
        [True, False, False, False]
    """
    if demand == "strict":
        return np.asarray(codes != EDGE_FOUND)
    return np.asarray(codes == WORSE) if demand else np.zeros(len(codes), dtype=np.bool_)

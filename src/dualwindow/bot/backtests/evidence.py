"""The track record that a backtest would have had: what was known at the time, and no later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.models.identifier.traded import read_traded, write_gate
from dualwindow.track.claims import claimed_profits, read_promise
from dualwindow.track.evidence import ScoredTrade
from dualwindow.track.periods import Scoring, periods_of
from dualwindow.track.verdict import VERDICT_COLUMN, Demand, Timeline, blocked


class BacktestTrack:
    """Scores the decisions of all pairs of a backtest, and tells which may be entered.

    freqtrade lets every pair be predicted before the first is decided.

    Args:
        scoring: of the decisions.
        demand: the setting `trade_only_on_evidence`.
        record: of the bot whose predictions are backtested; None where the backtest makes its own.
    """

    def __init__(self, scoring: Scoring, demand: Demand, record: Path | None = None) -> None:
        self._claimed = {} if record is None else claimed_profits(record)
        self._scoring = scoring
        self._demand = demand
        #: Trades of a period, by their pairs.
        self._trades: dict[int, dict[str, list[ScoredTrade]]] = defaultdict(dict)
        self._noted: set[str] = set()
        self._timeline: Timeline | None = None

    def note(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Score the decisions on N candles of a pair with their predictions."""
        for scored in self._trades.values():
            scored.pop(pair, None)
        folders = getattr(strategy.freqai, "model_folders", {}).get(pair, ())
        read = [(first, read_promise(folder).profit) for first, folder in folders]
        promised = _Promises(self._claimed.get(pair, read))
        decisions = strategy.decision_rule.decide(frame)
        for period, trades in periods_of(frame, decisions, self._scoring):
            first = period * self._scoring.seconds
            self._trades[period][pair] = [
                ScoredTrade(
                    trade.profit, promised.at(first + trade.row * self._scoring.candle_seconds)
                )
                for trade in trades
            ]
        self._noted.add(pair)
        self._timeline = None

    def blocked(
        self, frame: pd.DataFrame, pair: str, _sides: NDArray[np.integer], strategy: IStrategy
    ) -> NDArray[np.bool_]:
        """(N,) where nothing may be entered; the frame gets the column of the verdict."""
        if pair not in self._noted:
            self.note(frame, pair, strategy)
        if self._timeline is None:
            self._timeline = self._settled()
            if (drawer := getattr(strategy.freqai, "dd", None)) is not None:
                write_gate(drawer.full_path, self._timeline.spans(self._demand))
        frame[VERDICT_COLUMN] = codes = self._timeline.at(utc_seconds(frame["date"]))
        return blocked(codes, self._demand)

    def _settled(self) -> Timeline:
        timeline = Timeline(self._scoring, with_interval=False)
        for period in sorted(self._trades):
            timeline.add(period, self._trades[period])
        return timeline


class ShownTrack:
    """What the backtest let in whose predictions a chart shows: it had scored all pairs.

    Args:
        folder: `user_data/models/<identifier>`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Nothing: a chart has one pair."""

    def blocked(
        self, frame: pd.DataFrame, _pair: str, _sides: NDArray[np.integer], _strategy: IStrategy
    ) -> NDArray[np.bool_]:
        """(N,) where the backtest let nothing in."""
        traded = read_traded(self._folder)
        if traded is None or not traded.gate:
            return np.zeros(len(frame), dtype=np.bool_)
        firsts = [span.first for span in traded.gate]
        blocks = np.array([False, *(span.blocks for span in traded.gate)])
        return np.asarray(blocks[np.searchsorted(firsts, utc_seconds(frame["date"]), side="right")])


class _Promises:
    """What was promised at a candle, by the first candle that each promise is of."""

    def __init__(self, promised: Sequence[tuple[int, float | None]]) -> None:
        self._from = [first for first, _ in promised]
        self._profits = [None, *(profit for _, profit in promised)]

    def at(self, seconds: int) -> float | None:
        """The promised profit of a trade; None where it is not known."""
        return self._profits[int(np.searchsorted(self._from, seconds, side="right"))]

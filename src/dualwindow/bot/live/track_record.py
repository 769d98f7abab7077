"""The track record of a running bot, fed by its strategy; it never keeps the bot from deciding."""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from freqtrade.persistence import Trade
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from dualwindow.bot.drawer_files import model_folder
from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.evaluation.evidence.drift import UNKNOWN_DRIFT
from dualwindow.models.identifier.drift import drift_in
from dualwindow.track.claims import model_sums, read_promise
from dualwindow.track.entries import Claim, Decision, TradeEntry
from dualwindow.track.opening import open_record
from dualwindow.track.periods import Scoring
from dualwindow.track.record import Settled, TrackRecord
from dualwindow.track.record_file import RECORD_NAME
from dualwindow.track.verdict import VERDICT_COLUMN, Demand, Timeline, blocked

logger = logging.getLogger(__name__)

#: Seconds between two looks at the trades that have ended, and between two equal warnings.
_HOUR: Final = 3600
#: What a record that has not been read since the start means with `trade_only_on_evidence`.
_WAITING: Final = "; nothing is entered until it can be read, as it may be worse than promised"


class LiveTrack:
    """Records the decisions of a running bot, settles them, and tells which may be entered.

    Args:
        config: freqtrade's configuration.
        scoring: of the decisions.
        demand: the setting `trade_only_on_evidence`.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        scoring: Scoring,
        demand: Demand,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = model_folder(config)
        self._scoring = scoring
        self._demand = demand
        self._clock = clock
        self._record: TrackRecord | None = None
        #: Of the record as it was last read; a disk that is full takes no verdict back.
        self._timeline = Timeline(scoring)
        #: Whether there is a record that has not been read since the start.
        self._unread = (self._folder / RECORD_NAME).is_file()
        #: Pairs and models whose files were held against their claims since the start.
        self._seen: set[tuple[str, Path]] = set()
        #: Date of the last candle at which the record could not be written.
        self._failed = -1
        self._warned = self._shared = self._trades_seen = float("-inf")

    def note(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """A backtest's part: nothing here."""

    def blocked(
        self, frame: pd.DataFrame, pair: str, sides: NDArray[np.integer], strategy: IStrategy
    ) -> NDArray[np.bool_]:
        """Record the newest candle's decision, and tell where nothing may be entered.

        Args:
            frame: N candles with predictions; gets the column of the verdict.
            pair: of the candles.
            sides: (N,) class codes of the strategy's decisions.
            strategy: that decides.
        """
        seconds = utc_seconds(frame["date"])
        newest = int(seconds[-1])
        self._survive(newest, lambda: self._settle(newest, strategy))
        frame[VERDICT_COLUMN] = codes = self._timeline.at(seconds)
        closed = blocked(codes, self._demand) | (self._unread and self._demand is not False)
        folders = getattr(strategy.freqai, "model_folders", {}).get(pair)

        def write() -> None:
            # Without a model there is nothing to be decided.
            if folders and not self._opened.is_decided(pair, newest):
                decision = decision_of(frame, newest, int(sides[-1]), is_blocked=bool(closed[-1]))
                self._decide(pair, decision, folders[-1][1], strategy.decision_rule)
            self._add_trades()

        self._survive(newest, write)
        return closed

    def _settle(self, newest: int, strategy: IStrategy) -> None:
        if self._record is not None and self._record.is_behind:
            self._close()
            if self._is_hourly(self._shared):
                self._shared = self._clock()
                logger.warning(
                    "another process writes to the track record in %s as well: give every bot a "
                    "freqai.identifier of its own",
                    self._folder,
                )
        settled = self._opened.settle(newest, lambda *of: self._candles(strategy, *of))
        if settled is not None:
            self._tell(settled, strategy)

    @property
    def _opened(self) -> TrackRecord:
        if self._record is None:
            self._record = open_record(self._folder, self._scoring, int(self._clock()))
            self._timeline, self._unread = self._record.timeline, False
        return self._record

    def _survive(self, newest: int, work: Callable[[], None]) -> None:
        """Log, once an hour, that a record cannot be written; the next candle is the next try.

        Where the file is locked, a bot waits once a candle, and not once for each pair.
        """
        if newest <= self._failed:
            return
        try:
            work()
        except (sqlite3.Error, SQLAlchemyError, OSError, ValueError, LookupError) as error:
            # What was in memory is read again, so that it is what the file holds.
            self._close()
            self._failed = newest
            if self._is_hourly(self._warned):
                self._warned = self._clock()
                logger.warning(
                    "the track record in %s cannot be written (%s): these candles are missing in "
                    "it; free disk space, or set the rights of the folder%s",
                    self._folder,
                    error,
                    _WAITING if self._unread and self._demand is not False else "",
                )

    def _is_hourly(self, last: float) -> bool:
        """Whether an hour has passed since a moment, or the clock was set back."""
        return not 0.0 <= self._clock() - last < _HOUR

    def _close(self) -> None:
        if self._record is not None:
            self._record.close()
        self._record = None

    def _decide(self, pair: str, decision: Decision, model: Path, rule: DecisionRule) -> None:
        """Write a decision, and its claim before it where the model or the rule is new."""
        claim, before = None, self._opened.claim_of(pair)
        is_new = not self._opened.is_claimed(pair, model.name, rule.summary())
        if before is not None and (pair, model) not in self._seen:
            # Another model may lie in a folder of the same name after a start.
            is_new |= dict(before.sums) != model_sums(model)
        if is_new:
            claim = claim_of(pair, decision.seconds, model, rule)
            if before is not None and before.model != model.name:
                self._tell_of_retraining(pair, model)
        self._opened.decide(pair, decision, claim)
        self._seen.add((pair, model))

    def _add_trades(self) -> None:
        """Write, once an hour, the trades of freqtrade's that have ended."""
        if not (self._is_hourly(self._trades_seen) and hasattr(Trade, "session")):
            return
        self._trades_seen = self._clock()
        since = pd.Timestamp(self._opened.trades_until, unit="s").to_pydatetime()
        ended = Trade.get_trades([Trade.is_open.is_(False), Trade.close_date >= since])
        # A trade that freqtrade closed without an order, by hand, has no profit.
        known = (trade for trade in ended if trade.close_profit is not None)
        self._opened.add_trades(trade_entry(trade) for trade in known)

    def _candles(self, strategy: IStrategy, pair: str, since: int) -> pd.DataFrame | None:
        """The bot's own candles of a pair from a date on, seconds since 1970."""
        frame = strategy.freqai.dd.historic_data.get(pair, {}).get(strategy.timeframe)
        if frame is None or not len(frame):
            return None
        last = int(utc_seconds(frame["date"].iloc[-1:])[0])
        # A year of candles holds dates of two kinds, whose conversion would take seconds.
        rows = max((last - since) // self._scoring.candle_seconds + 1, 0)
        return frame.tail(rows).reset_index(drop=True)

    def _tell_of_retraining(self, pair: str, model: Path) -> None:
        """Log the record's verdict so far when a pair's model is another one."""
        drift = drift_in(self._folder, {pair: model.name}, self._scoring.candle_seconds)[pair]
        logger.info(
            "track record at the retraining of %s: %s; %s",
            pair,
            self._opened.timeline.now.text,
            UNKNOWN_DRIFT if drift is None else drift.text,
        )

    def _tell(self, settled: Settled, strategy: IStrategy) -> None:
        """Log the verdict with the head of the chain; a changed one is sent to the user as well."""
        text = settled.after.text
        logger.info("track record: %s; head %s", text, settled.head.text)
        if settled.before.code != settled.after.code:
            strategy.dp.send_msg(
                f"Track record: {text} (before: {settled.before.words})", always_send=True
            )


def decision_of(frame: pd.DataFrame, seconds: int, side: int, *, is_blocked: bool) -> Decision:
    """The decision on the last candle of a frame, by the columns of its prediction."""
    return Decision(
        number=0,
        seconds=seconds,
        short=_last(frame, CLASS_NAMES[SHORT]),
        long=_last(frame, CLASS_NAMES[LONG]),
        side=side,
        do_predict=int(_last(frame, "do_predict")),
        blocked=is_blocked,
    )


def _last(frame: pd.DataFrame, name: str) -> float:
    """A column's last value; 0 where it is not known, as before a pair's first model."""
    value = float(frame[name].iat[-1]) if name in frame else 0.0
    return value if math.isfinite(value) else 0.0


def claim_of(pair: str, seconds: int, folder: Path, rule: DecisionRule) -> Claim:
    """What the model in a folder claims under a decision rule, from a candle on."""
    promise, limits = read_promise(folder), rule.thresholds.by_class()
    return Claim(
        pair=pair,
        number=0,
        seconds=seconds,
        model=folder.name,
        sums=model_sums(folder),
        rule=rule.summary(),
        thresholds={
            CLASS_NAMES[code]: float(rule.shares.get(code, limits[code])) for code in (SHORT, LONG)
        },
        firing=promise.firing,
        precision=promise.precision,
        profit=promise.profit,
        interval=promise.interval,
    )


def trade_entry(trade: Any) -> TradeEntry:
    """A trade of freqtrade's that has ended."""
    return TradeEntry(
        id=int(trade.id),
        pair=str(trade.pair),
        side=CLASS_NAMES[SHORT if trade.is_short else LONG],
        opened=int(trade.open_date_utc.timestamp()),
        closed=int(trade.close_date_utc.timestamp()),
        open_rate=float(trade.open_rate),
        close_rate=float(trade.close_rate),
        leverage=float(trade.leverage),
        profit=float(trade.close_profit),
        reason=str(trade.exit_reason),
        tag=str(trade.enter_tag or ""),
    )

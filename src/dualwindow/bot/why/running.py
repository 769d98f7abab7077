"""The facts of a running bot's candles: from its journal, predictions, database and log."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.bot.trades.account import Position
from dualwindow.bot.trades.entries import made_of
from dualwindow.bot.why.bot_records import (
    BotRecords,
    history_of,
    journal_parts,
    looked_at,
    session_of,
)
from dualwindow.bot.why.candles import market_of
from dualwindow.bot.why.facts import (
    BotFacts,
    CandleFacts,
    MarketFacts,
    ModelFacts,
    PredictionFacts,
    TradingFacts,
)
from dualwindow.bot.why.predictions import SavedDecisions
from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS, HOLD
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import DataError
from dualwindow.models.identifier.journal import JournalRow, TriedEntry

_EXPIRED: Final = 2
_COLUMNS: Final = (*CLASS_NAMES, *CONFIDENCE_COLUMNS)
#: Row in neither journal nor history.
_NONE: Final = -1


class RunningBot:
    """Everything that a bot left of one pair, to be asked about candle by candle.

    Raises:
        DataError: when it left nothing of the pair.
    """

    def __init__(self, records: BotRecords, pair: str) -> None:
        self.pair = pair
        self._records = records
        self._step = records.place.candle_seconds
        journal = records.journal
        rows = [] if journal is None else journal.rows.get(pair, [])
        self._rows: dict[int, JournalRow] = {row.second: row for row in rows}
        self._parts = journal_parts(records, rows)
        self._history = history_of(records, pair, before=rows[0].second if rows else None)
        looked = [*self._rows, *([] if self._history is None else looked_at(self._history))]
        if not looked:
            raise DataError(
                f"{records.place.folder} holds no predictions of {pair} by a bot; name another "
                "folder or pair"
            )
        self._first, self._last = min(looked), max(looked)
        #: The candle files.
        self.market = market_of(records.place, pair)
        tried = [] if journal is None else journal.entries.get(pair, [])
        #: Date of a candle to the entry that was begun on it.
        self.tried: dict[int, TriedEntry] = {entry.second: entry for entry in tried}
        account = records.account
        #: Date of a candle to the position that it became.
        self.made = {} if account is None else made_of(account, pair, tried)

    @property
    def seconds(self) -> NDArray[np.int64]:
        """(N,) dates of the candles from the first to the last that it looked at."""
        return np.arange(self._first, self._last + self._step, self._step, dtype=np.int64)

    @property
    def positions(self) -> list[Position]:
        """The pair's positions, orders that were not filled left out."""
        account = self._records.account
        found = [] if account is None else account.of_pair(self.pair)
        return [position for position in found if position.number is not None]

    def rule_of(self, second: int) -> DecisionRule | None:
        """The rule by which the bot decided on the candle of a date; None: it is not known."""
        part, _ = self._find(second)
        return None if part is None or second not in self._rows else part.rule

    def decision(self, second: int, rule: DecisionRule | None = None) -> int:
        """The bot's decision on the candle of a date, or that of another rule; HOLD without any."""
        part, row = self._find(second)
        noted = self._rows.get(second)
        if part is None or (noted is not None and noted.first):
            return HOLD
        if rule is None:
            return int(part.decisions[row])
        return int(rule.decide(part.frame.iloc[row : row + 1])[0])

    def row_of(self, second: int) -> JournalRow | None:
        """The journal's row of the candle of a date; None without one."""
        return self._rows.get(second)

    def at(self, second: int) -> CandleFacts:
        """The facts of the candle of a date, seconds since 1970."""
        part, row = self._find(second)
        noted = self._rows.get(second)
        prediction, flag = None, 0.0
        if part is not None:
            flag = float(part.do_predict[row])
        # FreqAI asks no model for a prediction that it knows to be too old.
        if part is not None and (noted is None or noted.model or flag == _EXPIRED):
            prediction = part.at(row)
            if noted is not None and noted.first:
                prediction = replace(prediction, usable=False)
        facts = CandleFacts(
            pair=self.pair,
            second=second,
            candle_seconds=self._step,
            market=_reached(self.market.at(second), second),
            model=self._model(noted, expired=flag == _EXPIRED, looked=part is not None),
            prediction=prediction,
            bot=self._bot(second, noted, looked=part is not None),
            evidence=self._records.gate.at(
                self.pair, second, session_of(self._records.journal, noted)
            ),
            can_short=self._can_short(noted),
            no_trading=self._records.no_account,
        )
        return replace(facts, trading=self._trading(second, _side(prediction)))

    def _find(self, second: int) -> tuple[SavedDecisions | None, int]:
        """Where the candle's prediction is: FreqAI's history counts before the journal begins."""
        for part in self._parts:
            if (row := part.row(second)) is not None:
                return part, row
        row = None if self._history is None else self._history.row(second)
        return (None, 0) if row is None else (self._history, row)

    def _bot(self, second: int, noted: JournalRow | None, *, looked: bool) -> BotFacts:
        if not looked:
            return BotFacts(looked=False, not_looked=self._absence(second))
        if noted is None:
            part, row = self._find(second)
            # FreqAI fills in zeros where the bot did not look, and where it could not predict.
            certain = part is not None and part.do_predict[row] != 0
            return BotFacts(looked=True if certain else None)
        awaited = [(name, date) for name, dates in noted.awaited.items() for date in dates]
        named = ", ".join(f"{name} of {utc_text(date)}" for name, date in awaited)
        was_waiting = bool(noted.awaited) or noted.arrived
        # Only a valid window has probabilities: FreqAI looks back over the old candles with a
        # pair's first prediction, and does not trade upon it.
        looked_back = not (noted.do_predict or was_waiting) and sum(noted.predicted[:3]) > 0
        return BotFacts(
            first=noted.first or looked_back,
            awaited=named and f"the candle of {named}",
            arrived=noted.arrived,
            never_came=bool(awaited)
            and all(self.market.lacks(name, date) for name, date in awaited),
        )

    def restarted(self, second: int) -> str:
        """Words on a start of the bot between the candles that it looked at around a date."""
        rows = self._rows.values()
        before = max((row for row in rows if row.second < second), key=_second, default=None)
        after = min((row for row in rows if row.second > second), key=_second, default=None)
        journal = self._records.journal
        if journal is None or before is None or after is None or before.session == after.session:
            return ""
        return (
            f"it was stopped after the candle of {utc_text(before.second)}, and started again at "
            f"{utc_text(int(journal.sessions[after.session].started))}"
        )

    def _absence(self, second: int) -> str:
        if second > self._last:
            return f"the newest candle that it looked at is that of {utc_text(self._last)}"
        return self.restarted(second) or (
            "it was stopped or busy, got no answer in time, or the pair was not in its whitelist"
        )

    def _model(self, noted: JournalRow | None, *, expired: bool, looked: bool) -> ModelFacts:
        limit = self._records.expiration
        if noted is None:
            return ModelFacts(expired=expired, age_limit=limit)
        if looked and not noted.model and not expired:
            return ModelFacts(none_because="the pair had no model yet: its first was in training")
        return ModelFacts(noted.model or None, expired, limit)

    def _can_short(self, noted: JournalRow | None) -> bool:
        session = session_of(self._records.journal, noted)
        return bool(session.get("can_short", self._records.place.settings.terms.can_short))

    def _trading(self, second: int, side: int | None) -> TradingFacts | None:
        account = self._records.account
        if account is None:
            return None
        noted, first = self._rows.get(second), min(self._rows, default=None)
        moment = None if noted is None else max(noted.decided, second + self._step)
        facts = account.at(self.pair, second, side, moment)
        if first is not None and second >= first:
            # The journal knows which candle an entry was of, the database when it was made.
            made = self.made.get(second)
            facts = replace(facts, entered="" if made is None else made.words)
        return facts if facts.entered or side is None else self._refused(second, facts)

    def _refused(self, second: int, facts: TradingFacts) -> TradingFacts:
        """The facts, with what log and journal tell of an entry that came to nothing."""
        log, begin = self._records.log, second + self._step
        refusal = None if log is None else log.first(self.pair, begin, begin + 2 * self._step)
        if refusal is not None:
            if refusal.kind == "stake":
                return replace(facts, stake_problem=refusal.words)
            if refusal.kind == "unfilled":
                return replace(facts, unfilled=refusal.words)
            return replace(facts, refused=refusal.words)
        tried = self.tried.get(second)
        if tried is not None:
            words = (
                f"an entry at {tried.rate:.10g} was begun at {utc_text(int(tried.tried))} and is "
                "in the database no more: it was not filled in unfilledtimeout, or the exchange "
                "refused it"
            )
            return replace(facts, unfilled=words)
        return facts


def _second(row: JournalRow) -> int:
    return row.second


def _reached(market: MarketFacts, second: int) -> MarketFacts:
    """The market as far as its files reach: a bot downloads candles at its start alone."""
    covered = market.covered
    if covered is not None and not covered[0] <= second <= covered[1]:
        return MarketFacts(known=False, covered=covered)
    if market.other is not None and not market.other.covered:
        return replace(market, other=None)
    return market


def _side(prediction: PredictionFacts | None) -> int | None:
    if prediction is None or not prediction.usable or prediction.decision == HOLD:
        return None
    return prediction.decision

"""Compares a dry run's decisions with those of a backtest, candle by candle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.bot.audit.differences import DECISION, DecisionFacts, Difference, cause_of
from dualwindow.bot.audit.replay import Replay
from dualwindow.bot.why.market import RawCandles
from dualwindow.bot.why.running import RunningBot
from dualwindow.columns import CANDLE_COLUMNS, CLASS_NAMES, HOLD
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import utc_text
from dualwindow.models.identifier.journal import Journal, JournalRow

_EXPIRED: Final = 2


@dataclass(frozen=True)
class Compared:
    """One pair of a dry run beside its replay.

    Attributes:
        bot: what it left.
        replay: the predictions of its candles and models.
        journal: of the bot.
        rule: of the backtest: that of the configuration now.
        window_size: candles.
        candle_seconds: between two candles.
        timeframe: of them.
    """

    bot: RunningBot
    replay: Replay
    journal: Journal
    rule: DecisionRule
    window_size: int
    candle_seconds: int
    timeframe: str

    @property
    def seconds(self) -> NDArray[np.int64]:
        """(N,) candles from the first that the bot could have traded to its last.

        What comes before is a start's own: until the first model is trained, and FreqAI has looked
        back with it.
        """
        rows = self.journal.rows.get(self.bot.pair, ())
        traded = [row.second for row in rows if row.do_predict]
        if not traded:
            return np.empty(0, dtype=np.int64)
        files = self.replay.raw.seconds
        first, last = max(traded[0], int(files[0])), min(rows[-1].second, int(files[-1]))
        return np.arange(first, last + 1, self.candle_seconds, dtype=np.int64)


def decision_differences(compared: Compared, seconds: NDArray[np.int64]) -> Iterator[Difference]:
    """The candles at which the two decide differently."""
    expected = _expected(compared, seconds)
    changed = _changed(compared)
    for at, wanted in zip(seconds.tolist(), expected.tolist(), strict=True):
        made = compared.bot.decision(at)
        if made == wanted:
            continue
        cause, words = cause_of(_facts(compared, at, made, changed))
        names = CLASS_NAMES[made], CLASS_NAMES[wanted]
        yield Difference(compared.bot.pair, at, DECISION, cause, *names, words)


def _expected(compared: Compared, seconds: NDArray[np.int64]) -> NDArray[np.int_]:
    """(N,) decisions of the backtest: every candle by the newest model that was trained by then."""
    expected = np.full(len(seconds), HOLD, dtype=np.int_)
    newest = [
        compared.replay.model_at(second, compared.candle_seconds) for second in seconds.tolist()
    ]
    for kept in compared.replay.models:
        rows = np.array([model is kept for model in newest], dtype=np.bool_)
        if rows.any():
            expected[rows] = compared.replay.decisions(kept, compared.rule, seconds[rows])
    return expected


def _facts(compared: Compared, second: int, made: int, changed: dict[int, str]) -> DecisionFacts:
    bot = compared.bot
    row, facts = bot.row_of(second), bot.at(second).bot
    if row is None or facts is None:
        series = f"{bot.pair} {compared.timeframe}"
        return DecisionFacts(
            looked=False,
            started=bot.restarted(second),
            missing=bot.market.lacks(series, second),
        )
    begin = second - (compared.window_size - 1) * compared.candle_seconds
    corrected = next((words for at, words in changed.items() if begin <= at <= second), "")
    waited = f"the bot waited for {facts.awaited}" if facts.awaited else ""
    if facts.arrived:
        waited = "a candle that was waited for had just arrived"
    return DecisionFacts(
        first=facts.first,
        waited=waited,
        expired=row.do_predict == _EXPIRED,
        own_model=_own_model(compared, row, made),
        own_rule=_own_rule(compared, second, made),
        corrected=corrected,
    )


def _own_model(compared: Compared, row: JournalRow, made: int) -> str:
    replay = compared.replay
    newest = replay.model_at(row.second, compared.candle_seconds)
    if newest is not None and newest.model.trained_until == row.model:
        return ""
    until = "none" if newest is None else utc_text(newest.model.trained_until)
    words = (
        f"the bot's model was trained until {utc_text(row.model) if row.model else 'no time'}, "
        f"that of a backtest until {until}"
    )
    own = replay.model_until(row.model)
    if own is None:
        return words
    at = np.array([row.second], dtype=np.int64)
    rule = compared.bot.rule_of(row.second) or compared.rule
    return words if int(replay.decisions(own, rule, at)[0]) == made else ""


def _own_rule(compared: Compared, second: int, made: int) -> str:
    now = compared.bot.decision(second, compared.rule)
    then = compared.bot.rule_of(second)
    if now == made or then is None:
        return ""
    return f"the bot decided by {then.summary()}, a backtest now by {compared.rule.summary()}"


def _changed(compared: Compared) -> dict[int, str]:
    """Dates of the candles that were others when the bot met them, with words on the change."""
    raw: RawCandles = compared.replay.raw
    rows = compared.journal.rows.get(compared.bot.pair, ())
    changed = {}
    for row in rows:
        at = int(np.searchsorted(raw.seconds, row.second))
        if at >= len(raw.seconds) or raw.seconds[at] != row.second or row.awaited:
            continue
        now = tuple(float(raw.frame[name].iloc[at]) for name in CANDLE_COLUMNS[1:])
        if now != row.candle:
            name = next(
                name
                for name, one, other in zip(CANDLE_COLUMNS[1:], row.candle, now, strict=True)
                if one != other
            )
            place = CANDLE_COLUMNS.index(name) - 1
            changed[row.second] = (
                f"the candle of {utc_text(row.second)} had a {name} of {row.candle[place]:.10g} "
                f"then, and has {now[place]:.10g} in the file"
            )
    return changed

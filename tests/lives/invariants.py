"""What holds in every life, each promise once; the first ones are about one decision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dualwindow.bot.newest_candle import PATIENCE
from dualwindow.errors import ModelFileError
from dualwindow.models.fingerprint import read_binding
from dualwindow.models.manifest import bound_to, check_manifest
from tests.lives.bot import PERIODS, WINDOW, Analysis
from tests.lives.market import BEGIN, HOUR
from tests.lives.oracle import expected, model_in
from tests.lives.training import zip_sum
from tests.makers.impossible import slow_impossible

if TYPE_CHECKING:
    from tests.lives.life import Life

#: How far an exchange's clock may be ahead of the bot's, seconds.
_AHEAD: Final = 30
Found = Iterator[str]


def _nothing(*_of: object) -> Found:
    return iter(())


@dataclass(frozen=True)
class Invariant:
    """A promise, and how it is looked after.

    Attributes:
        name: of it.
        promise: in words.
        of_analysis: a life and an analysis to what breaks it.
        after_step: a life to what breaks it.
    """

    name: str
    promise: str
    of_analysis: Callable[[Life, Analysis], Found] = _nothing
    after_step: Callable[[Life], Found] = _nothing


def _usable(found: Analysis) -> bool:
    """Whether something may be entered upon an analysis."""
    return found.do_predict == 1 or found.enters is not None


def sound_window(_life: Life, found: Analysis) -> Found:
    if not _usable(found):
        return
    window = found.handed.tail(WINDOW).reset_index(drop=True)
    if any(bad := slow_impossible(window)):
        yield f"{found.pair} row {found.row}: candle {bad.index(True)} of the window is impossible"


def complete_candles(life: Life, found: Analysis) -> Found:
    if not _usable(found):
        return
    end = BEGIN + (found.row + 1) * HOUR
    if end > found.now + _AHEAD:
        yield f"{found.pair} row {found.row} ends {end - found.now:.0f} s from now"
    if found.row >= life.clock.hour and life.clock.wrong_by < HOUR - _AHEAD:
        yield f"{found.pair} row {found.row} is forming"
    told = life.market.told[found.pair]
    columns = ("open", "high", "low", "close", "volume")
    for back, candle in enumerate(found.handed.tail(WINDOW).iloc[::-1].itertuples()):
        row = (int(candle.date.timestamp()) - BEGIN) // HOUR
        values = told.get(row)
        if row >= life.clock.hour:
            continue  # see above: by a clock that is an hour ahead it has closed
        if values is None:
            if back < PATIENCE:
                yield f"{found.pair} row {found.row}: {back} before it was never delivered"
        # Prices that are not known freqtrade has filled before a strategy sees them.
        elif not any(map(math.isnan, itertools.chain(*values))):
            for place, name in enumerate(columns):
                if getattr(candle, name) not in {value[place] for value in values}:
                    yield f"{found.pair} row {row}: its {name} was never delivered"


def fresh_model(_life: Life, found: Analysis) -> Found:
    if not _usable(found) or found.folder is None:
        return
    hours = found.bot.config["freqai"]["expiration_hours"]
    trained_until = found.trained_until
    if found.folder.is_dir():
        trained_until = model_in(found.folder).trained_until
    age = (found.now - trained_until) / HOUR
    if age > hours:
        yield f"{found.pair} row {found.row}: its model is {age:.1f} hours old, of {hours}"


def own_model(life: Life, found: Analysis) -> Found:
    if found.enters is not None and found.folder is None:
        yield f"{found.pair} row {found.row}: entered without a model"
    if found.folder is None or not found.folder.is_dir():
        return
    if not life.ledger.is_new(found):
        return
    try:
        check_manifest(found.folder)
    except ModelFileError as error:
        yield f"{found.pair}: {error}"
        return
    binding, of_folder = bound_to(found.folder), read_binding(found.folder.parent)
    if binding.get("pair") != found.pair:
        yield f"{found.pair}: its model is of {binding.get('pair')}"
    if of_folder is None or binding.get("settings") != of_folder["fingerprint"]:
        yield f"{found.pair}: its model is of other settings"
    known = life.ledger.sums.get((found.folder.parent.name, found.folder.name))
    if zip_sum(found.folder) != known:
        yield f"{found.pair}: its model is none that a training has ended with"


def warmed_up(_life: Life, found: Analysis) -> Found:
    if _usable(found) and found.is_first:
        yield f"{found.pair} row {found.row}: entered upon the first candle after a start"
    rows = len(found.handed)
    held = found.bot.model.dd.historic_data.get(found.pair, {}).get("1h", ())
    if _usable(found) and max(rows, len(held)) < WINDOW + max(PERIODS) - 1:
        yield f"{found.pair} row {found.row}: entered with {rows} candles"


def as_backtest(life: Life, found: Analysis) -> Found:
    if found.folder is None or found.frame is None or not found.folder.is_dir():
        return
    if found.do_predict != 1:
        is_first = found.is_first or found.is_first_predicted
        waits = is_first or found.do_predict != 0 or not life.is_calm(found)
        if not waits and expected(found).is_valid:
            yield f"{found.pair} row {found.row}: a valid window was not predicted"
        return
    wanted, last = expected(found), found.frame.iloc[-1]
    if not wanted.is_valid:
        yield f"{found.pair} row {found.row}: predicted upon a window that is not valid"
        return
    got = np.array([last["SHORT"], last["HOLD"], last["LONG"]], np.float64)
    if np.abs(got - wanted.probabilities).max() > 1e-5:
        backtest = wanted.probabilities
        yield f"{found.pair} row {found.row}: {got} is predicted, {backtest} in a backtest"
    side = int(last["decision"]) + 1
    if side != wanted.side:
        yield f"{found.pair} row {found.row}: the side is {side}, {wanted.side} in a backtest"
    enters = {2: "long", 0: "short"}.get(side)
    if found.enters not in (enters, None):
        yield f"{found.pair} row {found.row}: enters {found.enters}, and decided {enters}"
    is_blocked = found.bot.config["dualwindow"]["trade_only_on_evidence"] is not False
    if found.enters != enters and not is_blocked and life.is_calm(found):
        yield f"{found.pair} row {found.row}: does not enter {enters}"


def survives(_life: Life, found: Analysis) -> Found:
    if found.error is not None and not (found.failed_writes and isinstance(found.error, OSError)):
        yield f"{found.pair} row {found.row}: {type(found.error).__name__}: {found.error}"


def starts(life: Life) -> Found:
    if life.bot is None and life.last == "room" and not life.was_killed:
        yield f"nothing is wrong outside, and the bot does not start: {life.ledger.refused}"


DECISIONS: Final = (
    Invariant("sound window", "no entry where a candle of the window is impossible", sound_window),
    Invariant(
        "complete candles",
        "no entry while a newest candle has not been delivered, has not closed, or is another",
        complete_candles,
    ),
    Invariant("fresh model", "no entry by an expired model", fresh_model),
    Invariant(
        "own model",
        "no prediction by a model of another pair or other settings, or a damaged one",
        own_model,
    ),
    Invariant(
        "warmed up",
        "no entry before the features are known, nor upon the first candle after a start",
        warmed_up,
    ),
    Invariant(
        "as backtest",
        "the decision is that of a backtest with the same candles and model",
        as_backtest,
    ),
    Invariant("survives", "no fault outside ends a bot or an analysis", survives, starts),
)

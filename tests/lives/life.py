"""A life: a plan that is lived, step by step, with every invariant checked after each."""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from freqtrade.configuration import TimeRange
from freqtrade.data.history.history_utils import _download_pair_history
from freqtrade.exceptions import FreqtradeException

from tests.lives import steps
from tests.lives.bot import TRAINED, Analysis, LivedBot
from tests.lives.disk import Disk, Killed
from tests.lives.exchange import TIMEFRAME, LivedExchange
from tests.lives.ledger import Ledger
from tests.lives.market import BTC, ETH, HISTORY, HOUR, Market
from tests.lives.plan import Plan, Step
from tests.lives.training import Trainings
from tests.lives.world import Clock, open_handles, world

#: Kinds of steps in which nothing outside goes wrong.
_CALM = frozenset({"live", "busy", "train", "meanwhile", "stop", "room"})
#: Candles, longer than a window with its averages looks back.
CALM = 20


@dataclass
class Breach:
    """A promise that was not kept.

    Attributes:
        invariant: its name.
        problem: what was found.
        step: number of the step after which it was, from 0.
    """

    invariant: str
    problem: str
    step: int


@dataclass
class Lived:
    """What became of a plan."""

    plan: Plan
    digest: str
    candles: int
    analyses: int
    trainings: int
    starts: int
    entries: int
    breach: Breach | None = None
    story: list[str] = field(default_factory=list)


class Life:
    """The state of a life between two steps; `live` makes one and runs it."""

    def __init__(
        self, plan: Plan, home: Path, config: dict[str, Any], begin: int = HISTORY
    ) -> None:
        self.plan, self.home = plan, home
        self.base = config
        self.config = copy.deepcopy(config)
        self.market = Market(plan.seed)
        self.clock = Clock(begin)
        self.disk = Disk(home / "user_data" / "models")
        self.ledger = Ledger()
        self.trainings = Trainings(self)
        self.exchange: LivedExchange | None = None
        self.bot: LivedBot | None = None
        self.second: LivedBot | None = None
        self.list = [BTC] if plan.is_brief and plan.seed % 2 else [BTC, ETH]
        self.seen_list = list(self.list)
        self.fails: deque[str] = deque()
        self.silent: deque[str] = deque()
        self.ahead: dict[str, deque[int]] = {}
        #: Of the step that has just been lived.
        self.analyses: list[Analysis] = []
        self.problems: list[tuple[str, str]] = []
        self.was_killed = self.has_started = self.step_failed = self.second_was = False
        #: The kind of the last step.
        self.last = ""
        #: Hour since which nothing has gone wrong outside.
        self.calm_since = begin
        self.handles = open_handles()
        self.starts = self.total = self.entries = 0
        self.story: list[str] = []
        self._sum = hashlib.sha256()

    def note(self, *about: Any) -> None:
        """Add to the digest of the life."""
        self._sum.update(repr(about).encode())

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()

    @property
    def folder(self) -> Path:
        """`user_data/models/<identifier>`."""
        return self.disk.folder / str(self.config["freqai"]["identifier"])

    def start(self) -> bool:
        """Start the bot; whether it did not refuse."""
        assert self.bot is None
        self.has_started = True
        self.starts += 1
        try:
            self.bot = self.made_bot()
        except (FreqtradeException, OSError) as error:
            self.note("refused", type(error).__name__)
            self.ledger.refused = str(error)
            if "its models were made with" not in str(error):
                return False
            # The way out that the refusal names.
            self.config["freqai"]["identifier"] = f"lives-{self.starts}"
            return self.start()
        self.ledger.refused = ""
        # As a bot does: the candle that closed last may be the one before the stop.
        self.look(self.bot)
        return True

    def made_bot(self) -> LivedBot:
        exchange = LivedExchange(self.config, self.market)
        exchange.hour, exchange.ahead = self.clock.hour, self.ahead
        exchange.fails, exchange.silent = self.fails, self.silent
        bot = LivedBot(self.config, exchange, lambda: list(self.list), self.clock.monotonic)
        self.trainings.watch(bot)
        return bot

    def end(self, bot: LivedBot | None) -> None:
        if bot is not None:
            bot.close()
        if bot is self.bot:
            self.bot = None
        if bot is self.second:
            self.second = None

    def download(self, provider: Any, config: dict[str, Any]) -> None:
        """freqtrade's download for a start, of a pair's own candles."""
        now = int(self.clock.now)
        wanted = TimeRange("date", None, now - (TRAINED + 40) * HOUR, 0)
        Path(config["datadir"], "futures").mkdir(parents=True, exist_ok=True)
        for pair in config["pairs"]:
            _download_pair_history(
                pair,
                datadir=Path(config["datadir"]),
                exchange=provider._exchange,
                timeframe=TIMEFRAME,
                timerange=wanted,
                candle_type=config["candle_type_def"],
            )

    def candle(self, *, looks: bool = True) -> None:
        """An hour passes; the bots look at the candle that has closed."""
        self.clock.pass_hour()
        for bot in (self.bot, self.second):
            if bot is not None and looks:
                self.look(bot)

    def look(self, bot: LivedBot) -> None:
        bot.exchange.hour = self.clock.hour
        pairs = list(self.list)
        bot.exchange.refresh(pairs)
        for pair in pairs:
            failed = self.disk.failed
            found = bot.analyse(pair)
            if found is None:
                continue
            self.seen_list = pairs
            found.failed_writes = self.disk.failed > failed
            found.now, found.bot = self.clock.now, bot
            self.total += 1
            self.entries += found.enters is not None
            self.analyses.append(found)
            self.note(pair, found.row, found.do_predict, found.enters, type(found.error).__name__)
            if found.frame is not None and found.folder is not None:
                last = found.frame[["SHORT", "HOLD", "LONG"]].iloc[-1].to_numpy(np.float64)
                self.note(last.tobytes())
            for check in self.checks:
                self.problems += [(check.name, text) for text in check.of_analysis(self, found)]

    checks: tuple[Any, ...] = ()
    raises = False

    def step(self, step: Step) -> None:
        """Live one step; a kill ends it early."""
        self.analyses, self.problems = [], []
        self.was_killed = self.has_started = self.second_was = self.trainings.turned = False
        failed, self.last = self.disk.failed, step.kind
        if step.kind not in _CALM:
            self.calm_since = self.clock.hour + step.count + step.back
        try:
            if self.bot is None:
                self.start()
            steps.LIVED[step.kind](self, step)
        except Killed:
            self.after_kill()
        self.step_failed = self.disk.failed > failed or self.was_killed
        if self.second is not None:
            self.second_was = True
        self.note(step.kind, self.clock.hour, self.starts, self.total)

    def is_calm(self, found: Analysis) -> bool:
        """Whether nothing outside has been wrong for longer than a window looks back."""
        rows = range(found.row - CALM, found.row + 1)
        told = self.market.told[found.pair]
        return (
            self.clock.hour - self.calm_since > CALM
            and not self.fails
            and not self.silent
            and not self.clock.wrong_by
            and not self.ahead.get(found.pair)
            and found.row == self.clock.hour - 1
            and all(len(told.get(row, ())) == 1 for row in rows)
        )

    def after_kill(self, hours: int = 0) -> None:
        """Throw everything away that was in memory, and start from the files."""
        self.was_killed = True
        for bot in (self.second, self.bot):
            self.end(bot)
        self.disk.as_killed()
        for _ in range(hours):
            self.clock.pass_hour()
        self.ledger.killed(self)
        self.start()


def live(
    plan: Plan,
    home: Path,
    config: dict[str, Any],
    checks: tuple[Any, ...],
    template: Callable[[Path], None] | None = None,
    *,
    begin: int = HISTORY,
    raises: bool = False,
) -> Lived:
    """Live a plan in an empty folder, to its end or to the first breach."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "user_data" / "models").mkdir(parents=True)
    if plan.begins_trained and template is not None:
        template(home)
    life = Life(plan, home, config, begin)
    life.checks, life.raises = checks, raises
    breach: Breach | None = None
    with world(life.clock, life.disk, life.download, checks_lookahead=plan.seed % 8 == 0):
        try:
            life.ledger.take_over(life)
            for number, step in enumerate((Step("room"), *plan.steps)):
                breach = _after(life, number - 1, step)
                if breach is not None:
                    break
        finally:
            for bot in (life.second, life.bot):
                life.end(bot)
    return Lived(
        plan,
        life.digest,
        life.clock.hour - begin,
        life.total,
        len(life.trainings.done),
        life.starts,
        life.entries,
        breach,
        life.story,
    )


def _after(life: Life, number: int, step: Step) -> Breach | None:
    try:
        life.step(step)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        life.story.append(f"{step}: {problem}")
        if life.raises:
            raise
        return Breach("survives", problem, number)
    life.story.append(str(step))
    for check in life.checks:
        life.problems += [(check.name, text) for text in check.after_step(life)]
    if life.problems:
        name, text = life.problems[0]
        return Breach(name, text, number)
    return None

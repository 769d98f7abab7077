"""What happens in a life: a list of steps, all of them drawn from one integer."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.lives.market import BTC, ETH, NEW
from tests.makers.impossible import IMPOSSIBLE

#: Lives of this seed and those after it have few steps, for `make test`.
BRIEF: Final = 1_000_000
#: The kinds of steps; `Step` tells what their numbers mean.
ANSWERS: Final = ("temporary", "ddos", "exchange", "empty", "permanent")
TROUBLES: Final = ("data", "runtime", "memory", "disk", "stopped")
DAMAGES: Final = ("flip", "cut", "empty")
SETTINGS: Final = ("thresholds", "barriers", "epochs", "expiration", "evidence", "back")
JUMPS: Final = (-90_000, -7_200, -600, -45, 45, 600, 7_200, 90_000)
LISTS: Final = ((BTC,), (BTC, ETH), (ETH, BTC), (BTC, NEW), (ETH,), (BTC, ETH, NEW))


@dataclass(frozen=True)
class Step:
    """One thing that happens.

    Attributes:
        kind: what.
        count: how many candles or hours, or how often, or the number of a write.
        pair: whose.
        what: which kind of it.
        back: how many candles ago, or ahead.
    """

    kind: str
    count: int = 0
    pair: str = ""
    what: str = ""
    back: int = 0

    def __str__(self) -> str:
        return TEXTS[self.kind].format(
            n=self.count, pair=self.pair.partition("/")[0], what=self.what, back=self.back
        )


#: A step as a line of a story.
TEXTS: Final = {
    "live": "{n} candles close, and the bot analyses each",
    "busy": "{n} candles close while the bot is busy, then it analyses the newest",
    "train": "the training thread trains what is due",
    "meanwhile": "the training thread trains, and {n} candles close before the model is saved",
    "trouble": "the next training fails: {what}",
    "late": "the next {n} candles of {pair} come {back} hours late",
    "missing": "the next {n} candles of {pair} are never delivered",
    "doubled": "the next {n} candles of {pair} come twice",
    "corrected": "the next {n} candles of {pair} are corrected {back} hours later",
    "impossible": "the next {n} candles of {pair} are impossible: {what}",
    "future": "the next {n} answers for {pair} hold a candle {back} hours ahead",
    "answer": "the next {n} answers of the exchange fail: {what}",
    "silence": "the next {n} questions for older candles fail: {what}",
    "clock": "the clock jumps by {n} seconds",
    "stop": "the bot stops in order and starts again {n} hours later",
    "kill": "the bot is killed and starts again {n} hours later",
    "kill_at": "the bot will be killed at the {n}th write from here",
    "full": "the disk will be full from the {n}th write on",
    "room": "the disk has room again",
    "list": "the whitelist is {what}",
    "delist": "the exchange delists {pair}",
    "settings": "the bot starts again with other settings: {what}",
    "damage": "the bot stops, a file of its models is damaged ({what}, number {n}), and it starts",
    "second": "a second bot works on the same folder for {n} candles",
}


@dataclass(frozen=True)
class Plan:
    """A life before it is lived.

    Attributes:
        seed: decides the market and the weights, and drew the steps.
        begins_trained: whether it begins with the models of another bot's training.
        steps: what happens.
    """

    seed: int
    begins_trained: bool
    steps: tuple[Step, ...]

    @property
    def is_brief(self) -> bool:
        """Whether it shall take little time."""
        return self.seed >= BRIEF


def draw(seed: int, candles: int = 0) -> Plan:
    """The plan of a seed; `candles` makes a long life of about so many."""
    own = random.Random(seed)
    makers, weights = zip(*_MAKERS, strict=True)
    count = own.randint(4, 12) if seed < BRIEF else own.randint(2, 4)
    steps = [Step("live", own.randint(1, 2))] if seed < BRIEF else []
    while len(steps) < count or _candles(steps) < candles:
        step = own.choices(makers, weights)[0](own)
        steps.append(step)
        if step.kind in ("kill_at", "full") and own.random() < 0.4:
            steps[-1:] = [Step("busy", 13), step, Step("train")]
        if own.random() < 0.5:
            steps.append(_quiet(own))
    steps += [Step("room"), Step("live", own.randint(2, 3) if seed < BRIEF else 1)]
    return Plan(seed, own.random() < 0.7, tuple(steps))


def _candles(steps: list[Step]) -> int:
    return sum(step.count for step in steps if step.kind in ("live", "busy", "stop", "kill"))


def _quiet(own: random.Random) -> Step:
    """Candles that pass; leaps bring a life forward in little time."""
    if own.random() < 0.5:
        return Step("live", own.choice((1, 2, 3)))
    return Step("busy", own.choice((2, 5, 13, 30, 55)))


def _pair(own: random.Random) -> str:
    return own.choice((BTC, BTC, ETH))


Maker = Callable[[random.Random], Step]


def _of_candles(kind: str, most: int = 3) -> Maker:
    def make(own: random.Random) -> Step:
        return Step(kind, own.randint(1, most), _pair(own), back=own.randint(1, 8))

    return make


def _of_kinds(kind: str, kinds: Any, most: int = 3) -> Maker:
    def make(own: random.Random) -> Step:
        return Step(kind, own.randint(1, most), _pair(own), own.choice(list(kinds)))

    return make


#: How each kind is drawn, and how often beside the others.
_MAKERS: Final[tuple[tuple[Maker, int], ...]] = (
    (_quiet, 6),
    (lambda _own: Step("train"), 9),
    (lambda own: Step("meanwhile", own.randint(1, 3)), 3),
    (_of_kinds("trouble", TROUBLES, 1), 2),
    (_of_candles("late"), 2),
    (_of_candles("missing"), 2),
    (_of_candles("doubled"), 1),
    (_of_candles("corrected"), 2),
    (_of_kinds("impossible", IMPOSSIBLE, 2), 3),
    (_of_candles("future"), 2),
    (_of_kinds("answer", ANSWERS, 4), 3),
    (_of_kinds("silence", ANSWERS, 4), 2),
    (lambda own: Step("clock", own.choice(JUMPS)), 1),
    (lambda own: Step("stop", own.choice((0, 0, 1, 5, 40))), 2),
    (lambda own: Step("kill", own.choice((0, 0, 1, 5, 40))), 1),
    (lambda own: Step("kill_at", own.choice((1, 2, 3, 5, 8, 13, 21, 34, 55))), 4),
    (lambda own: Step("full", own.choice((1, 2, 3, 5, 8, 13, 21, 34))), 2),
    (lambda _own: Step("room"), 1),
    (lambda own: Step("list", what=",".join(own.choice(LISTS))), 2),
    (lambda own: Step("delist", pair=_pair(own)), 1),
    (lambda own: Step("settings", what=own.choice(SETTINGS)), 2),
    (lambda own: Step("damage", own.randint(0, 40), what=own.choice(DAMAGES)), 1),
    (lambda own: Step("second", own.randint(1, 3)), 1),
)

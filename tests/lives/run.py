"""Lives in one process: a folder for them, the models that some begin with, and their stories."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.lives.bot import base_config
from tests.lives.breaches import Breach
from tests.lives.invariants import DECISIONS, Invariant
from tests.lives.kept import KEPT
from tests.lives.life import Lived, live
from tests.lives.market import HISTORY
from tests.lives.plan import Plan, Step, draw
from tests.lives.recorded import RECORDED
from tests.lives.shrink import shrunk

INVARIANTS: Final[tuple[Invariant, ...]] = (*DECISIONS, *KEPT, *RECORDED)


class Runner:
    """Lives lives, one after another, in a folder of its own."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.mkdtemp(prefix="lives-"))
        self._home = self._folder / "life"
        level = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        self._config = base_config(self._home / "user_data")
        logging.disable(level)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _trained(self) -> Path:
        """What a bot has left that trained both pairs; the same whoever makes it."""
        made = self._folder / "trained"
        plan = Plan(0, False, (Step("live", 1), Step("train"), Step("stop")))
        live(plan, self._home, self._config, (), begin=HISTORY - 2, raises=True)
        (self._home / "user_data").rename(made)
        return made

    def _begin(self, home: Path) -> None:
        shutil.rmtree(home / "user_data")
        shutil.copytree(self._trained, home / "user_data")

    def live(self, plan: Plan, *, raises: bool = False) -> Lived:
        """Live a plan with every invariant."""
        template = None
        if plan.begins_trained:
            assert self._trained.is_dir()
            template = self._begin
        return live(plan, self._home, self._config, INVARIANTS, template, raises=raises)

    def finds(self, breach: Breach, seeds: Iterable[int]) -> int | None:
        """The first of some seeds whose life finds a planted breach; None where none does."""
        assert self._trained.is_dir()
        for seed in seeds:
            with breach.plant():
                lived = self.seed(seed)
            if lived.breach is not None and lived.breach.invariant == breach.invariant:
                return seed
        return None

    def seed(self, seed: int, candles: int = 0) -> Lived:
        """Live the plan of a seed."""
        return self.live(draw(seed, candles))

    def shortest(self, lived: Lived, most: int = 200) -> Lived:
        """The shortest life found that breaks the same promise."""
        assert lived.breach is not None
        name = lived.breach.invariant
        best = lived

        def breaks(steps: tuple[Step, ...]) -> bool:
            nonlocal best
            tried = self.live(replace(lived.plan, steps=steps))
            is_same = tried.breach is not None and tried.breach.invariant == name
            if is_same:
                best = tried
            return is_same

        shrunk(lived.plan.steps[: lived.breach.step + 1], breaks, most)
        return best


def story(lived: Lived) -> str:
    """A life in some ten lines."""
    plan = lived.plan
    first = "with the models of an earlier bot" if plan.begins_trained else "without a model"
    lines = [f"seed {plan.seed}: a bot begins {first}"]
    lines += [f"  {number:2d}. {text}" for number, text in enumerate(lived.story[1:], 1)]
    if lived.breach is None:
        lines.append(f"  {lived.candles} candles, {lived.entries} entries, and every promise kept")
    else:
        lines.append(f"  broken: {lived.breach.invariant}: {lived.breach.problem}")
    lines.append(f"  digest {lived.digest}")
    return "\n".join(lines)


def figures(lives: Iterable[Lived]) -> dict[str, Any]:
    """Sums over lives."""
    names = ("candles", "analyses", "trainings", "starts", "entries")
    totals = dict.fromkeys(names, 0)
    for lived in lives:
        for name in names:
            totals[name] += getattr(lived, name)
    return totals

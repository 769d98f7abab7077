"""Lives of a bot, each decided by one integer; see `python -m tests.lives --promises`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lives.breaches import BREACHES, Breach
from tests.lives.plan import BRIEF, Step, draw
from tests.lives.run import INVARIANTS, Runner, story
from tests.lives.shrink import shrunk

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = [
    int(line.split()[0])
    for line in Path(__file__).with_name("seeds.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
#: Lives of a day, other ones the next, in so many parts for several workers.
WINDOW, PARTS = 300, 10


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    made = Runner(tmp_path_factory.mktemp("lives"))
    yield made
    made.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_is_kept_in_the_lives_that_once_broke_one(seed: int, runner: Runner) -> None:
    lived = runner.seed(seed)
    assert lived.breach is None, story(runner.shortest(lived))


@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_is_kept_in_todays_lives(part: int, runner: Runner) -> None:
    """A seed that fails is lived again with `python -m tests.lives --seed`."""
    day = datetime.now(UTC).toordinal() - datetime(2026, 1, 1).toordinal()
    first = BRIEF + day * WINDOW + part * (WINDOW // PARTS)
    for seed in range(first, first + WINDOW // PARTS):
        lived = runner.seed(seed)
        assert lived.breach is None, f"{story(lived)}\nreplay: python -m tests.lives --seed {seed}"


@pytest.mark.parametrize("seed", [3, 18])
def test_a_seed_is_lived_again_bit_for_bit(seed: int) -> None:
    """In other processes, whose sets and dictionaries are in another order."""

    def printed(order: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.lives", "--seed", str(seed)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": order},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split("digest")[1]

    assert printed("1") == printed("2")


def test_a_plan_is_shrunk_to_the_steps_that_break_a_promise() -> None:
    steps = (*draw(1).steps, Step("live", 9), Step("kill", 40), *draw(2).steps)

    def breaks(tried: tuple[Step, ...]) -> bool:
        kinds = [step.kind for step in tried if step.count >= 4]
        return "live" in kinds and "kill" in kinds[kinds.index("live") :]

    assert shrunk(steps, breaks) == (Step("live", 4), Step("kill", 5))


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.invariant)
def test_a_planted_breach_of_a_promise_is_found(breach: Breach, runner: Runner) -> None:
    """Within one life here; `--breaches` looks through as many seeds as are asked for."""
    assert runner.finds(breach, [breach.seed]) == breach.seed
    assert runner.seed(breach.seed).breach is None


def test_every_promise_has_a_planted_breach() -> None:
    assert {breach.invariant for breach in BREACHES} == {own.name for own in INVARIANTS}

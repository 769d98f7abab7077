"""`python -m tests.lives`: live many lives on all cores, or one of them again.

The seeds of lives that break a promise are printed with their shortest story; then the status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Final

from tests.lives.breaches import BREACHES
from tests.lives.life import Lived
from tests.lives.plan import draw
from tests.lives.run import INVARIANTS, Runner, figures, story

#: Seconds between two lines of progress.
_BETWEEN: Final = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Live what is asked for; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.lives", description=__doc__)
    parser.add_argument("--seed", type=int, help="live this one alone, and tell its story")
    parser.add_argument("--candles", type=int, default=0, help="about so many candles a life")
    parser.add_argument("--first", type=int, default=0, help="first seed of many")
    parser.add_argument("--count", type=int, default=300, help="how many")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--promises", action="store_true", help="list what is looked after")
    parser.add_argument("--breaches", action="store_true", help="break each promise on purpose")
    given = parser.parse_args(arguments)
    # pandas warns of what freqtrade calls.
    warnings.simplefilter("ignore")
    if given.promises:
        print("\n".join(f"{own.name}: {own.promise}" for own in INVARIANTS))
        return 0
    if given.seed is not None:
        return _one(given.seed, given.candles)
    if given.breaches:
        return _breaches(range(given.first, given.first + given.count))
    return _many(range(given.first, given.first + given.count), given.candles, given.workers)


def _one(seed: int, candles: int) -> int:
    runner = Runner()
    try:
        lived = runner.live(draw(seed, candles))
        print(story(lived))
        if lived.breach is None:
            return 0
        print("\nthe shortest life that breaks the same promise:")
        print(story(runner.shortest(lived)))
        return 1
    finally:
        runner.close()


def _breaches(seeds: range) -> int:
    """Tell by which seed a planted breach of each promise is found; 1 where one is not."""
    runner, missed = Runner(), 0
    try:
        for breach in BREACHES:
            seed = runner.finds(breach, seeds)
            missed += seed is None
            after = "not found" if seed is None else f"found by seed {seed}"
            print(f"{breach.invariant}: {breach.what}: {after}", flush=True)
    finally:
        runner.close()
    return int(missed > 0)


_runner: Runner | None = None


def _lived(task: tuple[int, int]) -> Lived:
    global _runner  # noqa: PLW0603 - one a process
    warnings.simplefilter("ignore")
    _runner = _runner or Runner()
    lived = _runner.seed(*task)
    # Only what broke a promise is told.
    return lived if lived.breach else replace(lived, story=[])


def lives(seeds: range, candles: int, workers: int) -> Iterator[Lived]:
    """The lives of some seeds, in their order."""
    tasks = [(seed, candles) for seed in seeds]
    if workers == 1:
        yield from map(_lived, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_lived, tasks, chunksize=4)


def _many(seeds: range, candles: int, workers: int) -> int:
    began = told = time.monotonic()
    broken: list[Lived] = []
    done: list[Lived] = []
    for lived in lives(seeds, candles, workers):
        done.append(lived)
        if lived.breach is not None:
            broken.append(lived)
            print(f"{lived.breach.invariant}: {lived.breach.problem}\n{story(lived)}", flush=True)
        if time.monotonic() - told > _BETWEEN:
            told = time.monotonic()
            rate = len(done) / (told - began)
            print(f"{len(done)} of {len(seeds)} lives, {rate:.1f} a second", flush=True)
    seconds = time.monotonic() - began
    totals = ", ".join(f"{value:,} {name}" for name, value in figures(done).items())
    print(f"{len(done)} lives in {seconds:.0f} s, {len(done) / seconds:.1f} a second: {totals}")
    if not broken:
        print(f"every promise was kept, seeds {seeds.start} to {seeds.stop - 1}")
        return 0
    print("\nreplay, with the shortest story:")
    for lived in broken:
        more = f" --candles {candles}" if candles else ""
        print(f"  python -m tests.lives --seed {lived.plan.seed}{more}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

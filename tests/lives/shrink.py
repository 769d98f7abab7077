"""The shortest life that still breaks a promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.lives.plan import Step

Steps = tuple[Step, ...]


def shrunk(steps: Steps, breaks: Callable[[Steps], bool], most: int = 200) -> Steps:
    """Leave out steps, then make their numbers smaller, while `breaks` stays true.

    Args:
        steps: that break a promise.
        breaks: whether others do.
        most: how often it is asked.
    """
    asked = 0

    def still(tried: Steps) -> bool:
        nonlocal asked
        asked += 1
        return asked <= most and breaks(tried)

    part = max(len(steps) // 2, 1)
    while part and asked < most:
        start, before = 0, steps
        while start < len(steps):
            tried = steps[:start] + steps[start + part :]
            if tried and still(tried):
                steps = tried
            else:
                start += part
        if part == 1 and steps == before:
            break
        part = max(part // 2, 1)
    for place, step in enumerate(steps):
        while step.count > 1:
            smaller = replace(step, count=step.count // 2)
            tried = (*steps[:place], smaller, *steps[place + 1 :])
            if not still(tried):
                break
            steps, step = tried, smaller  # noqa: PLW2901 - the smaller one may shrink again
    return steps

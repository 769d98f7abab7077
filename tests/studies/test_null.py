"""What the page says of random walks follows from their figures."""

from __future__ import annotations

from typing import Any

import pytest

from studies import null

SKILL = {"value": 0.01, "low": -0.02, "high": 0.03}


def walk(
    seed: int, low: float, high: float, verdict: str, *, found: bool = False
) -> dict[str, Any]:
    return {
        "seed": seed,
        "trades": 1500,
        "profit_pct": -0.1,
        "edge_pct": {"value": (low + high) / 2, "low": low, "high": high},
        "skill": {"total": SKILL, "calm": SKILL, "direction": {**SKILL, "value": None}},
        "verdict": verdict,
        "found": found,
    }


def page(*walks: dict[str, Any]) -> str:
    scale = {"days": {"train": 60, "test": 80}, "settings": {}}
    return "\n".join(null.lines({"scale": scale, "walks": list(walks)}))


@pytest.mark.parametrize(
    ("low", "high", "covered"),
    [(-0.01, 0.03, True), (0.0, 0.02, True), (-0.02, 0.0, True), (0.001, 0.02, False),
     (-0.02, -0.001, False)],
)  # fmt: skip
def test_an_interval_covers_zero_up_to_its_ends(low: float, high: float, covered: bool) -> None:
    assert null.covers_zero({"value": 0.0, "low": low, "high": high}) == covered


def test_the_page_counts_intervals_and_verdicts_and_says_where_they_fall_short() -> None:
    silent = "It is calm. No direction found: do not trade this."
    good = [walk(seed, -0.02, 0.04, silent) for seed in range(9)]
    enough = page(*good, walk(9, 0.01, 0.03, silent))
    assert "covers zero in 9 of 10 (at least 90% wanted: yes)" in enough
    assert "the mean edge is +0.011 %" in enough
    assert "'no direction found' in 10 of 10 (all wanted: yes); it calls 0 worth a look" in enough
    loud = walk(10, 0.01, 0.03, "Direction found.", found=True)
    short = page(*good[1:], walk(9, -0.03, -0.01, silent), loud)
    assert "covers zero in 8 of 10 (at least 90% wanted: **no**)" in short
    assert "in 9 of 10 (all wanted: **no**); it calls 1 worth a look" in short
    assert short.splitlines()[-1].endswith("| unknown | **no** |")

"""The verdict's error rate and power, small: seeded markets, and a page that follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.evaluation.evidence.verdict import EDGE, NO_EDGE, UNCLEAR
from studies import verdict
from studies.markets import Days
from studies.null_markets import NULL_KINDS, REAL, null_market, without_direction

MADE_UP = [kind for kind in NULL_KINDS if kind != REAL]
SMALL = verdict.Scale(days=Days(3, 12), lengths=(12,), planted_days=30, planted_lengths=(10, 30))


def test_where_nothing_is_hardly_an_edge_is_found_and_intervals_hold() -> None:
    """Fifteen markets of three kinds; the study has hundreds."""
    rows = [verdict.null(kind, seed, SMALL)["free"][0] for kind in MADE_UP for seed in range(1, 6)]
    assert sum(row["outcome"] == EDGE for row in rows) <= 2
    held = [row["covers"] for row in rows if row["covers"] is not None]
    assert len(held) > 10
    assert np.mean(held) >= 0.8
    assert all(row["outcome"] != EDGE for kind in MADE_UP for row in _paid(kind))


def _paid(kind: str) -> list[dict[str, Any]]:
    return [row for row in verdict.null(kind, 1, SMALL)["fees"] if row["trades"]]


def test_a_strong_edge_is_found_and_sooner_where_trades_are_many() -> None:
    found = [verdict.drift(0.12, seed, SMALL) for seed in (1, 2, 3)]
    for market in found:
        assert [row["outcome"] for row in market["always"]] == [EDGE, EDGE]
        assert market["few"][-1]["trades"] < market["always"][-1]["trades"]
        for often, seldom in zip(market["always"], market["few"], strict=True):
            assert seldom["detectable"] > often["detectable"]


def test_who_always_pays_more_than_a_coin_flip_earns_is_told_so() -> None:
    rows = verdict.drift(0.0, 1, SMALL)["always"]
    assert rows[-1]["outcome"] == NO_EDGE


@pytest.mark.parametrize("kind", MADE_UP)
def test_a_market_is_a_function_of_its_kind_and_seed(kind: str) -> None:
    one, again, other = (null_market(kind, seed, Days(1, 1)).candles for seed in (3, 3, 4))
    assert one.equals(again)
    assert not one["close"].equals(other["close"])
    assert (one["high"] >= one[["open", "close"]].max(axis=1)).all()
    assert (one["low"] <= one[["open", "close"]].min(axis=1)).all()


def test_the_sides_of_whole_days_are_swapped_and_nothing_else() -> None:
    dates = null_market(MADE_UP[0], 1, Days(1, 9)).candles["date"]
    decisions = np.random.default_rng(0).choice([SHORT, HOLD, LONG], len(dates))
    swapped = without_direction(REAL, decisions, dates, seed=6)
    assert ((swapped == HOLD) == (decisions == HOLD)).all()
    sided = decisions != HOLD
    by_day = (swapped != decisions)[sided], dates.dt.floor("D").to_numpy()[sided]
    shares = {float(by_day[0][by_day[1] == day].mean()) for day in np.unique(by_day[1])}
    assert shares == {0.0, 1.0}
    for kind in MADE_UP:
        assert (without_direction(kind, decisions, dates, seed=6) == decisions).all()


def row(outcome: str, days: int, profit: float, *, covers: bool = True) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "days": days,
        "profit": profit,
        "covers": covers,
        "trades": 20 * days,
        "detectable": 0.04,
    }


def page(alarms: int, missed: int, found: int) -> str:
    """The page of a hundred markets without an edge and ten with one."""
    nulls = [
        {
            "kind": "random walk",
            "seed": seed,
            "free": [row(EDGE if seed < alarms else UNCLEAR, 20, 0.0, covers=seed >= missed)],
            "fees": [row(NO_EDGE, 20, -0.1)],
        }
        for seed in range(100)
    ]
    planted = [
        {"strength": 0.04, "seed": seed, **dict.fromkeys(("always", "few"), rows)}
        for seed in range(10)
        for rows in [[row(EDGE if seed < found else UNCLEAR, days, 0.05) for days in (120, 240)]]
    ]
    scale = {"days": {"train": 20, "test": 20}, "network_days": {"train": 9}}
    figures = {"scale": scale, "settings": "none", "nulls": nulls, "networks": nulls[-48:]}
    return "\n".join(verdict.lines({**figures, "planted": planted}))


def test_the_page_states_where_figures_fall_short_of_what_is_wanted() -> None:
    good, short = page(1, 5, 9), page(6, 9, 7)
    assert "upper bound is 5.4% at the length with most of them (at most 8% wanted: yes)" in good
    assert "hold in 95.0% of the markets, the mean over lengths (at least 93% wanted: yes)" in good
    assert "0 false alarms of 48 without fees (at most 7.4%), 0 after fees" in good
    assert "| 20 | 400 | 95.0% | 1 of 100 | 5.4% | 0 | 100% | 0.040 % |" in good
    assert good.count("is found in 80% of the markets within 120 days: yes; it takes 120 days") == 2
    assert "(at most 8% wanted: **no**)" in short
    assert "(at least 93% wanted: **no**)" in short
    assert short.count("within 120 days: **no**; 240 days are not enough") == 2

"""Exits in hyperopt's parameter file are left out, and told where they are not the strategy's."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.bot.exits import without_exits


class Strategy:
    """What a strategy has of exits."""

    minimal_roi: ClassVar = {"0": 100}
    stoploss = -0.99
    trailing_stop = False


OWN: dict[str, Any] = {
    "roi": {"0": 100},
    "stoploss": {"stoploss": -0.99},
    "trailing": {"trailing_stop": False},
}
KEPT: dict[str, Any] = {"buy": {"threshold_long": 0.4}, "protection": {"cooldown": 3}}


def read(params: Any, caplog: pytest.LogCaptureFixture) -> tuple[dict[str, Any], str]:
    content = {"strategy_name": "Strategy", "params": params}
    with caplog.at_level(logging.WARNING):
        found = without_exits(content, "Strategy.json", Strategy)
    assert content["params"] is params
    return found, caplog.text


def test_the_strategys_own_exits_are_left_out_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, told = read({**KEPT, **OWN}, caplog)
    assert found == {"strategy_name": "Strategy", "params": KEPT}
    assert told == ""


@pytest.mark.parametrize(
    ("group", "exits", "text"),
    [
        ("roi", {"0": 0.02}, "(minimal_roi {'0': 0.02})"),
        ("stoploss", {"stoploss": -0.1}, "(stoploss -0.1)"),
        ("trailing", {"trailing_stop": True}, "(trailing_stop True)"),
        ("trailing", {"trailing_only": True}, "(trailing_only True)"),
    ],
)
def test_others_are_left_out_and_named(
    group: str, exits: dict[str, Any], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    found, told = read({**KEPT, **OWN, group: exits}, caplog)
    assert found["params"] == KEPT
    assert f"Strategy.json holds exits that are not the strategy's {text}" in told


def test_all_that_differ_are_named_together(caplog: pytest.LogCaptureFixture) -> None:
    params = {"roi": {"0": 0.02}, "stoploss": {"stoploss": -0.1}}
    found, told = read(params, caplog)
    assert found["params"] == {}
    assert "(minimal_roi {'0': 0.02}, stoploss -0.1)" in told


def test_a_file_without_exits_or_parameters_stays_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert read(KEPT, caplog)[0]["params"] == KEPT
    assert without_exits({"strategy_name": "Strategy"}, "Strategy.json", Strategy) == {
        "strategy_name": "Strategy",
        "params": {},
    }
    assert caplog.text == ""


@pytest.mark.parametrize("params", [None, 3, ["buy"], {"buy": 3}, {"roi": [0.02]}])
def test_what_holds_no_groups_of_values_is_refused_by_its_name(
    params: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(OperationalException, match=r"Strategy\.json is no parameter file"):
        read(params, caplog)

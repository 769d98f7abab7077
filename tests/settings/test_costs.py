"""Barriers and thresholds against costs: refused what cannot earn, warned of what hardly can."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.terms import TradeTerms
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import Side, fee_of
from dualwindow.settings.checks.whole import CheckedConfig, check_config
from dualwindow.settings.root_settings import RootSettings
from tests.settings.test_checks import shipped


def checked(mode: str = "futures", root: dict[str, Any] | None = None, **training: Any) -> Any:
    content = shipped(trading_mode=mode, dualwindow=root or {})
    content["freqai"]["model_training_parameters"] |= training
    return check_config(content, cores=2)


def text(found: CheckedConfig) -> str:
    return "\n".join((*found.problems, *found.warnings))


@pytest.mark.parametrize("take_profit", [0.0005, 1e-12, 0.001])
@pytest.mark.parametrize("side", ["long", "short"])
def test_a_take_profit_within_the_fees_is_refused_with_the_figures(
    side: str, take_profit: float
) -> None:
    (problem,) = checked(**{f"{side}_tp_pct": take_profit}).problems
    assert problem.startswith(f"{side}_tp_pct {take_profit:g} is not above the costs")
    assert "0.001 (twice 0.0005 fee)" in problem


def test_the_costs_are_those_of_the_configuration() -> None:
    tight = {"long_tp_pct": 0.0015, "short_tp_pct": 0.0015}
    assert checked(**tight).problems == ()
    (problem,) = checked("spot", **tight).problems
    assert "0.002 (twice 0.001 fee)" in problem
    assert checked("spot", {"evaluation_fee": 0.0}, **tight).problems == ()
    found = checked("futures", {"evaluation_slippage": 0.0005}, **tight)
    assert "0.0005 evaluation_slippage" in text(found)
    assert len(found.problems) == 2


def test_a_short_that_spot_never_trades_is_no_problem() -> None:
    assert checked("spot", short_tp_pct=0.0001, long_tp_pct=0.01).problems == ()


def test_what_hardly_earns_is_warned_of_with_the_precision_that_breaks_even() -> None:
    found = checked(long_tp_pct=0.0015, long_sl_pct=0.001)
    (warning,) = (line for line in found.warnings if line.startswith("long_tp_pct"))
    # (0.001 + 0.001) / (0.0015 + 0.001), and without costs 0.001 / 0.0025.
    assert "80% of the trades" in warning
    assert "by chance it is about 40%" in warning
    (far,) = checked(short_sl_pct=0.5).warnings
    assert "short_sl_pct 0.5" in far
    assert "98% of the trades" in far
    assert far.endswith("a smaller stop loss")


@pytest.mark.parametrize("stop", [1e-12, 0.0001, 0.0009])
@pytest.mark.parametrize("side", ["long", "short"])
def test_a_stop_loss_within_the_costs_is_warned_of_with_what_a_trade_loses(
    side: str, stop: float
) -> None:
    (warning,) = checked(**{f"{side}_sl_pct": stop}).warnings
    assert f"{side}_sl_pct {stop:g}" in warning
    assert f"loses {stop + 0.001:.4%}" in warning
    assert warning.endswith("a larger stop loss")
    assert checked(**{f"{side}_sl_pct": 0.001}).warnings == ()


def test_the_shipped_barriers_earn_without_a_word() -> None:
    for mode in ("futures", "spot"):
        assert (checked(mode).problems, checked(mode).warnings) == ((), ())


@pytest.mark.parametrize("stop", [0.91, 0.99999])
def test_a_stop_loss_behind_the_liquidation_is_refused(stop: float) -> None:
    (problem,) = checked(long_sl_pct=stop).problems
    assert problem.startswith(f"long_sl_pct {stop}: liquidation")


def test_leverage_is_refused_as_the_bot_refuses_it() -> None:
    (problem,) = checked(root={"leverage": 50.0}, long_sl_pct=0.05).problems
    assert "leverage 50.0 with a stop loss of 0.05" in problem


@pytest.mark.parametrize("side", ["short", "long"])
@pytest.mark.parametrize(("threshold", "words"), [(0.0, "every candle"), (0.3, "below 1/3")])
def test_a_threshold_that_lets_through_everything_is_warned_of(
    side: str, threshold: float, words: str
) -> None:
    (warning,) = checked(**{f"confidence_threshold_{side}": threshold}).warnings
    assert warning.startswith(f"confidence_threshold_{side} {threshold:g}")
    assert words in warning


def test_a_threshold_that_lets_through_nothing_is_warned_of() -> None:
    (warning,) = checked(confidence_threshold_long=1.0).warnings
    assert "confidence_threshold_long 1 is a probability" in warning
    assert checked(confidence_mode="coverage").warnings == ()


@given(
    take_profit=st.floats(0.001, 0.2), stop_loss=st.floats(0.001, 0.2), fee=st.floats(0.0, 0.004)
)
def test_the_break_even_is_where_wins_and_losses_cancel(
    take_profit: float, stop_loss: float, fee: float
) -> None:
    config = TrainingConfig(long_tp_pct=take_profit, long_sl_pct=stop_loss)
    side = Side.of("long", config, 2 * fee)
    share = side.break_even
    assert share * side.profit - (1 - share) * side.loss == pytest.approx(0.0, abs=1e-9)
    # To the second order in the fee these are the profits of a simulated trade.
    terms = TradeTerms(fee=fee)
    won = (1 + take_profit) * (1 - terms.fee) / (1 + terms.fee) - 1
    assert side.profit == pytest.approx(won, abs=3 * fee * (take_profit + fee) + 1e-12)


def test_freqtrades_fee_counts_where_no_other_is_set() -> None:
    assert fee_of(RootSettings(), {"fee": 0.003}, "spot") == 0.003
    assert fee_of(RootSettings(evaluation_fee=0.002), {"fee": 0.003}, "spot") == 0.002


@pytest.mark.parametrize("mode", ["conservative", "balanced", "aggressive"])
def test_a_mode_for_balanced_classes_is_warned_of_where_they_are_not(mode: str) -> None:
    def warned(**training: Any) -> bool:
        return "thresholds for balanced classes" in text(checked(**training))

    assert warned(confidence_mode=mode)
    assert warned(confidence_mode=mode, confidence_threshold_long=0.3)
    both = {f"confidence_threshold_{side}": 0.34 for side in ("long", "short")}
    assert not warned(confidence_mode=mode, **both)
    assert not warned(confidence_mode=mode, class_balance="undersample")
    assert not warned(confidence_mode=mode, use_confidence_thresholding=False)
    assert not warned(confidence_mode="coverage")

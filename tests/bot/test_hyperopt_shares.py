"""Where a side goes by its rank hyperopt searches its share, and a share in a file decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.optimize.hyperopt_tools import HyperoptTools
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.hyperopt import ConfiguredStart, search_parameters
from dualwindow.bot.thresholds import ChosenThresholds, values_of, with_given
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence.coverage import LARGEST, STEPS, least_level
from dualwindow.confidence.thresholds import NEVER
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from tests.bot.test_hyperopt import WRITTEN, Load, load, parameters
from tests.makers.bot import PAIR

__all__ = ["load"]

COVERAGE = {"confidence_mode": "coverage", "confidence_coverage": 0.03}
FILE = "strategies/DualWindowStrategy.json"

#: More and less confident candles of both sides, of a model that halves the odds of each.
FRAME = pd.DataFrame(
    {
        "SHORT": [0.60, 0.55, 0.20, 0.20],
        "HOLD": [0.20, 0.25, 0.25, 0.20],
        "LONG": [0.20, 0.20, 0.55, 0.60],
        "SHORT_rank": [0.995, 0.96, 0.3, 0.3],
        "LONG_rank": [0.3, 0.3, 0.96, 0.995],
        "calibration_sharpness": 1.0,
        "SHORT_shift": np.log(0.5),
        "LONG_shift": np.log(0.5),
        "do_predict": 1,
    }
)


def said(strategy: Any, frame: pd.DataFrame = FRAME) -> list[int]:
    """-1 SHORT, 0 HOLD, 1 LONG of each candle, as it is entered upon."""
    return list(strategy.advise_entry(frame.copy(), {"pair": PAIR})["decision"])


def test_sides_by_rank_have_a_share_and_explicit_ones_a_threshold(load: Load) -> None:
    assert parameters(load(COVERAGE)) == {"coverage_short": 0.03, "coverage_long": 0.03}
    assert parameters(load(COVERAGE, spot=True)) == {"coverage_long": 0.03}
    one = load({**COVERAGE, "confidence_threshold_short": 0.6, "calibration": "prior"})
    assert parameters(one) == {"threshold_short": 0.6, "coverage_long": 0.03}
    argmax = {f"confidence_threshold_{side}": 0.6 for side in ("short", "long")}
    both = load({**COVERAGE, **argmax, "confidence_fallback": "argmax"})
    assert set(parameters(both)) == {"threshold_short", "threshold_long", "threshold_hold"}
    assert parameters(load({**COVERAGE, "use_confidence_thresholding": False})) == {}


@given(share=st.floats(1 / STEPS, LARGEST))
def test_the_search_begins_with_what_the_share_lets_through(share: float) -> None:
    config = TrainingConfig.from_parameters({**COVERAGE, "confidence_coverage": share})
    long = search_parameters(config, can_short=False)["coverage_long"]
    space = long.get_space("coverage_long")
    assert space._contains(long.value)
    assert least_level(long.value) == least_level(share)
    assert 1 / STEPS <= long.low <= 0.001
    assert 0.1 <= long.high <= LARGEST


def test_the_first_epoch_is_as_configured_and_the_others_tell_ten_thousandths() -> None:
    config = TrainingConfig.from_parameters({**COVERAGE, "confidence_threshold_short": 0.61})
    searched = search_parameters(config, can_short=True)
    spaces = {name: each.get_space(name) for name, each in searched.items()}
    sampler = ConfiguredStart(searched).generate_estimator(random_state=5, dimensions=[])
    study = optuna.create_study(sampler=sampler)
    start, *others = (study.ask(spaces).params for _ in range(20))
    assert start == {"threshold_short": 0.61, "coverage_long": 0.03}
    shares = np.array([each["coverage_long"] for each in others])
    assert np.ptp(shares) > 0.05
    np.testing.assert_allclose(shares, shares.round(4), atol=1e-12)
    assert np.abs(shares - shares.round(3)).max() > 1e-5


@pytest.mark.parametrize("calibration", ["none", "temperature"])
def test_each_epoch_enters_by_the_share_that_it_tries(calibration: str, load: Load) -> None:
    settings = {**COVERAGE, "calibration": calibration}
    # What an earlier search found decides until another one tries something else.
    earlier = {"buy": {"threshold_short": 1.0, "coverage_long": 0.0001}}
    assert said(load(settings, earlier)) == [0, 0, 0, 0]
    strategy = load(settings, earlier, runmode=RunMode.HYPEROPT)
    epochs = {}
    for short, long in ((0.03, 0.03), (0.05, 0.01), (0.004, 0.05)):
        strategy.coverage_short.value, strategy.coverage_long.value = short, long
        epochs[short, long] = said(strategy)
    assert epochs == {
        (0.03, 0.03): [-1, 0, 0, 1],
        (0.05, 0.01): [-1, -1, 0, 1],
        (0.004, 0.05): [0, 0, 1, 1],
    }


def test_a_threshold_is_tried_on_calibrated_probabilities_beside_a_share(load: Load) -> None:
    one = {**COVERAGE, "confidence_threshold_short": 0.9}
    for calibration, entered in (("none", [-1, -1, 1, 1]), ("temperature", [-1, 0, 1, 1])):
        strategy = load({**one, "calibration": calibration}, runmode=RunMode.HYPEROPT)
        assert said(strategy) == [0, 0, 0, 1]
        strategy.threshold_short.value, strategy.coverage_long.value = 0.45, 0.05
        assert said(strategy) == entered


def test_a_threshold_is_tried_in_place_of_a_share_in_the_file(load: Load) -> None:
    strategy = load({}, {"buy": {"coverage_long": 0.05}}, runmode=RunMode.HYPEROPT)
    strategy.threshold_short.value, strategy.threshold_long.value = 1.0, 0.58
    assert said(strategy) == [0, 0, 0, 1]


def test_what_freqtrade_writes_of_shares_is_what_decides(load: Load, tmp_path: Path) -> None:
    searched = load(COVERAGE, runmode=RunMode.HYPEROPT)
    best = {
        "params_not_optimized": {**searched.get_no_optimize_params(), **WRITTEN},
        "params_details": {"buy": {"coverage_short": 0.0045, "coverage_long": 0.0455}},
    }
    file = tmp_path / "written.json"
    HyperoptTools.export_params(best, "DualWindowStrategy", file)
    params = json.loads(file.read_text(encoding="utf-8"))["params"]
    assert params["buy"] == best["params_details"]["buy"]
    assert said(load(COVERAGE)) == [-1, 0, 0, 1]
    assert said(load(COVERAGE, params)) == [0, 0, 1, 1]


_SHARE = "at most 5.00% of each model's validation (by lead)"


@pytest.mark.parametrize(
    ("settings", "found", "decided", "line"),
    [
        ({}, {"coverage_long": 0.05}, [0, 0, 1, 1], f"LONG {_SHARE} (hyperopt's "),
        (
            {"confidence_threshold_long": 0.99, "confidence_threshold_short": 0.6},
            {"coverage_long": 0.05},
            [-1, 0, 1, 1],
            f"SHORT 0.60 (confidence_threshold_short), LONG {_SHARE} (hyperopt's ",
        ),
        (COVERAGE, {"coverage_short": 0.05}, [-1, -1, 0, 1], f"SHORT {_SHARE} (hyperopt's "),
        (COVERAGE, {"threshold_short": 0.5}, [-1, -1, 0, 1], "SHORT 0.50 (hyperopt's "),
        (COVERAGE, {"threshold_short": 0.7}, [0, 0, 0, 1], "SHORT 0.70 (hyperopt's "),
    ],
    ids=["mode", "explicit", "share", "lower threshold", "higher threshold"],
)
def test_a_file_wins_over_thresholds_and_modes_of_the_other_kind(
    settings: dict[str, Any],
    found: dict[str, float],
    decided: list[int],
    line: str,
    load: Load,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    strategy = load(settings, {**WRITTEN, "buy": found})
    assert said(strategy) == decided
    (logged,) = [text for text in caplog.messages if text.startswith("thresholds ")]
    assert line in logged
    if "coverage_long" in found:
        assert strategy.thresholds.long == NEVER


def test_the_first_origin_of_a_side_wins_whichever_kind_it_gives() -> None:
    sources = {
        "file": {"threshold_long": 0.5},
        "code": {"coverage_long": 0.05, "coverage_short": 0.04, "other": "x"},
    }
    config = TrainingConfig.from_parameters(COVERAGE)
    chosen = ChosenThresholds.from_settings(config, sources, can_short=True)
    assert chosen.rule.shares == {SHORT: 0.04}
    assert chosen.rule.thresholds.long == 0.5
    assert (chosen.origins["short"], chosen.origins["long"]) == ("code", "file")
    turned = dict(reversed(sources.items()))
    chosen = ChosenThresholds.from_settings(config, turned, can_short=True)
    assert chosen.rule.shares == {SHORT: 0.04, LONG: 0.05}


def test_a_share_in_the_strategys_own_code_comes_before_explicit_thresholds(load: Load) -> None:
    strategy = load({"confidence_threshold_long": 0.99})
    derived = type("Derived", (type(strategy),), {"buy_params": {"coverage_long": 0.05}})
    assert said(derived(strategy.config)) == [0, 0, 1, 1]


@pytest.mark.parametrize("value", [0, 0.51, -0.1, float("nan"), "0.02", None, True])
def test_a_share_that_is_none_is_refused_with_its_file(value: object, load: Load) -> None:
    named = rf"coverage_long .*{FILE} must be a number from 0\.0001 to 0\.5"
    with pytest.raises(OperationalException, match=named):
        load(COVERAGE, {"buy": {"coverage_long": value}})


@given(share=st.floats(-0.1, 1) | st.sampled_from([0.0, 1 / STEPS, LARGEST]))
def test_a_file_may_say_what_the_setting_may(share: float) -> None:
    def is_refused(error: type[Exception], config: dict[str, Any], found: dict[str, float]) -> bool:
        try:
            settings = TrainingConfig.from_parameters({**COVERAGE, **config})
            ChosenThresholds.from_settings(settings, {"file": found}, can_short=True)
        except error:
            return True
        return False

    by_setting = is_refused(SettingsError, {"confidence_coverage": share}, {})
    assert is_refused(OperationalException, {}, {"coverage_long": share}) == by_setting


def test_both_kinds_for_a_side_are_refused_where_they_decide(load: Load) -> None:
    both = {"buy": {"coverage_short": 0.02, "threshold_short": 0.5}}
    named = rf"threshold_short 0\.5 and coverage_short 0\.02 of .*{FILE} both decide SHORT"
    for settings in ({}, COVERAGE):
        with pytest.raises(OperationalException, match=named):
            load(settings, both)
    assert said(load(COVERAGE, both, spot=True))[2:] == [0, 1]
    load({"use_confidence_thresholding": False}, both)


def test_a_share_beside_the_likeliest_class_is_refused(load: Load) -> None:
    argmax = {"confidence_fallback": "argmax"}
    named = rf"coverage_long 0\.02 of .*{FILE} needs confidence_fallback 'hold'"
    with pytest.raises(OperationalException, match=named):
        load(argmax, {"buy": {"coverage_long": 0.02}})
    # HOLD has no share, so that this is a name like any other.
    load(argmax, {"buy": {"threshold_long": 0.5, "coverage_hold": 0.02}})


@pytest.mark.parametrize(
    ("settings", "found"),
    [({}, {"coverage_short": 0.05, "threshold_long": 0.58}), (COVERAGE, {"threshold_long": 0.5})],
)
def test_a_search_of_other_spaces_writes_down_what_decided_in_it(
    settings: dict[str, Any], found: dict[str, float], load: Load
) -> None:
    other = load(settings, {"buy": found}, runmode=RunMode.HYPEROPT, spaces=("trades",))
    left = other.get_no_optimize_params()
    assert left["buy"] == {**({"coverage_short": 0.03} if settings else {}), **found}
    assert said(load(settings, left)) == said(other)


@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            name: st.floats(0.0001, 0.5)
            for name in ("threshold_short", "coverage_short", "coverage_long", "threshold_hold")
        },
    )
)
def test_what_is_written_down_of_a_rule_makes_it_again(values: dict[str, float]) -> None:
    rule = ChosenThresholds.from_settings(
        TrainingConfig.from_parameters(COVERAGE), {}, can_short=True
    ).rule
    made = with_given(rule, values)
    assert with_given(rule, values_of(made, ["short", "long", "hold"])) == made


@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT])
def test_predictions_without_ranks_are_refused_for_a_share_in_a_file(
    runmode: RunMode, load: Load
) -> None:
    old = FRAME.drop(columns=["SHORT_rank", "LONG_rank"])
    # In a search of something else, or none, the file decides as in a backtest.
    by_file = load({}, {"buy": {"coverage_long": 0.05}}, runmode=runmode, spaces=("trades",))
    with pytest.raises(
        OperationalException, match=r"hyperopt's coverage_.* needs quantiles, and 4"
    ):
        said(by_file, old)
    tried = load(COVERAGE, runmode=RunMode.HYPEROPT)
    with pytest.raises(OperationalException, match="delete backtesting_predictions"):
        said(tried, old)
    assert said(load({"confidence_threshold_long": 0.6}), old) == [0, 0, 0, 1]


def test_a_running_bot_without_ranks_waits_where_a_file_has_a_share(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    strategy = load({}, {"buy": {"coverage_long": 0.5}})
    strategy.config["runmode"] = RunMode.DRY_RUN
    old = FRAME.assign(SHORT_rank=0.0, LONG_rank=0.0)
    for _ in range(2):
        assert said(strategy, old) == [0, 0, 0, 0]
    warned = [line for line in caplog.messages if "nothing is entered until its next" in line]
    assert len(warned) == 1
    assert "has no quantiles for a share" in warned[0]

"""Which thresholds decide, and that a parameter file of hyperopt changes nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.optimize.hyperopt_tools import HyperoptTools
from freqtrade.resolvers import StrategyResolver
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.hyperopt import ConfiguredStart, require_own_spaces, search_parameters
from dualwindow.bot.thresholds import ChosenThresholds
from dualwindow.confidence import decide
from dualwindow.settings import TrainingConfig
from tests.makers.bot import REPOSITORY, freqtrade_config

OWN_EXITS = {"minimal_roi": {0: 100.0}, "stoploss": -0.99, "trailing_stop": False}
WRITTEN: dict[str, Any] = {
    "roi": {"0": 100.0},
    "stoploss": {"stoploss": -0.99},
    "trailing": {
        "trailing_stop": False,
        "trailing_stop_positive": None,
        "trailing_stop_positive_offset": 0.0,
        "trailing_only_offset_is_reached": False,
    },
    "max_open_trades": {"max_open_trades": 7},
}

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads the strategy from a folder of its own, with a parameter file beside it.

    Thresholds are the settings' own unless a test gives others.
    """
    folder = tmp_path / "strategies"
    folder.mkdir()
    shutil.copy(REPOSITORY / "strategies" / "DualWindowStrategy.py", folder)

    def loaded(
        settings: dict[str, Any] | None = None,
        params: Any = None,
        *,
        spot: bool = False,
        runmode: RunMode = RunMode.BACKTEST,
        spaces: tuple[str, ...] = ("buy",),
    ) -> Any:
        config = freqtrade_config(tmp_path / "user", *(["config.spot.json"] if spot else []))
        parameters = config["freqai"]["model_training_parameters"]
        del parameters["confidence_mode"]
        parameters |= settings or {}
        config |= {"strategy_path": str(folder), "runmode": runmode, "spaces": list(spaces)}
        file = folder / "DualWindowStrategy.json"
        file.unlink(missing_ok=True)
        if params is not None:
            content = {"strategy_name": "DualWindowStrategy", "params": params}
            file.write_text(json.dumps(content), encoding="utf-8")
        strategy = StrategyResolver.load_strategy(config)
        # As `ft_bot_start` does, without the model.
        strategy.bot_start()
        strategy.ft_load_hyper_params(runmode == RunMode.HYPEROPT)
        return strategy

    return loaded


def deciding(strategy: Any) -> tuple[float, float, float]:
    thresholds = strategy.thresholds
    return thresholds.short, thresholds.long, thresholds.hold


def parameters(strategy: Any) -> dict[str, float]:
    return {name: each.value for name, each in strategy.enumerate_parameters("buy")}


def test_a_file_beats_explicit_thresholds_and_they_beat_the_mode(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    explicit = {"confidence_mode": "balanced", "confidence_threshold_long": 0.61}
    assert deciding(load(explicit)) == (0.55, 0.61, 0.45)
    strategy = load(explicit, {**WRITTEN, "buy": {"threshold_short": 0.432}})
    assert deciding(strategy) == (0.432, 0.61, 0.45)
    strategy.bot_start()
    without, beaten = [line for line in caplog.messages if line.startswith("thresholds SHORT")]
    assert without == (
        "thresholds SHORT 0.55 (confidence_mode balanced), LONG 0.61 (confidence_threshold_long), "
        "else HOLD, whatever its threshold (confidence_fallback hold)"
    )
    file = "strategies/DualWindowStrategy.json"
    assert "SHORT 0.432 (hyperopt's " in beaten
    assert f"{file}), LONG 0.61 (confidence_threshold_long), else HOLD" in beaten
    # Without its file the configuration counts again.
    assert deciding(load(explicit)) == (0.55, 0.61, 0.45)
    # Only before the fallback to the likeliest class does the threshold of HOLD decide anything.
    caplog.clear()
    load({**explicit, "confidence_fallback": "argmax"}).bot_start()
    assert (
        "thresholds SHORT 0.55 HOLD 0.45 (confidence_mode balanced), LONG 0.61 "
        "(confidence_threshold_long), else the likeliest class (confidence_fallback argmax)"
    ) in caplog.messages


def test_thresholds_of_the_strategys_own_code_come_after_the_file(load: Load) -> None:
    strategy = load()
    derived = type("Derived", (type(strategy),), {"buy_params": {"threshold_long": 0.66}})
    assert derived(strategy.config).thresholds.long == 0.66
    code = {"threshold_long": 0.66, "threshold_short": 0.6}
    sources = {"file": {"threshold_long": 0.5}, "code": code}
    chosen = ChosenThresholds.from_settings(TrainingConfig(), sources, can_short=True)
    assert (chosen.rule.thresholds.long, chosen.rule.thresholds.short) == (0.5, 0.6)
    assert chosen.origins["long"] == "file"


def test_entries_follow_the_file_and_hyperopts_epoch(load: Load) -> None:
    frame = pd.DataFrame({"SHORT": [0.5], "HOLD": [0.1], "LONG": [0.4], "do_predict": [1]})

    def side(strategy: Any) -> int:
        entered = strategy.advise_entry(frame.copy(), {"pair": "BTC/USDT:USDT"})
        return int(entered["decision"].iloc[0])

    assert side(load()) == 0
    assert side(load({}, {"buy": {"threshold_short": 0.5}})) == -1
    searching = load(runmode=RunMode.HYPEROPT)
    assert side(searching) == 0
    searching.threshold_long.value = 0.4
    assert side(searching) == 1
    searching.threshold_short.value = 0.45
    assert side(searching) == -1


def test_only_what_can_change_a_trade_is_searched_and_starts_as_configured(load: Load) -> None:
    assert parameters(load()) == {"threshold_short": 0.7, "threshold_long": 0.7}
    assert parameters(load(spot=True)) == {"threshold_long": 0.7}
    explicit = {"confidence_threshold_long": 0.99, "confidence_fallback": "argmax"}
    assert parameters(load(explicit)) == {
        "threshold_short": 0.7,
        "threshold_long": 0.99,
        "threshold_hold": 0.3,
    }
    assert parameters(load({"use_confidence_thresholding": False})) == {}


@given(
    start=st.floats(0, 1),
    balance=st.sampled_from(["undersample", "weights", "none"]),
)
def test_the_range_holds_the_start(start: float, balance: str) -> None:
    config = TrainingConfig.from_parameters(
        {"confidence_threshold_long": start, "class_balance": balance}
    )
    long = search_parameters(config, can_short=False)["threshold_long"]
    space = long.get_space("threshold_long")
    assert space._contains(long.value)
    assert long.value == pytest.approx(start, abs=0.0005001)


def test_spot_and_argmax_leave_a_file_for_futures_aside(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    both = {"buy": {"threshold_short": 0.31, "threshold_long": 0.41}}
    assert deciding(load({}, both, spot=True)) == (0.7, 0.41, 0.3)
    caplog.set_level("INFO")
    caplog.clear()
    strategy = load({"use_confidence_thresholding": False}, both)
    assert decide([(0.35, 0.4, 0.25)], strategy.thresholds).tolist() == [1]
    assert (
        "use_confidence_thresholding is false: the likeliest class is predicted" in caplog.messages
    )


def exits(strategy: Any) -> dict[str, Any]:
    return {name: getattr(strategy, name) for name in OWN_EXITS}


def test_a_file_of_our_own_search_is_silent_about_exits(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    strategy = load({}, {**WRITTEN, "buy": {"threshold_long": 0.5}})
    assert exits(strategy) == OWN_EXITS
    assert "exits" not in caplog.text


@pytest.mark.parametrize(
    ("group", "values", "named"),
    [
        ("roi", {"0": 0.05, "30": 0.01}, "minimal_roi {'0': 0.05, '30': 0.01}"),
        ("stoploss", {"stoploss": -0.1}, "stoploss -0.1"),
        ("trailing", {"trailing_stop": True}, "trailing_stop True"),
    ],
)
def test_other_exits_in_a_file_are_left_out_by_name(
    group: str, values: dict[str, Any], named: str, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    strategy = load({}, {**WRITTEN, group: values, "buy": {"threshold_long": 0.5}})
    assert exits(strategy) == OWN_EXITS
    assert strategy.thresholds.long == 0.5
    (warning,) = [line for line in caplog.messages if "exits that are not the strategy's" in line]
    assert named in warning
    assert "DualWindowStrategy.json" in warning
    assert "--spaces buy alone" in warning


def test_the_configurations_number_of_trades_beats_the_files(load: Load) -> None:
    assert load({}, WRITTEN).max_open_trades == 2


@pytest.mark.parametrize("value", [1.2, -0.1, "0.5", None, True])
def test_a_threshold_that_is_no_probability_is_refused_with_its_file(
    value: object, load: Load
) -> None:
    with pytest.raises(OperationalException, match=r"threshold_long .*DualWindowStrategy\.json"):
        load({}, {"buy": {"threshold_long": value}})


@pytest.mark.parametrize("params", [[], {"buy": 3}, {"roi": [1]}])
def test_a_file_of_something_else_is_refused_by_name(params: object, load: Load) -> None:
    with pytest.raises(OperationalException, match=r"Strategy\.json is no parameter file"):
        load({}, params)


@pytest.mark.parametrize("spaces", [("default",), ("all",), ("buy", "roi"), ("trailing", "buy")])
def test_a_search_of_exits_is_refused(spaces: tuple[str, ...], load: Load) -> None:
    with pytest.raises(OperationalException, match=r"would search other exits.*--spaces buy"):
        load(runmode=RunMode.HYPEROPT, spaces=spaces)


def test_a_search_without_thresholds_is_refused(load: Load) -> None:
    with pytest.raises(OperationalException, match="has no thresholds to search"):
        load({"use_confidence_thresholding": False}, runmode=RunMode.HYPEROPT)


def test_what_freqtrade_writes_is_what_the_strategy_reads(load: Load, tmp_path: Path) -> None:
    searched = load(runmode=RunMode.HYPEROPT)
    found = {"buy": {"threshold_short": 0.512, "threshold_long": 0.487}}
    left = {**searched.get_no_optimize_params(), **WRITTEN}
    file = tmp_path / "written.json"
    best = {"params_not_optimized": left, "params_details": found}
    HyperoptTools.export_params(best, "DualWindowStrategy", file)
    params = json.loads(file.read_text(encoding="utf-8"))["params"]
    assert deciding(load({}, params)) == (0.512, 0.487, 0.3)


def test_the_first_epoch_is_as_configured_and_the_others_are_freqtrades() -> None:
    config = TrainingConfig.from_parameters({"confidence_threshold_long": 0.613})
    searched = search_parameters(config, can_short=True)
    spaces = {name: each.get_space(name) for name, each in searched.items()}

    def first_epochs() -> list[dict[str, float]]:
        sampler = ConfiguredStart(searched).generate_estimator(random_state=5, dimensions=[])
        study = optuna.create_study(sampler=sampler)
        trials = [study.ask(spaces) for _ in range(20)]
        return [trial.params for trial in trials]

    start, *others = first_epochs()
    assert start == {"threshold_short": 0.7, "threshold_long": 0.613}
    assert np.ptp([each["threshold_long"] for each in others]) > 0.2
    assert [start, *others] == first_epochs()


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, "1 trade:"),
        ({"hyperopt_min_trades": 29}, "29 trades:"),
        ({"hyperopt_min_trades": 30}, None),
        ({"spaces": ["trades"]}, None),
        ({"runmode": RunMode.BACKTEST}, None),
    ],
)
def test_a_search_that_a_few_trades_may_win_is_warned_of(
    given: dict[str, Any], warned: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """freqtrade's own default lets an epoch of one trade win."""
    config = {"runmode": RunMode.HYPEROPT, "spaces": ["buy"], **given}
    require_own_spaces(config, TrainingConfig())
    assert ["--min-trades 30" in line for line in caplog.messages] == ([True] if warned else [])
    assert (warned or "") in caplog.text

"""Which thresholds the settings stand for: those given, before those of the mode."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import idle_threshold

MODES = [
    ("conservative", 0.70, 0.70, 0.30),
    ("aggressive", 0.45, 0.45, 0.40),
    ("balanced", 0.55, 0.55, 0.45),
]


@pytest.mark.parametrize(("mode", "short", "long", "hold"), MODES)
def test_a_mode_brings_the_thresholds_of_the_design(
    mode: str, short: float, long: float, hold: float
) -> None:
    config = TrainingConfig.from_parameters({"confidence_mode": mode})
    assert config.thresholds == Thresholds(short=short, hold=hold, long=long)


@pytest.mark.parametrize("name", ["short", "long", "hold"])
@pytest.mark.parametrize("value", [0.0, 0.61, 1.0])
def test_a_given_threshold_wins_over_the_mode_and_leaves_the_others(
    name: str, value: float
) -> None:
    config = TrainingConfig.from_parameters(
        {"confidence_mode": "balanced", f"confidence_threshold_{name}": value}
    )
    expected = {"short": 0.55, "long": 0.55, "hold": 0.45, name: value}
    assert {key: getattr(config.thresholds, key) for key in expected} == expected


def test_fallback_and_switch_reach_the_thresholds() -> None:
    assert TrainingConfig().thresholds.fallback == "hold"
    assert TrainingConfig().thresholds.enabled
    changed = TrainingConfig(confidence_fallback="argmax", use_confidence_thresholding=False)
    assert changed.thresholds.fallback == "argmax"
    assert not changed.thresholds.enabled


@pytest.mark.parametrize(("mode", "short", "long", "hold"), MODES)
def test_apply_confidence_mode_gives_a_new_config_with_that_modes_thresholds(
    mode: Any, short: float, long: float, hold: float
) -> None:
    config = TrainingConfig.from_parameters(
        {"confidence_threshold_short": 0.9, "confidence_threshold_hold": 0.8, "epochs": 3}
    )
    before = config.to_dict()
    applied = config.apply_confidence_mode(mode)
    assert applied is not config
    assert config.to_dict() == before
    assert applied.thresholds == Thresholds(short=short, hold=hold, long=long)
    assert applied.epochs == 3


def test_in_mode_coverage_the_sides_are_a_models_unless_they_are_given() -> None:
    config = TrainingConfig.from_parameters({"confidence_mode": "coverage"})
    assert config.coverage_sides == (SHORT, LONG)
    assert decide([(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)], config.thresholds).tolist() == [HOLD, HOLD]
    given = config.replace(confidence_threshold_long=0.6)
    assert given.coverage_sides == (SHORT,)
    assert given.thresholds.long == 0.6
    assert config.apply_confidence_mode("balanced").coverage_sides == ()
    assert config.replace(use_confidence_thresholding=False).coverage_sides == ()


def test_a_fallback_that_would_let_more_through_than_the_coverage_is_refused() -> None:
    both = {"confidence_mode": "coverage", "confidence_fallback": "argmax"}
    with pytest.raises(SettingsError, match=r"needs confidence_fallback 'hold'.*'argmax'"):
        TrainingConfig.from_parameters(both)
    explicit = {f"confidence_threshold_{side}": 0.6 for side in ("short", "long")}
    assert TrainingConfig.from_parameters(both | explicit).coverage_sides == ()
    assert TrainingConfig.from_parameters(both | {"use_confidence_thresholding": False})


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SettingsError, match="confidence_mode 'bold'"):
        TrainingConfig().apply_confidence_mode("bold")  # type: ignore[arg-type]


def test_validate_confidence_params_looks_at_the_confidence_settings_alone() -> None:
    values = {**dict(TrainingConfig()), "epochs": -5}
    TrainingConfig.model_construct(**values).validate_confidence_params()
    bad = {**values, "confidence_threshold_long": 1.5, "confidence_mode": "bold"}
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.model_construct(**bad).validate_confidence_params()
    assert len(caught.value.problems) == 2


THREE: Final = st.lists(
    st.tuples(*[st.sampled_from([0.1, 0.3, 0.5, 0.9])] * 3), min_size=1, max_size=20
)


@given(probabilities=THREE, hold=st.floats(0.0, 1.0), other=st.floats(0.0, 1.0))
@pytest.mark.parametrize("fallback", ["hold", "argmax"])
@pytest.mark.parametrize("enabled", [True, False])
def test_a_threshold_of_hold_is_called_idle_where_it_changes_no_decision(
    fallback: str, enabled: bool, probabilities: Any, hold: float, other: float
) -> None:
    rule = {"confidence_fallback": fallback, "use_confidence_thresholding": enabled}
    configs = [
        TrainingConfig.from_parameters({**rule, "confidence_threshold_hold": threshold})
        for threshold in (hold, other)
    ]
    decisions = [decide(probabilities, config.thresholds).tolist() for config in configs]
    is_idle = bool(idle_threshold(configs[0]))
    assert is_idle == (fallback == "hold" or not enabled)
    assert decisions[0] == decisions[1] or not is_idle
    assert idle_threshold(TrainingConfig.from_parameters(rule)) == []


@given(
    probabilities=THREE,
    values=st.tuples(*[st.floats(0.0, 1.0)] * 2),
    mode=st.sampled_from(["conservative", "coverage"]),
)
@pytest.mark.parametrize("side", ["short", "long"])
@pytest.mark.parametrize("enabled", [True, False])
def test_a_threshold_of_a_side_is_called_idle_where_it_changes_no_decision(
    side: str, enabled: bool, probabilities: Any, values: tuple[float, float], mode: str
) -> None:
    name = f"confidence_threshold_{side}"
    rule = {"use_confidence_thresholding": enabled, "confidence_mode": mode}
    configs = [TrainingConfig.from_parameters({**rule, name: value}) for value in values]
    decisions = [decide(probabilities, config.thresholds).tolist() for config in configs]
    idle = [text for text in idle_threshold(configs[0]) if text.startswith(f"{name} {values[0]}")]
    assert bool(idle) != enabled
    assert decisions[0] == decisions[1] or not idle


@pytest.mark.parametrize(
    ("rule", "is_idle"),
    [
        ({}, True),
        ({"confidence_mode": "coverage"}, False),
        ({"confidence_mode": "coverage", "confidence_threshold_long": 0.6}, False),
        ({"confidence_mode": "coverage", "use_confidence_thresholding": False}, True),
    ],
)
def test_a_coverage_that_no_mode_asks_for_is_called_idle(
    rule: dict[str, Any], is_idle: bool
) -> None:
    config = TrainingConfig.from_parameters({**rule, "confidence_coverage": 0.1})
    assert any("confidence_coverage 0.1" in text for text in idle_threshold(config)) == is_idle
    assert not any("coverage" in text for text in idle_threshold(TrainingConfig()))


def test_the_words_about_an_idle_threshold_name_both_settings_and_the_way_out() -> None:
    (warning,) = idle_threshold(TrainingConfig(confidence_threshold_hold=0.4))
    assert all(
        word in warning
        for word in ("confidence_threshold_hold 0.4", "confidence_fallback 'hold'", "'argmax'")
    )
    for name in ("confidence_threshold_hold", "confidence_fallback"):
        described = TrainingConfig.model_fields[name].description
        assert described is not None
        assert "argmax" in described
        assert "effect" in described

"""Settings together: what disagrees is refused in one message, what agrees is frozen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from tests.makers.setting_problems import problems_of

# --- problems across settings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"patch_size": 7}, ["patch_size 7", "window_size 180"]),
        ({"patch_size": 5, "window_size": 12}, ["patch_size 5", "window_size 12"]),
        ({"epochs": 0}, ["epochs 0", "pretrained"]),
        ({"mirror": "on", "short_tp_pct": 0.02}, ["mirror", "0.01/0.005", "0.02/0.005"]),
        ({"mirror": "on", "long_sl_pct": 0.002}, ["mirror", "0.01/0.002", "0.01/0.005"]),
    ],
)
def test_settings_that_disagree_are_refused_with_both_named(
    parameters: dict[str, Any], words: list[str]
) -> None:
    (problem,) = problems_of(**parameters)
    assert all(word in problem for word in words)


@pytest.mark.parametrize("value", [0.5, "0", None, False])
def test_a_setting_of_earlier_versions_is_refused_with_the_way_out(value: Any) -> None:
    (problem,) = problems_of(auxiliary_weight=value)
    assert problem == "'auxiliary_weight' is not a setting any more; remove it"


def test_a_file_that_an_earlier_version_saved_is_read_as_before() -> None:
    parameters = {**TrainingConfig().to_dict(), "epochs": 7, "auxiliary_weight": 0.0}
    assert TrainingConfig.from_parameters(parameters) == TrainingConfig(epochs=7)
    assert TrainingConfig(**parameters) == TrainingConfig(epochs=7)
    assert TrainingConfig.model_validate_json(json.dumps(parameters)) == TrainingConfig(epochs=7)


def test_all_problems_come_in_one_message() -> None:
    problems = problems_of(
        batch_size=0,
        learning_rate="fast",
        lstm_units=[128, 0],
        windowsize=60,
        patch_size=7,
        mirror="on",
        long_tp_pct=0.02,
    )
    message = "\n".join(problems)
    assert len(problems) == 6
    for words in (
        "batch_size 0",
        "learning_rate 'fast'",
        "lstm_units (entry 1) 0",
        "'windowsize' is not a setting; did you mean 'window_size'?",
        "patch_size 7 must divide window_size 180",
        "mirror 'on' needs equal barriers",
    ):
        assert words in message


def test_the_message_counts_the_problems_and_says_where() -> None:
    with pytest.raises(SettingsError, match=r"^2 problems in here:") as caught:
        TrainingConfig.from_parameters({"epochs": -1, "seed": -1}, source="here")
    assert caught.value.problems
    with pytest.raises(SettingsError, match=r"^1 problem in freqai.model_training_parameters:"):
        TrainingConfig.from_parameters({"epochs": -1})


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("windowsize", "window_size"),
        ("learningrate", "learning_rate"),
        ("long_tp", "long_tp_pct"),
        ("confidence_thresold_short", "confidence_threshold_short"),
    ],
)
def test_an_unknown_key_is_refused_with_the_setting_that_was_meant(typo: str, meant: str) -> None:
    (problem,) = problems_of(**{typo: 1})
    assert repr(typo) in problem
    assert repr(meant) in problem


def test_an_unknown_key_like_no_setting_is_refused_without_a_guess() -> None:
    (problem,) = problems_of(zzz=1)
    assert "'zzz'" in problem
    assert "did you mean" not in problem


def test_an_unknown_key_hides_no_other_problem() -> None:
    # Parts of setting names: nothing about patch_size may be lost because they are unknown.
    for name in ("size", "patch", "p"):
        assert any(
            "must divide" in problem for problem in problems_of(**{name: 1, "patch_size": 7})
        )


def test_nothing_is_said_about_a_value_that_is_bad_anyway() -> None:
    # The disagreement would speak of a window size that the user did not set.
    (problem,) = problems_of(window_size="180", patch_size=7)
    assert "window_size '180'" in problem


@given(
    bad=st.dictionaries(
        st.sampled_from(["epochs", "batch_size", "seed", "n_processes"]),
        st.integers(max_value=-1),
        min_size=1,
    ),
    unknown=st.dictionaries(st.sampled_from(["epoch", "batchsize", "sedd"]), st.none()),
)
def test_there_is_one_problem_for_every_bad_key(
    bad: dict[str, int], unknown: dict[str, None]
) -> None:
    problems = problems_of(**bad, **unknown)
    assert len(problems) == len(bad) + len(unknown)
    for name, value in bad.items():
        assert any(problem.startswith(f"{name} {value}:") for problem in problems)


# --- the object -----------------------------------------------------------------------------------


def test_a_config_cannot_be_changed() -> None:
    config = TrainingConfig()
    with pytest.raises(SettingsError, match=r"write config = config.replace\(epochs=5\)"):
        config.epochs = 5  # type: ignore[misc]
    with pytest.raises(SettingsError, match="cannot be changed"):
        del config.epochs
    assert config.epochs == 100


def test_replace_gives_a_new_checked_config() -> None:
    config = TrainingConfig()
    assert config.replace(epochs=5).epochs == 5
    assert config.epochs == 100
    with pytest.raises(SettingsError, match="epochs -1"):
        config.replace(epochs=-1)


def test_replace_keeps_what_was_given_and_what_was_not() -> None:
    given = TrainingConfig.from_parameters({"patch_size": 5, "lstm_units": [128, 64, 32]})
    changed, _ = given.replace(seed=1).clamped_to_machine(1)
    assert changed.model_fields_set == {"patch_size", "lstm_units", "seed", "n_processes"}


def test_no_epochs_are_for_a_pretrained_model_alone() -> None:
    config = TrainingConfig.from_parameters({"epochs": 0, "pretrained": "other"})
    assert (config.epochs, config.pretrained) == (0, "other")


def test_validate_config_catches_an_object_made_past_the_checks() -> None:
    values = {**dict(TrainingConfig()), "epochs": -5, "patch_size": 7}
    config = TrainingConfig.model_construct(**values)
    with pytest.raises(SettingsError) as caught:
        config.validate_config()
    assert len(caught.value.problems) == 2
    TrainingConfig().validate_config()


def test_summary_names_every_setting_with_its_value_and_marks_what_differs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = TrainingConfig.from_parameters({"epochs": 7, "lstm_units": [16]})
    lines = config.summary().splitlines()
    assert [line.split()[0] for line in lines] == list(TrainingConfig.model_fields)
    for line in lines:
        name = line.split()[0]
        assert str(getattr(config, name)) in line
        assert ("default" in line) == (name in ("epochs", "lstm_units"))
    config.print_summary()
    assert capsys.readouterr().out == config.summary() + "\n"


def test_barriers_are_symmetric_only_when_both_pairs_are_equal() -> None:
    assert TrainingConfig().barriers_are_symmetric
    for name in ("long_tp_pct", "long_sl_pct", "short_tp_pct", "short_sl_pct"):
        assert not TrainingConfig.from_parameters({name: 0.03}).barriers_are_symmetric

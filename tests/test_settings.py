from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig

#: The table of the design. `learning_rate_schedule` joined it with the training's own settings.
DEFAULTS: dict[str, Any] = {
    "window_size": 180,
    "future_window": 120,
    "max_flat_candles": 30,
    "max_history_days": 800,
    "feature_set": "base",
    "long_tp_pct": 0.01,
    "long_sl_pct": 0.005,
    "short_tp_pct": 0.01,
    "short_sl_pct": 0.005,
    "label_rule": "hybrid",
    "epochs": 100,
    "batch_size": 256,
    "learning_rate": 0.002,
    "validation_fraction": 0.15,
    "early_stopping_patience": 10,
    "gradient_clip": 1.0,
    "dropout": 0.2,
    "lstm_units": (128, 64, 32),
    "dense_units": (32, 16),
    "patch_size": 1,
    "mirror": "auto",
    "class_balance": "undersample",
    "auxiliary_weight": 0.0,
    "seed": 42,
    "deterministic": True,
    "device": "auto",
    "precision": "auto",
    "pretrained": None,
    "use_confidence_thresholding": True,
    "confidence_mode": "conservative",
    "confidence_coverage": 0.02,
    "confidence_threshold_short": None,
    "confidence_threshold_long": None,
    "confidence_threshold_hold": None,
    "confidence_fallback": "hold",
    "calibration": "none",
    "use_streaming": True,
    "streaming_chunk_size": 1000,
    "use_multiprocessing": False,
    "n_processes": 2,
    "multiprocessing_chunk_size": 5000,
    "use_batch_extraction": True,
    "batch_extraction_size": 1000,
    "enable_memory_monitoring": True,
    "max_memory_usage_pct": 75,
    "adaptive_chunk_size": True,
    "fallback_to_serial": True,
}


def problems_of(**parameters: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.from_parameters(parameters)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


# --- defaults --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_default_is_the_one_of_the_design(name: str) -> None:
    assert getattr(TrainingConfig(), name) == DEFAULTS[name]


def test_no_setting_is_undescribed() -> None:
    for name, field in TrainingConfig.model_fields.items():
        assert field.description, name


def test_every_setting_of_the_design_is_there_and_few_more() -> None:
    assert set(TrainingConfig.model_fields) - set(DEFAULTS) == {"learning_rate_schedule"}


def test_no_parameters_give_the_defaults() -> None:
    assert TrainingConfig.from_parameters({}) == TrainingConfig()


# --- ranges ----------------------------------------------------------------------------------

GOOD = {
    "window_size": [2, 180, 5000],
    "future_window": [1, 1440],
    "max_flat_candles": [0, 180],
    "max_history_days": [1, 5000],
    **{
        f"{side}_{barrier}_pct": [1e-6, 0.5, 0.999]
        for side in ("long", "short")
        for barrier in ("tp", "sl")
    },
    "feature_set": ["base", "extended"],
    "label_rule": ["hybrid", "first_touch"],
    "epochs": [1, 10_000],
    "batch_size": [1, 65_536],
    "learning_rate": [1e-9, 1.0, 1],
    "learning_rate_schedule": ["plateau", "cosine"],
    "validation_fraction": [0.001, 0.5],
    "early_stopping_patience": [1, 1000],
    "gradient_clip": [0.01, 100.0],
    "dropout": [0.0, 0, 0.99],
    "lstm_units": [(1,), [128, 64, 32], (8, 8, 8, 8)],
    "dense_units": [(), [], [32], (32, 16)],
    "patch_size": [1, 5, 180],
    "mirror": ["auto", "on", "off"],
    "class_balance": ["undersample", "weights", "none"],
    "auxiliary_weight": [0.0, 0, 0.5, 10],
    "seed": [0, 2**32 - 1],
    "deterministic": [True, False],
    "device": ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"],
    "precision": ["auto", "fp32", "bf16", "fp16"],
    "pretrained": [None, "dualwindow-quick", "/models/other"],
    "use_confidence_thresholding": [True, False],
    "confidence_mode": ["conservative", "aggressive", "balanced", "coverage"],
    "confidence_coverage": [0.0001, 0.5],
    "confidence_threshold_short": [None, 0.0, 1.0, 0, 1],
    "confidence_threshold_long": [None, 0.0, 1.0],
    "confidence_threshold_hold": [None, 0.0, 1.0],
    "confidence_fallback": ["hold", "argmax"],
    "calibration": ["none", "prior", "temperature"],
    "use_streaming": [True, False],
    "streaming_chunk_size": [1, 10**6],
    "use_multiprocessing": [True, False],
    "n_processes": [1, 64],
    "multiprocessing_chunk_size": [1, 10**6],
    "use_batch_extraction": [True, False],
    "batch_extraction_size": [1, 10**6],
    "enable_memory_monitoring": [True, False],
    "max_memory_usage_pct": [0.1, 50, 100.0],
    "adaptive_chunk_size": [True, False],
    "fallback_to_serial": [True, False],
}

#: Just outside each range, and values of another type: text, a float for a whole number, ...
NOT_A_FLAG = [0, 1, "true", None]
BAD = {
    "window_size": [1, 0, -180, 180.0, "180", None, True],
    "future_window": [0, -1, 120.0, "120"],
    "max_flat_candles": [-1, 30.0, "30"],
    "max_history_days": [0, 1.5, "800"],
    **{
        f"{side}_{barrier}_pct": [0.0, -0.01, 1.0, 1, "0.01", float("nan"), float("inf"), None]
        for side in ("long", "short")
        for barrier in ("tp", "sl")
    },
    "feature_set": ["", "Base", "all", None],
    "label_rule": ["", "Hybrid", "touch", None],
    "epochs": [-1, 1.0, "100"],
    "batch_size": [0, 256.0, "256"],
    "learning_rate": [0.0, -0.1, 1.01, "0.002", float("nan")],
    "learning_rate_schedule": ["linear", None],
    "validation_fraction": [0.0, 0.51, 1.0, "0.15"],
    "early_stopping_patience": [0, 10.0],
    "gradient_clip": [0.0, -1.0, float("inf"), "1"],
    "dropout": [-0.1, 1.0, "0.2"],
    "lstm_units": [(), [], [0], [128, -1], [128, 64.0], ["128"], 128, "128", None],
    "dense_units": [[0], [32.0], 32, None],
    "patch_size": [0, -5, 5.0, "5"],
    "mirror": ["yes", True, False, None],
    "class_balance": ["oversample", None],
    "auxiliary_weight": [-0.1, 10.1, "0.5", None],
    "seed": [-1, 2**32, 1.0, "42", None],
    "deterministic": NOT_A_FLAG,
    "device": ["gpu", "cuda:", "cuda:x", "cuda:0\n", "CPU", "", None, 0],
    "precision": ["fp64", 32, None],
    "pretrained": [5, True, ""],
    "use_confidence_thresholding": NOT_A_FLAG,
    "confidence_mode": ["", "Balanced", "coverages", None],
    "confidence_coverage": [0.0, 0.00009, 0.51, -0.02, "0.02", None, float("nan")],
    "confidence_threshold_short": [-0.01, 1.01, "0.7", float("nan")],
    "confidence_threshold_long": [-0.01, 1.01, "0.7"],
    "confidence_threshold_hold": [-0.01, 1.01, "0.7"],
    "confidence_fallback": ["HOLD", "short", None],
    "calibration": ["platt", None],
    "use_streaming": NOT_A_FLAG,
    "streaming_chunk_size": [0, 1000.0, "1000"],
    "use_multiprocessing": NOT_A_FLAG,
    "n_processes": [0, 2.0, "2"],
    "multiprocessing_chunk_size": [0, 5000.0],
    "use_batch_extraction": NOT_A_FLAG,
    "batch_extraction_size": [0, 1000.0],
    "enable_memory_monitoring": NOT_A_FLAG,
    "max_memory_usage_pct": [0.0, -1.0, 100.1, "75"],
    "adaptive_chunk_size": NOT_A_FLAG,
    "fallback_to_serial": NOT_A_FLAG,
}


def each(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}={value!r}") for name in table for value in table[name]
    ]


def test_both_tables_speak_of_every_setting() -> None:
    assert set(GOOD) == set(BAD) == set(TrainingConfig.model_fields)


@pytest.mark.parametrize(("name", "value"), each(GOOD))
def test_a_value_in_range_is_taken(name: str, value: Any) -> None:
    config = TrainingConfig.from_parameters({name: value})
    assert getattr(config, name) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(("name", "value"), each(BAD))
def test_a_value_out_of_range_or_of_another_type_is_refused_by_name(name: str, value: Any) -> None:
    problems = problems_of(**{name: value})
    assert all(name in problem for problem in problems)
    assert any(repr(value) in problem for problem in problems) or isinstance(value, (tuple, list))


# --- problems across settings ----------------------------------------------------------------


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


# --- the object ------------------------------------------------------------------------------


def test_a_config_cannot_be_changed() -> None:
    config = TrainingConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.epochs = 5  # type: ignore[misc]
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


def test_validate_confidence_params_looks_at_the_confidence_settings_alone() -> None:
    values = {**dict(TrainingConfig()), "epochs": -5}
    TrainingConfig.model_construct(**values).validate_confidence_params()
    bad = {**values, "confidence_threshold_long": 1.5, "confidence_mode": "bold"}
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.model_construct(**bad).validate_confidence_params()
    assert len(caught.value.problems) == 2


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


# --- files -----------------------------------------------------------------------------------

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "window_size": st.sampled_from([60, 120, 180]),
        "long_tp_pct": st.floats(1e-6, 0.9),
        "learning_rate": st.floats(1e-9, 1),
        "lstm_units": st.lists(st.integers(1, 300), min_size=1, max_size=4),
        "dense_units": st.lists(st.integers(1, 300), max_size=3),
        "confidence_threshold_short": st.none() | st.floats(0, 1),
        "confidence_mode": st.sampled_from(["conservative", "aggressive", "balanced", "coverage"]),
        "confidence_coverage": st.floats(0.0001, 0.5),
        "deterministic": st.booleans(),
        "device": st.sampled_from(["cpu", "cuda:3"]),
        "seed": st.integers(0, 2**32 - 1),
    },
)


@given(changes=CHANGES)
def test_any_config_survives_its_plain_json_form(changes: dict[str, Any]) -> None:
    config = TrainingConfig.from_parameters(changes)
    plain = json.loads(json.dumps(config.to_dict(), allow_nan=False))
    assert TrainingConfig.from_parameters(plain) == config


def test_a_saved_config_reads_back_the_same(tmp_path: Path) -> None:
    config = TrainingConfig.from_parameters(
        {"lstm_units": [7], "long_sl_pct": 0.1 + 0.2, "confidence_threshold_long": 1 / 3}
    )
    path = tmp_path / "overlay.json"
    config.save_to_file(path)
    assert TrainingConfig.from_config_file(path) == config
    assert TrainingConfig.from_config_file(str(path)) == config
    content = json.loads(path.read_text())
    assert set(content) == {"freqai"}
    assert set(content["freqai"]) == {"model_training_parameters"}


def test_a_config_file_may_hold_comments_as_freqtrade_allows(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        '{ // dry run\n "dry_run": true, /* more */\n'
        ' "freqai": {"model_training_parameters": {"epochs": 3,},},\n}'
    )
    assert TrainingConfig.from_config_file(path).epochs == 3


@pytest.mark.parametrize("text", ["{}", '{"freqai": {}}', '{"dry_run": true}'])
def test_a_config_file_without_settings_means_the_defaults(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert TrainingConfig.from_config_file(path) == TrainingConfig()


def test_a_missing_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no file .*nowhere\.json"):
        TrainingConfig.from_config_file(tmp_path / "nowhere.json")


@pytest.mark.parametrize("text", ["", "{", '{"freqai": {"model_training_parameters": }}'])
def test_a_config_file_that_is_not_json_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"broken\.json") as caught:
        TrainingConfig.from_config_file(path)
    assert "not valid JSON" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '"text"',
        "null",
        '{"freqai": [1]}',
        '{"freqai": {"model_training_parameters": 1}}',
        '{"freqai": {"model_training_parameters": "text"}}',
        '{"freqai": {"model_training_parameters": [1]}}',
    ],
)
def test_a_config_file_of_another_shape_gives_a_sentence_not_a_traceback(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"odd\.json"):
        TrainingConfig.from_config_file(path)


def test_bad_settings_in_a_file_are_told_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"freqai": {"model_training_parameters": {"epochs": -1, "sede": 1}}}')
    with pytest.raises(SettingsError, match=r"^2 problems in .*config\.json"):
        TrainingConfig.from_config_file(path)


# --- thresholds ------------------------------------------------------------------------------

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


# --- history and machine ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("periods", "window_size", "days"),
    [
        ((1440, 43200), 180, 33),
        ((43200, 1440), 180, 33),
        ((1440,), 180, 2),
        ((14,), 180, 1),
        ((14,), 1440 * 10, 11),
        ((72_000,), 180, 55),
        ((), 180, 1),
    ],
)
def test_the_buffer_is_the_longest_average_and_a_tenth(
    periods: tuple[int, ...], window_size: int, days: int
) -> None:
    config = TrainingConfig.from_parameters({"window_size": window_size})
    assert config.calculate_required_buffer_days(periods) == days


def test_the_buffer_holds_what_extended_features_look_back_on() -> None:
    config = TrainingConfig(feature_set="extended")
    assert config.calculate_required_buffer_days((14,)) == 2
    assert config.calculate_required_buffer_days((43200,)) == 33


def test_the_buffer_of_the_defaults_is_33_days() -> None:
    assert TrainingConfig().calculate_required_buffer_days() == 33


LARGE, MIDDLE, SMALL = (8, 15000), (4, 5000), (2, 1000)


@pytest.mark.parametrize(
    ("memory_gib", "cores", "tier"),
    [
        (32, 8, LARGE),
        (256, 64, LARGE),
        (31.9, 8, MIDDLE),
        (32, 7, MIDDLE),
        (16, 4, MIDDLE),
        (15.9, 4, SMALL),
        (64, 3, SMALL),
        (4, 16, SMALL),
        (2, 1, (1, 1000)),
    ],
)
def test_auto_configure_follows_the_tiers_of_memory_and_cores(
    memory_gib: float, cores: int, tier: tuple[int, int]
) -> None:
    config = TrainingConfig.from_parameters({"epochs": 3})
    configured = config.auto_configure(memory_gib, cores)
    assert (configured.n_processes, configured.streaming_chunk_size) == tier
    assert configured.epochs == 3
    assert config == TrainingConfig.from_parameters({"epochs": 3})
    # What it proposes needs no clamping on the machine that it was proposed for.
    assert configured.clamped_to_machine(cores) == (configured, [])


def test_what_the_machine_cannot_do_is_lowered_and_named() -> None:
    config = TrainingConfig(n_processes=8, streaming_chunk_size=500, batch_extraction_size=900)
    clamped, notes = config.clamped_to_machine(cores=2)
    assert (clamped.n_processes, clamped.batch_extraction_size) == (2, 500)
    assert len(notes) == 2
    assert any("n_processes 8 -> 2" in note for note in notes)
    assert any("batch_extraction_size 900 -> 500" in note for note in notes)
    assert config.n_processes == 8


def test_what_fits_the_machine_is_left_alone() -> None:
    config = TrainingConfig(n_processes=2)
    assert config.clamped_to_machine(cores=2) == (config, [])
    assert config.clamped_to_machine(cores=1)[0].n_processes == 1


def test_barriers_are_symmetric_only_when_both_pairs_are_equal() -> None:
    assert TrainingConfig().barriers_are_symmetric
    for name in ("long_tp_pct", "long_sl_pct", "short_tp_pct", "short_sl_pct"):
        assert not TrainingConfig.from_parameters({name: 0.03}).barriers_are_symmetric

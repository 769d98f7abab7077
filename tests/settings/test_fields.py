"""Each setting alone: its default, and the values that it takes and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from dualwindow.settings import TrainingConfig
from tests.makers.setting_problems import problems_of

# --- defaults -------------------------------------------------------------------------------------

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
    "label_price_step": "none",
    "epochs": 100,
    "batch_size": 256,
    "learning_rate": 0.0005,
    "validation_fraction": 0.15,
    "early_stopping_patience": 10,
    "gradient_clip": 1.0,
    "dropout": 0.2,
    "lstm_dropout": 0.5,
    "lstm_units": (128, 64, 32),
    "dense_units": (32, 16),
    "patch_size": 1,
    "trend_head": True,
    "mirror": "auto",
    "class_balance": "undersample",
    "warm_epochs": 1,
    "warm_retrainings": 11,
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


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_default_is_the_one_of_the_design(name: str) -> None:
    assert getattr(TrainingConfig(), name) == DEFAULTS[name]


def test_no_setting_is_undescribed() -> None:
    for name, field in TrainingConfig.model_fields.items():
        assert field.description, name


def test_every_setting_of_the_design_is_there_and_few_more() -> None:
    assert set(TrainingConfig.model_fields) - set(DEFAULTS) == {
        *("learning_rate_schedule", "window_features", "wide_features", "sample_every", "network"),
        *("ensemble", "confidence_measure"),
    }


def test_no_parameters_give_the_defaults() -> None:
    assert TrainingConfig.from_parameters({}) == TrainingConfig()


# --- ranges ---------------------------------------------------------------------------------------

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
    "feature_set": ["base", "extended", "summary"],
    "label_rule": ["hybrid", "first_touch"],
    "window_features": [None, ("close_change",), ["*_change", "my_*"], []],
    "wide_features": [None, ["mine"], []],
    "sample_every": [0, 1, 10],
    "label_price_step": ["none", "candles"],
    "epochs": [1, 10_000],
    "batch_size": [1, 65_536],
    "learning_rate": [1e-9, 1.0, 1],
    "learning_rate_schedule": ["plateau", "cosine"],
    "validation_fraction": [0.001, 0.5],
    "early_stopping_patience": [1, 1000],
    "gradient_clip": [0.01, 100.0],
    "dropout": [0.0, 0, 0.99],
    "lstm_dropout": [0.0, 0, 0.99],
    "network": ["lstm", "gru", "tcn", "linear", "my_networks:Net", "a.b_1._c:Net"],
    "ensemble": [1, 2, 100],
    "lstm_units": [(1,), [128, 64, 32], (8, 8, 8, 8)],
    "dense_units": [(), [], [32], (32, 16)],
    "patch_size": [1, 5, 180],
    "trend_head": [True, False],
    "mirror": ["auto", "on", "off"],
    "class_balance": ["undersample", "weights", "none"],
    "warm_epochs": [1, 3],
    "warm_retrainings": [0, 11, 100],
    "seed": [0, 2**32 - 1],
    "deterministic": [True, False],
    "device": ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"],
    "precision": ["auto", "fp32", "bf16", "fp16"],
    "pretrained": [None, "dualwindow-quick", "/models/other"],
    "use_confidence_thresholding": [True, False],
    "confidence_mode": ["conservative", "aggressive", "balanced", "coverage"],
    "confidence_measure": ["probability", "lead"],
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
    "window_features": ["close_change", [1], [""]],
    "wide_features": [True, [None], ["x" * 300]],
    "sample_every": [-1, 10.0, "10"],
    "label_price_step": ["", "auto", 0.01, True, None],
    "epochs": [-1, 1.0, "100"],
    "batch_size": [0, 256.0, "256"],
    "learning_rate": [0.0, -0.1, 1.01, "0.002", float("nan")],
    "learning_rate_schedule": ["linear", None],
    "validation_fraction": [0.0, 0.51, 1.0, "0.15"],
    "early_stopping_patience": [0, 10.0],
    "gradient_clip": [0.0, -1.0, float("inf"), "1"],
    "dropout": [-0.1, 1.0, "0.2"],
    "lstm_dropout": [-0.1, 1.0, "0.5", None],
    "ensemble": [0, -1, 101, 2.0, "2", True, None],
    "network": [
        "",
        "LSTM",
        "transformer",
        "my_networks",
        ":Net",
        "a:",
        "a:b:c",
        "a/b:c",
        "a:b ",
        None,
        3,
    ],
    "lstm_units": [(), [], [0], [128, -1], [128, 64.0], ["128"], 128, "128", None],
    "dense_units": [[0], [32.0], 32, None],
    "patch_size": [0, -5, 5.0, "5"],
    "trend_head": NOT_A_FLAG,
    "mirror": ["yes", True, False, None],
    "class_balance": ["oversample", None],
    "warm_epochs": [0, 1.5, True],
    "warm_retrainings": [-1, 1.0, None],
    "seed": [-1, 2**32, 1.0, "42", None],
    "deterministic": NOT_A_FLAG,
    "device": ["gpu", "cuda:", "cuda:x", "cuda:0\n", "CPU", "", None, 0],
    "precision": ["fp64", 32, None],
    "pretrained": [5, True, ""],
    "use_confidence_thresholding": NOT_A_FLAG,
    "confidence_mode": ["", "Balanced", "coverages", None],
    "confidence_measure": ["", "Lead", "odds", 1, True, None],
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

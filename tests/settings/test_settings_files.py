"""Settings as JSON: what is saved reads back, and a bad file is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig

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

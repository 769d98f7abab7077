"""freqtrade's environment variables are read as freqtrade reads them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from freqtrade.configuration.environment_vars import _flat_vars_to_nested_dict
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.errors import SettingsError
from dualwindow.settings.layers.environment import (
    environment_config,
    environment_layers,
    environment_names,
)
from dualwindow.settings.layers.files import Layer, LayeredConfig

PREFIX = "FREQTRADE__"
#: Letters of keys, and beginnings that lead to the exceptions of freqtrade's rules.
KEYS = st.sampled_from(
    ["a", "B", "Ab", "a_b", "", "exchange", "EXCHANGE", "ccxt_config", "CCXT_CONFIG"]
) | st.sampled_from(["PASSWORD", "password", "CHAT_ID", "chat_id", "freqai", "FREQAI"])
#: Numbers of other scripts count as numbers, too.
VALUES = st.one_of(
    st.sampled_from(
        ["1", "-3", "1_0", "0.5", "1e3", "nan", "inf", "\N{FULLWIDTH DIGIT ONE}", "0x10"]
    ),
    st.sampled_from(["true", "T", "False", "f", "", "none", "20250101-20250201"]),
    st.sampled_from(["[1, 2]", '["BTC/USDT:USDT"]', '{"a": 1}', '"x"', "[", "[1,]"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.integers().map(str),
    st.floats(allow_nan=False).map(str),
)
NAMES = st.lists(KEYS, min_size=1, max_size=4).map(lambda keys: PREFIX + "__".join(keys))


def same(ours: Any, theirs: Any) -> bool:
    """Equality of value and type, where NaN equals itself."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


@given(st.dictionaries(st.one_of(NAMES, st.sampled_from(["HOME", "FREQTRADE_", "x"])), VALUES))
def test_any_variables_make_the_configuration_that_freqtrade_makes(
    variables: dict[str, str],
) -> None:
    try:
        theirs = _flat_vars_to_nested_dict(variables, PREFIX)
    except (AttributeError, TypeError):
        # freqtrade ends in a traceback where a value and a group have one name.
        with pytest.raises(SettingsError, match="and another variable a value"):
            environment_config(variables)
        return
    assert same(environment_config(variables), theirs)


def test_every_typed_value_of_a_variable_replaces_that_of_a_file_and_names_its_origin() -> None:
    variables = {
        "FREQTRADE__FREQAI__IDENTIFIER": "other",
        "FREQTRADE__FREQAI__MODEL_TRAINING_PARAMETERS__EPOCHS": "7",
        "FREQTRADE__EXCHANGE__PAIR_WHITELIST": '["ETH/USDT:USDT"]',
        "FREQTRADE__DUALWINDOW__EVALUATION_FUNDING": "false",
        "PATH": "/bin",
    }
    file = Layer("config.json", {"freqai": {"identifier": "own", "train_period_days": 3}})
    merged = LayeredConfig([file, *environment_layers(variables)])
    assert merged.content == {
        "freqai": {
            "identifier": "other",
            "train_period_days": 3,
            "model_training_parameters": {"epochs": 7},
        },
        "exchange": {"pair_whitelist": ["ETH/USDT:USDT"]},
        "dualwindow": {"evaluation_funding": False},
    }
    assert merged.origin("freqai", "identifier") == "environment"
    assert merged.origin("freqai", "train_period_days") == "config.json"
    assert environment_names(variables) == sorted(variables.keys() - {"PATH"})


def test_without_variables_there_is_no_layer() -> None:
    assert environment_layers({"HOME": "/root"}) == []


def test_a_clash_names_the_variable_and_keeps_the_values_to_itself() -> None:
    variables = {"FREQTRADE__EXCHANGE": "s3cret", "FREQTRADE__EXCHANGE__KEY": "k3y"}
    with pytest.raises(SettingsError, match="FREQTRADE__EXCHANGE__KEY") as raised:
        environment_config(variables)
    assert "s3cret" not in str(raised.value)
    assert "k3y" not in str(raised.value)

"""The settings at the start of a training: what differs from the defaults, and its origin."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.cli.commands.train import add_arguments
from dualwindow.cli.display.settings_lines import settings_lines
from dualwindow.cli.options.flags import CONFIDENCE_FLAGS, TRAINING_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.settings import TrainingConfig
from dualwindow.settings.layers.files import Layer, LayeredConfig
from dualwindow.settings.root_settings import RootSettings

#: Values other than the defaults, by layer.
TRAINING: dict[str, Any] = {
    "window_size": 60,
    "epochs": 3,
    "lstm_units": [8],
    "confidence_mode": "balanced",
    "confidence_threshold_long": 0.6,
    "use_streaming": False,
}
ROOT: dict[str, Any] = {"train_days": 30.0, "tail_fraction": 0.2, "leverage": 2.0}
PAIRS = {"exchange": {"pair_whitelist": ["BTC/USDT", "ETH/USDT"]}}


def lines_of(*layers: Layer) -> list[str]:
    merged = LayeredConfig([Layer("pairs", PAIRS), *layers])
    return settings_lines(RunSettings.from_layers(merged))


@given(
    of_layer=st.dictionaries(
        st.sampled_from([*TRAINING, *ROOT]), st.sampled_from(["config.json", "preset quick"])
    )
)
def test_every_setting_that_differs_is_named_with_its_origin_and_no_other(
    of_layer: dict[str, str],
) -> None:
    contents: dict[str, Any] = {name: {"training": {}, "root": {}} for name in of_layer.values()}
    for name, layer in of_layer.items():
        kind, values = ("training", TRAINING) if name in TRAINING else ("root", ROOT)
        contents[layer][kind][name] = values[name]
    lines = lines_of(
        *(
            Layer(
                name,
                {
                    "dualwindow": content["root"],
                    "freqai": {"model_training_parameters": content["training"]},
                },
            )
            for name, content in contents.items()
        )
    )
    assert len(lines) == 2 + len(contents)
    assert "BTC/USDT, ETH/USDT; binance spot, 1m" in lines[0]
    for name, layer in of_layer.items():
        (line,) = [line for line in lines if line.startswith(f"settings of {layer}: ")]
        assert f"{name} {json.dumps({**TRAINING, **ROOT}[name])}" in line
    for name in {*TrainingConfig.model_fields, *RootSettings.model_fields} - of_layer.keys():
        assert not any(f" {name} " in line for line in lines)


def test_a_default_that_a_file_repeats_is_no_difference() -> None:
    same = {"freqai": {"model_training_parameters": TrainingConfig().to_dict()}}
    lines = lines_of(Layer("config.json", same))
    assert lines[1:] == ["every setting is the default; --print-config shows them"]


def test_flags_and_freqais_own_names_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {
        "freqai": {
            "data_split_parameters": {"test_size": 0.3},
            "feature_parameters": {"indicator_periods_candles": [10, 20]},
        }
    }
    Path("config.json").write_text(json.dumps(content), encoding="utf-8")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["--pair", "BTC/USDT", "--epochs", "7", "--confidence-hold", "0.5"]
    flags = (*TRAINING_FLAGS, *CONFIDENCE_FLAGS)
    lines = settings_lines(RunSettings.from_options(parser.parse_args(words), flags))
    assert "settings of --epochs: epochs 7" in lines
    assert "settings of --confidence-hold: confidence_threshold_hold 0.5" in lines
    assert "settings of config.json (test_size): validation_fraction 0.3" in lines
    assert "settings of config.json: indicator_periods_candles [10, 20]" in lines

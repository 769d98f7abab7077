"""The shipped presets say what they promise, to freqtrade and to the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from dualwindow.bot.config_checks import read_settings, read_strategy_settings
from dualwindow.errors import SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.settings import TrainingConfig
from dualwindow.settings.freqai import read_freqai_config
from dualwindow.settings.layers.files import LayeredConfig, read_layers
from dualwindow.settings.layers.presets import (
    find_preset,
    preset_files,
    preset_layers,
    preset_settings,
)
from dualwindow.settings.root_settings import RootSettings
from tests.makers.bot import REPOSITORY, freqtrade_config

#: Epochs (None: the configuration's), processes, chunk, period.
PROMISED: Final[dict[str, tuple[int | None, int, int, dict[str, Any]]]] = {
    "test": (2, 2, 2000, {"train_days": 7}),
    "quick": (5, 4, 5000, {"train_days": 30}),
    "standard": (None, 4, 10000, {"train_from": "2024-01-01", "train_to": "2024-12-31"}),
    "production": (None, 8, 15000, {"train_from": "2020-01-01"}),
}
CLASSIC: Final = "classic"
#: Epochs of config.json.
EPOCHS: Final = 6
each_preset = pytest.mark.parametrize("name", PROMISED)


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((REPOSITORY / "presets" / f"{name}.json").read_text(encoding="utf-8")))


def test_these_are_shipped_and_no_others() -> None:
    assert set(preset_files()) == {*PROMISED, CLASSIC}


@each_preset
def test_a_preset_sets_what_it_promises_and_nothing_else(name: str) -> None:
    epochs, processes, chunk, period = PROMISED[name]
    assert _read(name) == {
        "dualwindow": period,
        "freqai": {
            "identifier": f"preset-{name}",
            "model_training_parameters": {
                **({} if epochs is None else {"epochs": epochs}),
                "use_multiprocessing": True,
                "n_processes": processes,
                "streaming_chunk_size": chunk,
                "multiprocessing_chunk_size": chunk,
            },
        },
    }


@each_preset
def test_freqtrade_and_both_adapters_read_it_over_the_configuration(
    name: str, tmp_path: Path
) -> None:
    epochs, processes, chunk, period = PROMISED[name]
    config = freqtrade_config(tmp_path, f"presets/{name}.json")
    training = read_settings(config).training
    assert (training.epochs, training.confidence_mode) == (epochs or EPOCHS, "coverage")
    assert training.streaming_chunk_size == training.multiprocessing_chunk_size == chunk
    assert training.n_processes == min(processes, read_cores().usable)
    # The rest is the configuration's.
    assert training.patch_size == 5
    root = read_strategy_settings(config, training)
    shown = {"leverage": 1.0, "trade_only_on_evidence": False}
    assert root.model_dump(exclude_unset=True) == {**shown, **period}


@each_preset
def test_the_command_line_merges_it_likewise(name: str) -> None:
    layers = read_layers([REPOSITORY / "config.json", find_preset(name)])
    content = LayeredConfig(layers).content
    assert RootSettings.from_config(content).model_dump(exclude_unset=True) == {
        "leverage": 1.0,
        "trade_only_on_evidence": False,
        **PROMISED[name][3],
    }
    assert content["freqai"]["model_training_parameters"]["epochs"] == (PROMISED[name][0] or EPOCHS)
    assert content["freqai"]["train_period_days"] == 365


def test_classic_is_the_network_of_the_earlier_module_on_ninety_days(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path, f"presets/{CLASSIC}.json")
    assert config["freqai"]["train_period_days"] == 90
    trained = read_settings(config).training.to_dict()
    differing = {
        name for name, value in TrainingConfig().to_dict().items() if trained[name] != value
    }
    # Patches make a training six times faster at the same quality.
    assert differing == {"patch_size"}


@each_preset
@pytest.mark.parametrize("cores", [1, 3, 8])
def test_processes_adapt_to_the_machine_with_one_warning(name: str, cores: int) -> None:
    layers = read_layers([REPOSITORY / "config.json", find_preset(name)])
    settings = read_freqai_config(
        LayeredConfig(layers).content, cores=cores, timeframe_seconds={"1m": 60}
    )
    promised = PROMISED[name][1]
    assert settings.training.n_processes == min(promised, cores)
    lowered = [each for each in settings.warnings if "lowered" in each]
    assert len(lowered) == (promised > cores)


def test_each_has_a_model_folder_of_its_own() -> None:
    names = [_read(name)["freqai"]["identifier"] for name in (*PROMISED, CLASSIC)]
    names += [
        json.loads((REPOSITORY / file).read_text(encoding="utf-8"))["freqai"]["identifier"]
        for file in ("config.json", "config.spot.json")
    ]
    assert len(set(names)) == len(names)


def test_a_users_preset_comes_before_the_shipped_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "presets"
    own.mkdir()
    content = {"freqai": {"model_training_parameters": {"seed": 3, "epochs": 7, "device": "cpu"}}}
    for name in ("quick", "mine"):
        (own / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert preset_files().keys() == {*PROMISED, CLASSIC, "mine"}
    # In the order of the settings reference.
    assert list(preset_settings(find_preset("quick"))) == ["epochs", "seed", "device"]
    assert preset_settings(find_preset("test"))["epochs"] == 2


def test_a_preset_may_be_a_file_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "somewhere.json"
    assert find_preset(str(path)) == path
    with pytest.raises(SettingsError, match="no file"):
        preset_settings(path)


def test_an_unknown_preset_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        SettingsError, match=r"classic, production, quick, standard, test; .* 'standard'"
    ):
        find_preset("standart")
    with pytest.raises(SettingsError, match="take one of those"):
        find_preset("xyz")


def test_every_setting_of_a_preset_is_one_that_there_is() -> None:
    known = TrainingConfig.model_fields.keys() | RootSettings.model_fields.keys()
    for name in PROMISED:
        content = _read(name)
        given = {**content["dualwindow"], **content["freqai"]["model_training_parameters"]}
        assert given.keys() <= known
        assert preset_settings(find_preset(name)) == given


def test_what_a_preset_names_lies_below_it(tmp_path: Path) -> None:
    parameters = {"epochs": 3, "seed": 3}
    below = {"freqai": {"model_training_parameters": parameters}}
    (tmp_path / "below.json").write_text(json.dumps(below), encoding="utf-8")
    own = {"add_config_files": ["below.json"], "freqai": {"model_training_parameters": {"seed": 4}}}
    (tmp_path / "mine.json").write_text(json.dumps(own), encoding="utf-8")
    merged = LayeredConfig(preset_layers(str(tmp_path / "mine.json")))
    assert merged.content == {"freqai": {"model_training_parameters": {"epochs": 3, "seed": 4}}}
    assert merged.origin("freqai", "model_training_parameters", "seed") == "preset mine"
    assert preset_layers(None) == []

"""Code and commands of the earlier training module: they work, or the error is what to write.

The snippets are those of its chapters on configuration and presets, in our own words.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from dualwindow.cli.commands.train import add_arguments
from dualwindow.cli.options.flags import CONFIDENCE_FLAGS, TRAINING_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.frozen import FrozenModel
from dualwindow.settings.root_settings import RootSettings

#: Statement to the settings that it was meant to bring.
STATEMENTS: Final[dict[str, dict[str, Any]]] = {
    'config.apply_confidence_mode("conservative")': {"confidence_mode": "conservative"},
    'config.apply_confidence_mode("aggressive")': {"confidence_mode": "aggressive"},
    'config.apply_confidence_mode(mode="balanced")': {"confidence_mode": "balanced"},
    "config.USE_CONFIDENCE_THRESHOLDING = True": {"use_confidence_thresholding": True},
    "config.CONFIDENCE_THRESHOLD_SHORT = 0.70": {"confidence_threshold_short": 0.7},
    "config.CONFIDENCE_THRESHOLD_LONG = 0.70": {"confidence_threshold_long": 0.7},
    "config.CONFIDENCE_THRESHOLD_HOLD = 0.30": {"confidence_threshold_hold": 0.3},
    "config.USE_MULTIPROCESSING = True": {"use_multiprocessing": True},
    "config.N_PROCESSES = 4": {"n_processes": 4},
    "config.MULTIPROCESSING_CHUNK_SIZE = 10000": {"multiprocessing_chunk_size": 10000},
    "config.USE_BATCH_EXTRACTION = True": {"use_batch_extraction": True},
    "config.BATCH_EXTRACTION_SIZE = 1000": {"batch_extraction_size": 1000},
    "config.WINDOW_SIZE = 90": {"window_size": 90},
    "config.FUTURE_WINDOW = 180": {"future_window": 180},
    "config.LONG_TP_PCT = 0.01": {"long_tp_pct": 0.01},
    "config.LONG_SL_PCT = 0.005": {"long_sl_pct": 0.005},
    "config.EPOCHS = 100": {"epochs": 100},
    "config.BATCH_SIZE = 256": {"batch_size": 256},
    "config.LEARNING_RATE = 0.002": {"learning_rate": 0.002},
    "config.STREAMING_CHUNK_SIZE = 500": {"streaming_chunk_size": 500},
    "config.USE_STREAMING = True": {"use_streaming": True},
    "config.N_PROCESSES = min(4, 8 - 1)": {"n_processes": 4},
    "config.window_size = 90": {"window_size": 90},
    "config.windowsize = 90": {"window_size": 90},
    "setattr(config, 'EPOCHS', 5)": {"epochs": 5},
    "config.replace(epochs=5)": {"epochs": 5},
}
#: Calls and reads that work as they are.
WORKING: Final = (
    "config.print_summary()",
    "config.validate_config()",
    "config.validate_confidence_params()",
    "days = config.calculate_required_buffer_days()",
    "plain = config.to_dict()",
    "config.save_to_file('a.json'); config = TrainingConfig.from_config_file('a.json')",
    "config = config.apply_confidence_mode('aggressive')",
    "print(config.apply_confidence_mode('aggressive').thresholds)",
    "modes = [config.apply_confidence_mode(mode) for mode in ('balanced', 'aggressive')]",
    "config = config.replace(epochs=5).replace(seed=1)",
    "(lambda: config.replace(epochs=5))()",
    "assert config.apply_confidence_mode('balanced')",
    "if config.replace(epochs=5): pass",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_change_in_place_is_refused_and_what_the_error_says_works(statement: str) -> None:
    names: dict[str, Any] = {"config": TrainingConfig()}
    with pytest.raises(SettingsError) as caught:
        exec(statement, names)
    assert names["config"] == TrainingConfig()
    found = re.search(r"write (config = config\.\w+\(.*\))$", str(caught.value))
    assert found is not None
    # `...` stands for the arguments of the statement itself.
    own = statement.partition("(")[2].rstrip(")")
    exec(found[1].replace("...", own), names)
    expected = STATEMENTS[statement]
    assert {name: getattr(names["config"], name) for name in expected} == expected


@pytest.mark.parametrize("code", WORKING)
def test_what_the_earlier_module_offers_works(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(code, {"config": TrainingConfig(), "TrainingConfig": TrainingConfig})


@pytest.mark.parametrize("name", TrainingConfig.model_fields)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_a_change_of_the_class_is_refused_and_what_the_error_proposes_works(
    name: str, case: Any
) -> None:
    value = getattr(TrainingConfig(), name)
    with pytest.raises(SettingsError) as caught:
        setattr(TrainingConfig, case(name), value)
    found = re.search(r"write (config = TrainingConfig\(.*\))$", str(caught.value))
    assert found is not None
    names: dict[str, Any] = {"TrainingConfig": TrainingConfig}
    exec(found[1], names)
    assert names["config"].model_fields_set == {name}
    with pytest.raises(AttributeError, match=rf"write TrainingConfig\(\)\.{name}$"):
        getattr(TrainingConfig, case(name))
    assert TrainingConfig() == TrainingConfig.from_parameters({})


@pytest.mark.parametrize("name", TrainingConfig.model_fields)
@pytest.mark.parametrize("case", [str.upper, lambda name: name.replace("_", "")])
def test_another_case_of_any_name_is_refused_with_the_name(name: str, case: Any) -> None:
    config = TrainingConfig()
    if (other := case(name)) == name:
        return
    value = getattr(config, name)
    for use in (
        lambda: getattr(config, other),
        lambda: TrainingConfig(**{other: value}),
        lambda: TrainingConfig.from_parameters({other: value}),
        lambda: config.replace(**{other: value}),
    ):
        with pytest.raises((AttributeError, ValidationError, SettingsError)) as caught:
            use()
        assert f"did you mean {name!r}?" in str(caught.value)
    assert not hasattr(config, other)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("WINDOW_PAST", "window_size"),
        ("window_future", "future_window"),
        ("chunk_size", "multiprocessing_chunk_size"),
        ("confidence_short", "confidence_threshold_short"),
        ("CONFIDENCE_LONG", "confidence_threshold_long"),
        ("confidence-hold", "confidence_threshold_hold"),
        ("thresholdShort", "confidence_threshold_short"),
        ("TP_LONG_PCT", "long_tp_pct"),
        ("SHORT_SL", "short_sl_pct"),
        ("LEARNINGRATE", "learning_rate"),
        ("Learning Rate", "learning_rate"),
        ("N_PROCESES", "n_processes"),
        ("num_epochs", "epochs"),
        ("MAX_MEMORY_USAGE", "max_memory_usage_pct"),
        ("STREAM_CHUNK_SIZE", "streaming_chunk_size"),
    ],
)
def test_a_name_is_recognised_across_case_and_spelling(written: str, meant: str) -> None:
    for use in (
        lambda: TrainingConfig.from_parameters({written: 1}),
        lambda: TrainingConfig(**{written: 1}),
        lambda: TrainingConfig().replace(**{written: 1}),
    ):
        with pytest.raises((ValidationError, SettingsError)) as caught:
            use()
        assert f"{written!r} is not a setting; did you mean {meant!r}?" in str(caught.value)


def test_a_name_like_no_setting_cannot_be_assigned_either() -> None:
    config = TrainingConfig()
    with pytest.raises(SettingsError, match="'zzz' is not a setting"):
        config.zzz = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="zzz"):
        config.zzz  # type: ignore[attr-defined]  # noqa: B018


def test_a_bad_mode_is_refused_before_its_result_is_missed() -> None:
    with pytest.raises(SettingsError, match="confidence_mode 'bold'"):
        TrainingConfig().apply_confidence_mode("bold")  # type: ignore[arg-type]


#: Flags of the earlier script and wrapper, and the settings that they bring.
COMMANDS: Final[dict[str, dict[str, Any]]] = {
    "--pair BTC_USDT --epochs 100 --window-past 180 --window-future 120": {
        "epochs": 100,
        "window_size": 180,
        "future_window": 120,
    },
    "--pair BTC_USDT --streaming-chunk-size 1000 --epochs 100 --batch-size 256": {
        "streaming_chunk_size": 1000,
        "batch_size": 256,
    },
    "--pair BTC_USDT --confidence-mode conservative --confidence-short 0.70 "
    "--confidence-long 0.70 --confidence-hold 0.30": {
        "confidence_mode": "conservative",
        "confidence_threshold_short": 0.7,
        "confidence_threshold_hold": 0.3,
    },
    # Given several times the last one counts.
    "--pair BTC_USDT --streaming-chunk-size 500 --streaming-chunk-size 2000 "
    "--streaming-chunk-size 5000": {"streaming_chunk_size": 5000},
    # Epochs and thresholds of long trainings are the configuration's, whose recipe differs.
    "--preset test": {"epochs": 2, "n_processes": 2},
    "--preset quick": {"epochs": 5, "n_processes": 4},
    "--preset standard": {"n_processes": 4, "streaming_chunk_size": 10000},
    "--preset production": {"n_processes": 8, "streaming_chunk_size": 15000},
    "--preset classic": {"epochs": 100, "confidence_mode": "conservative"},
    "--preset standard --n-processes 12 --chunk-size 25000": {
        "n_processes": 12,
        "multiprocessing_chunk_size": 25000,
    },
    "--preset production --disable-multiprocessing --disable-confidence": {
        "use_multiprocessing": False,
        "use_confidence_thresholding": False,
    },
    "--preset production --n-processes 16 --chunk-size 50000 --batch-extraction-size 10000": {
        "n_processes": 16,
        "multiprocessing_chunk_size": 50000,
        "batch_extraction_size": 10000,
    },
    "--disable-batch-extraction": {"use_batch_extraction": False},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_flags_of_the_earlier_script_set_the_same_settings(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["--pair", "BTC_USDT", *shlex.split(command)]
    settings = RunSettings.from_options(
        parser.parse_args(words), (*TRAINING_FLAGS, *CONFIDENCE_FLAGS)
    )
    expected = COMMANDS[command]
    assert {name: getattr(settings.training, name) for name in expected} == expected


OWN: Final[tuple[type[FrozenModel], ...]] = (TrainingConfig, RootSettings)


@pytest.mark.parametrize("model", OWN, ids=lambda model: model.__name__)
@pytest.mark.parametrize(
    "make",
    [
        lambda model, name, value: model(**{name: value}),
        lambda model, name, value: model.model_validate({name: value}),
        lambda model, name, value: model.model_validate_json(json.dumps({name: value})),
        lambda model, name, value: model().model_copy(update={name: value}),
        lambda model, name, value: model().copy(update={name: value}),
    ],
    ids=["call", "validate", "json", "model_copy", "copy"],
)
def test_every_way_to_make_a_config_refuses_by_the_setting_and_its_value(
    model: type[FrozenModel], make: Any
) -> None:
    for name, field in model.model_fields.items():
        with pytest.raises(SettingsError, match=rf"did you mean '{name}'\?"):
            make(model, name.upper(), field.default)
        with pytest.raises(SettingsError, match=rf"^1 problem in .*\n  - {name} {{'no': 1}}: "):
            make(model, name, {"no": 1})


@pytest.mark.parametrize("model", OWN, ids=lambda model: model.__name__)
def test_a_copy_with_changes_is_as_good_as_a_new_config(model: type[FrozenModel]) -> None:
    values = {"seed": 3, "lstm_units": [8]} if model is TrainingConfig else {"leverage": 2.0}
    config = model.model_validate(values)
    assert model().model_copy(update=values) == config
    for name, value in values.items():
        other = config.model_copy(update={name: value})
        assert (other, other.model_fields_set) == (config, config.model_fields_set)
    assert config.model_copy() == config == copy.deepcopy(config)


@pytest.mark.parametrize("given", [{"epochs": 5}, "config.json", None, 5])
def test_settings_without_names_are_refused(given: Any) -> None:
    for make in (TrainingConfig, TrainingConfig.model_validate, TrainingConfig.from_parameters):
        if isinstance(given, dict) and make is not TrainingConfig:
            continue
        with pytest.raises(SettingsError, match=re.escape(repr(given))):
            make(given)


@pytest.mark.parametrize("name", [5, None, ("epochs",)])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(SettingsError, match=re.escape(str(name))):
        TrainingConfig.from_parameters({name: 1})


@pytest.mark.parametrize("case", [str.lower, str.upper])
@pytest.mark.parametrize("name", ["epochs", "window_size"])
def test_a_config_is_no_dictionary_and_its_error_proposes_the_statement(
    name: str, case: Any
) -> None:
    config = TrainingConfig()
    key = case(name)
    with pytest.raises(SettingsError, match=rf"config\[{key!r}\].*write config\.{name}$"):
        config[key]
    with pytest.raises(SettingsError, match=rf"write config = config\.replace\({name}=5\)$"):
        config[key] = 5
    with pytest.raises(SettingsError, match=rf"write config = config\.replace\({name}="):
        del config[key]
    assert name in config
    assert "EPOCHS" not in config


@pytest.mark.parametrize("method", ["get", "items", "keys", "values", "update", "pop"])
def test_methods_of_dictionaries_are_not_there_and_what_to_write_is_said(method: str) -> None:
    config = TrainingConfig()
    assert not hasattr(config, method)
    with pytest.raises(AttributeError, match=r"; write .*config\W"):
        getattr(config, method)


PATHS: Final = (None, 5, "", {"epochs": 5}, "/", "a\0b", "x" * 5000)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:20])
@pytest.mark.parametrize(
    "use", [TrainingConfig.from_config_file, TrainingConfig().save_to_file], ids=["read", "write"]
)
def test_what_is_no_file_is_refused_by_its_name(use: Any, path: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        use(path)
    shown = repr(path)[:40].rstrip("'")
    assert shown in str(caught.value) or str(path)[:40] in str(caught.value)


def test_a_folder_that_is_not_there_is_made_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(SettingsError, match=r"cannot be written: .*; name a file"):
        TrainingConfig().save_to_file(file / "settings.json")


@pytest.mark.parametrize("bad", ["64", 0, -1, float("nan"), float("inf"), True, [8], 1e300])
def test_a_machine_that_can_be_none_is_refused_by_its_figures(bad: Any) -> None:
    for name, value in {"memory_gib": 64, "cores": 16}.items():
        with pytest.raises(SettingsError, match=rf"  - {name} {re.escape(repr(bad))} ") as caught:
            _ = TrainingConfig().auto_configure(**{"memory_gib": 64, "cores": 16, name: bad})
        assert "leave it out" in str(caught.value)
        assert str(value) not in str(caught.value) or str(value) == bad
    with pytest.raises(SettingsError, match="2 problems"):
        _ = TrainingConfig().auto_configure("64", "16")  # type: ignore[arg-type]


@pytest.mark.parametrize("periods", [1440, "1440", ["1440"], [0], [1.5], None, [True]])
def test_periods_that_can_be_none_are_refused(periods: Any) -> None:
    with pytest.raises(SettingsError, match="indicator_periods "):
        TrainingConfig().calculate_required_buffer_days(periods)

"""Settings in a file of their own or in a wrong place: read, or refused with a way out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.freqai import check_freqai_config
from dualwindow.settings.layers.files import Layer, LayeredConfig, read_config_file, read_layers
from dualwindow.settings.layers.places import (
    FREQTRADES_GROUPS,
    TRAINING_GROUP,
    as_overlay,
    gathered,
    is_flat,
    misplaced,
    shown_path,
)
from dualwindow.settings.layers.presets import preset_settings
from dualwindow.settings.layers.unread import unread_settings
from dualwindow.settings.root_settings import RootSettings
from tests.makers.messages_in_code import REPOSITORY

DEFAULTS: Final = TrainingConfig()
#: A value for every setting, another than the default.
OTHER: Final[dict[str, Any]] = {
    "window_size": 90,
    "future_window": 60,
    "epochs": 7,
    "long_tp_pct": 0.02,
    "confidence_mode": "aggressive",
    "confidence_threshold_short": 0.6,
    "n_processes": 1,
    "use_streaming": False,
    "streaming_chunk_size": 500,
    "device": "cpu",
    "seed": 1,
    "lstm_units": [8],
}
CASES: Final = (str, str.upper, str.title)

flat_files = st.dictionaries(st.sampled_from(sorted(OTHER)), st.sampled_from(CASES), min_size=1)


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def merged_with(path: Path) -> dict[str, Any]:
    return LayeredConfig(read_layers([REPOSITORY / "config.json", path])).content


@given(cases=flat_files)
def test_a_file_of_settings_alone_is_read_in_whatever_case(
    cases: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = TrainingConfig.from_parameters({name: OTHER[name] for name in cases})
    content = {case(name): OTHER[name] for name, case in cases.items()}
    path = written(tmp_path_factory.mktemp("flat") / "settings.json", content)
    assert TrainingConfig.from_config_file(path) == expected
    merged = LayeredConfig(read_layers([REPOSITORY / "config.json", path]))
    for name in cases:
        assert merged.content["freqai"]["model_training_parameters"][name] == OTHER[name]
        assert merged.origin(*TRAINING_GROUP, name) == str(path)
    assert preset_settings(path) == {name: OTHER[name] for name in preset_settings(path)}
    assert preset_settings(path).keys() == cases.keys()


@given(cases=flat_files)
def test_what_to_dict_gave_comes_back(
    cases: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = TrainingConfig.from_parameters({name: OTHER[name] for name in cases})
    path = written(tmp_path_factory.mktemp("flat") / "settings.json", config.to_dict())
    assert TrainingConfig.from_config_file(path) == config
    # As an earlier version of this package wrote it.
    written(path, {**config.to_dict(), "auxiliary_weight": 0.0})
    assert TrainingConfig.from_config_file(path) == config


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"windowsize": 90}, "did you mean 'window_size'"),
        ({"windowSize": 90}, "did you mean 'window_size'"),
        ({"WINDOW-SIZE": 90, "EPOCHS": 7}, "did you mean 'window_size'"),
        ({"EPOCHS": 7, "INPUT_FEATURES": 8}, "'INPUT_FEATURES' is not a setting"),
        ({"WINDOW_SIZE": 90, "dry_run": True}, "'dry_run' is not a setting"),
        ({"EPOCHS": "7"}, "epochs '7'"),
        # Arguments of the earlier module's command line, with `epochs`, which freqtrade has too.
        ({"pair": "BTC_USDT", "epochs": 7}, "'pair' is not a setting; write exchange.pair_"),
        ({"date_from": "2025-01-01", "epochs": 7}, "write dualwindow.train_from"),
        ({"DATE-TO": "2025-01-01"}, "write dualwindow.train_to"),
        ({"window_past": 90}, "did you mean 'window_size'"),
        ({"windowFuture": 90, "epochs": 7}, "did you mean 'future_window'"),
        ({"disable_confidence": True}, "did you mean 'use_confidence_thresholding'"),
        ({"EPOCHS": 7, "epochs": 8}, "EPOCHS and epochs are the same setting"),
    ],
)
def test_what_such_a_file_has_besides_is_refused(
    content: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "old.json", content)
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.from_config_file(path)
    assert words in str(caught.value)
    assert "old.json" in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        _ = check_freqai_config(merged_with(path), timeframe_seconds={})
    assert words in str(caught.value)


#: Groups that hold settings by mistake, as users of the earlier module and of FreqAI may write.
WRONG_PLACES: Final[tuple[tuple[str | int, ...], ...]] = (
    (),
    ("training_config",),
    ("model_training_parameters",),
    ("TrainingConfig",),
    ("windows",),
    ("freqai",),
    ("freqai", "feature_parameters"),
    ("freqai", "data_split_parameters"),
    ("freqai", "mine", "windows"),
    ("dualwindow",),
    ("training", "config"),
    ("configs", 0),
    ("mine", "configs", 0, "windows"),
)


def nested(place: tuple[str | int, ...], value: Any) -> Any:
    """A value at a path of keys; a number stands for a list."""
    for key in reversed(place):
        value = [value] if isinstance(key, int) else {key: value}
    return value


def dotted(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place))


@pytest.mark.parametrize("place", WRONG_PLACES, ids=dotted)
@pytest.mark.parametrize("case", CASES)
def test_settings_in_a_wrong_place_are_refused_by_every_reader(
    place: tuple[str | int, ...], case: Any, tmp_path: Path
) -> None:
    shipped = read_config_file(REPOSITORY / "config.json")
    wrong = nested(place, {case("window_size"): 90, case("n_processes"): 1})
    merged = LayeredConfig([Layer("shipped", shipped), Layer("wrong", wrong)]).content
    words = (case("window_size"), "window_size", "freqai.model_training_parameters", "convert")
    # What `config validate` and `doctor` show, and what the bot ends with.
    problems = "\n".join(check_config(merged, cores=2).problems)
    assert all(word in problems for word in words)
    with pytest.raises(SettingsError) as caught:
        check_freqai_config(merged, timeframe_seconds={})
    assert all(word in str(caught.value) for word in words)
    path = written(tmp_path / "wrong.json", {**merged, "add_config_files": []})
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.from_config_file(path)
    assert all(word in str(caught.value) for word in words)
    assert gathered(wrong, "wrong") == nested(TRAINING_GROUP, {"window_size": 90, "n_processes": 1})


@pytest.mark.parametrize("place", [(), ("freqai",), TRAINING_GROUP], ids=".".join)
def test_root_settings_in_a_wrong_place_are_refused(place: tuple[str, ...]) -> None:
    shipped = read_config_file(REPOSITORY / "config.json")
    wrong = nested(place, {"leverage": 3.0})
    merged = LayeredConfig([Layer("shipped", shipped), Layer("wrong", wrong)]).content
    assert any(
        "write leverage in dualwindow" in text for text in check_config(merged, cores=2).problems
    )


@pytest.mark.parametrize(
    "content",
    [
        {"training_config": {"EPOCHS": 7}},
        {"model_training_parameters": {"epochs": 7, "seed": 3}},
        {"mine": {"model_training_parameters": {"seed": 3}}},
        {"arguments": {"pair": "BTC_USDT", "date_from": "2025-01-01", "epochs": 7}},
        {"arguments": {"pair": "A/B", "date_from": "", "date_to": "", "batch_size": 8, "x": 1}},
    ],
)
def test_single_words_count_where_they_can_only_be_ours(content: dict[str, Any]) -> None:
    assert misplaced(content) != []


@pytest.mark.parametrize(
    "group",
    [
        {"leverage": 3.0},
        {"seed": 1, "device": "cpu"},
        {"learning_rate": 0.1, "trees": 5},
        {"options": {"precision": 8}},
    ],
)
def test_a_users_own_group_may_have_names_like_ours(group: dict[str, Any]) -> None:
    assert misplaced({"my_strategy": group}) == []


def told_of(path: Path, caplog: pytest.LogCaptureFixture) -> str:
    """The error about a file, or what is logged where the defaults are taken."""
    try:
        config = TrainingConfig.from_config_file(path)
    except SettingsError as error:
        return str(error)
    assert config == DEFAULTS
    return caplog.text


#: Groups in which a single name of a setting may be anyone's.
ANYONES_PLACES: Final[tuple[tuple[str | int, ...], ...]] = (
    ("params",),
    ("training",),
    ("config",),
    ("my_bot", "options"),
    ("configs", 0),
    ("freqai.model_training_parameters",),
)


@pytest.mark.parametrize("place", ANYONES_PLACES, ids=dotted)
@pytest.mark.parametrize("beside", [{}, {"trees": 5, "depth": 3, "url": "x"}], ids=len)
@pytest.mark.parametrize("name", ["epochs", "seed", "leverage", "window_size", "windowPast"])
def test_a_setting_in_a_group_of_anyones_is_refused_or_warned_of_by_every_reader(
    place: tuple[str | int, ...],
    beside: dict[str, Any],
    name: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = nested(place, {name: 1, **beside})
    shipped = read_config_file(REPOSITORY / "config.json")
    merged = LayeredConfig([Layer("shipped", shipped), Layer("wrong", wrong)])
    where = f"{name} in {shown_path(tuple(key for key in place if isinstance(key, str)))}"
    for in_bot in (True, False):
        checked = check_config(merged.content, cores=2, in_bot=in_bot)
        assert sum(where in text for text in (*checked.problems, *checked.warnings)) == 1
    path = written(tmp_path / "wrong.json", wrong)
    assert where in told_of(path, caplog)


@pytest.mark.parametrize(
    ("content", "right"),
    [
        ({"training.epochs": 7}, "write epochs in freqai.model_training_parameters"),
        ({"FREQAI__DEVICE": "cpu"}, "write device in freqai.model_training_parameters"),
        (
            {"exchange": {"window_size": 90}},
            "write window_size in freqai.model_training_parameters",
        ),
        ({"epochs": 7, "dry_run": True}, "that of a training is epochs in freqai.model_training_"),
        ({"window_past": 7, "mine": {}}, "did you mean 'window_size' in freqai.model_training_"),
    ],
)
def test_what_is_probably_a_setting_is_warned_of(
    content: dict[str, Any], right: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shipped = read_config_file(REPOSITORY / "config.json")
    merged = LayeredConfig([Layer("shipped", shipped), Layer("more", content)]).content
    assert any(right in warning for warning in check_config(merged, cores=2).warnings)
    path = written(tmp_path / "more.json", content)
    told = told_of(path, caplog)
    assert right in told
    assert "more.json" in told


@pytest.mark.parametrize("name", ["trees", "depth", "pair", "url", "windows", "learning"])
def test_a_group_without_a_setting_brings_no_word(name: str) -> None:
    assert unread_settings({"my_bot": {name: 1, "configs": [{name: 1}]}}) == []


def test_a_group_of_the_users_own_loses_nothing() -> None:
    content = {"EPOCHS": 7, "WINDOW_SIZE": 90, "INPUT_FEATURES": 8}
    kept = {"epochs": 7, "window_size": 90, "INPUT_FEATURES": 8}
    assert gathered({"mine": content}, "mine.json") == nested(TRAINING_GROUP, kept)


Schema = dict[str, Any]


def resolved(schema: Schema) -> Schema:
    """A part of freqtrade's schema, with the definition that it refers to."""
    _, _, name = str(schema.get("$ref", "")).rpartition("/")
    return {**CONF_SCHEMA["definitions"][name], **schema} if name else schema


def schema_names(
    schema: Schema, above: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """Paths of all options, those of groups in lists included."""
    for name, part in (schema.get("properties") or {}).items():
        inner = resolved(part)
        yield (*above, name)
        yield from schema_names(inner, (*above, name))
        yield from schema_names(resolved(inner.get("items") or {}), (*above, name, 0))


def test_no_option_of_freqtrade_is_taken_for_a_setting() -> None:
    paths = list(schema_names(CONF_SCHEMA))
    assert ("freqai", "train_period_days") in paths
    assert ("pairlists", 0, "method") in paths
    for path in paths:
        content = nested(path, 1)
        assert misplaced(content) == []
        assert unread_settings(content) == []
        # Alone in a file `epochs` may be either, so it is a setting there.
        assert not is_flat({**content, "spaces": ["buy"]})


def test_every_group_of_freqtrade_is_known_as_its_own() -> None:
    for name, part in CONF_SCHEMA["properties"].items():
        kinds = resolved(part).get("type", [])
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if {"object", "array"} & set(kinds) and name != "freqai":
            assert name in FREQTRADES_GROUPS


@pytest.mark.parametrize(
    "content",
    [
        {"pairlists": [{"method": "ShuffleFilter", "seed": 42}]},
        {"pairlists": [{"seed": 42}]},
        {"webhook": {"entry": {"leverage": "{leverage}", "pair": "{pair}"}}},
        {"webhook": {"entry": {"LEVERAGE": "{leverage}"}}},
        {"discord": {"entry": [{"Leverage": "{leverage}"}, {"Pair": "{pair}"}]}},
        {"exchange": {"ccxt_config": {"options": {"leverage": 3, "precision": 8}}}},
        {"log_config": {"handlers": {"file": {"device": "x"}}}},
        {"original_config": {"training": {"epochs": 3}}},
    ],
)
def test_names_that_freqtrade_and_its_plugins_read_are_theirs(content: dict[str, Any]) -> None:
    assert misplaced(content) == []
    assert unread_settings(content) == []


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("pair", "'pair_whitelist' in exchange"),
        ("DATE_FROM", "'train_from' in dualwindow"),
        ("window_past", "'window_size' in freqai.model_training_parameters"),
        ("chunk_size", "'multiprocessing_chunk_size' in freqai.model_training_parameters"),
        ("epochs", "that of a training is epochs in freqai.model_training_parameters"),
    ],
)
def test_a_name_of_the_earlier_command_line_beside_groups_is_warned_of(
    name: str, right: str
) -> None:
    merged = {**read_config_file(REPOSITORY / "config.json"), name: 1}
    assert any(right in warning for warning in check_config(merged, cores=2).warnings)


def test_the_epochs_of_hyperopt_are_freqtrades() -> None:
    hyperopt = {"epochs": 100, "spaces": ["buy"]}
    assert as_overlay(hyperopt, "hyperopt.json") == hyperopt
    merged = {**read_config_file(REPOSITORY / "config.json"), **hyperopt}
    merged["original_config"] = merged.copy()
    assert misplaced(merged) == []
    checked = check_config(merged, cores=2, in_bot=True)
    assert checked.problems == ()
    assert not any("epochs" in warning for warning in checked.warnings)


def test_every_shipped_file_has_its_settings_in_their_places() -> None:
    for path in [*REPOSITORY.glob("config*.json"), *REPOSITORY.glob("presets/*.json")]:
        content = read_config_file(path)
        assert misplaced(content) == []
        assert unread_settings(content) == []
        assert as_overlay(content, str(path)) == content


def test_every_setting_has_a_place() -> None:
    names = [*TrainingConfig.model_fields, *RootSettings.model_fields]
    for name in names:
        assert is_flat({name: 1})
        assert misplaced({name.upper(): 1, "freqai": {}})


def test_of_many_settings_in_a_wrong_place_the_first_are_named_and_the_rest_counted() -> None:
    names = list(TrainingConfig.model_fields)[:12]
    (problem,) = misplaced(dict.fromkeys(names, 1))
    assert " and " in problem
    listed, _, rest = problem.partition(" more in the root of the configuration")
    assert rest
    count = int(listed.rsplit(" and ", 1)[1])
    assert count + listed.count(",") + 1 == len(names)

"""Configuration in layers: the last one wins, and it is known who said what."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from freqtrade.configuration.load_config import load_from_files
from freqtrade.misc import deep_merge_dicts
from hypothesis import example, given
from hypothesis import strategies as st

from dualwindow.cli.main import main
from dualwindow.errors import SettingsError
from dualwindow.settings.layers.files import Layer, LayeredConfig, read_layers
from tests.makers.bot import REPOSITORY

keys = st.sampled_from("abc")
values = st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
# Each key holds either a group or a plain value, in all files alike.
contents = st.fixed_dictionaries(
    {}, optional={"plain": values, "group": st.dictionaries(keys, values, min_size=1)}
)


@given(layers=st.lists(contents, max_size=4))
def test_layers_merge_as_freqtrade_merges_its_files(layers: list[dict[str, Any]]) -> None:
    expected: dict[str, Any] = {}
    for content in layers:
        expected = deep_merge_dicts(deepcopy(content), expected)
    found = LayeredConfig([Layer(str(at), content) for at, content in enumerate(layers)])
    assert found.content == expected


@given(layers=st.lists(contents, min_size=1, max_size=4))
def test_a_value_comes_from_the_last_layer_that_says_something(
    layers: list[dict[str, Any]],
) -> None:
    found = LayeredConfig([Layer(str(at), content) for at, content in enumerate(layers)])
    for key in "abc":
        said = [at for at, content in enumerate(layers) if key in content.get("group", {})]
        assert found.origin("group", key) == (str(said[-1]) if said else None)


def test_files_that_a_file_names_lie_below_it_as_for_freqtrade(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    files = {
        "config.json": '{"add_config_files": ["deep/a.json", "deep/b.json"], "x": 1 /* own */}',
        "deep/a.json": '{"x": 2, "y": 2, "z": 2,}',
        "deep/b.json": '{"z": 3}',
        "last.json": '{"y": 4}',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    given_files = [tmp_path / "config.json", tmp_path / "last.json"]
    found = LayeredConfig(read_layers(given_files))
    assert found.content == {"x": 1, "y": 4, "z": 3}
    assert found.origin("z") == str(tmp_path / "deep" / "b.json")
    theirs = load_from_files([str(file) for file in given_files])
    assert {key: theirs[key] for key in "xyz"} == found.content


def test_the_later_beginning_of_a_period_takes_the_place_of_the_other_kind() -> None:
    days = Layer("preset quick", {"dualwindow": {"train_days": 30}})
    start = Layer("--date-from", {"dualwindow": {"train_from": "2025-01-01"}})
    found = LayeredConfig([days, start])
    assert found.content["dualwindow"] == {"train_days": None, "train_from": "2025-01-01"}
    found = LayeredConfig([start, days])
    assert found.content["dualwindow"] == {"train_days": 30, "train_from": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file .*config.json"),
        ("{", "not valid JSON"),
        ("[1]", "not a group of settings"),
        ('{"add_config_files": ["config.json"]}', "go in a circle"),
        ('{"add_config_files": ["other.json"]}', "there is no file .*other.json"),
        ('{"add_config_files": "other.json"}', "'other.json' is not a list of files"),
        ('{"add_config_files": [1]}', "is not a list of files"),
    ],
)
def test_a_bad_file_is_refused_by_its_name(text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        read_layers([file])


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_layers([tmp_path])


def test_what_is_read_is_left_as_it_was(tmp_path: Path) -> None:
    content = {"group": {"a": [1]}}
    (tmp_path / "config.json").write_text(json.dumps(content), encoding="utf-8")
    layers = read_layers([tmp_path / "config.json"])
    LayeredConfig([*layers, Layer("flag", {"group": {"a": [2]}})])
    assert layers[0].content == content


GROUPS = ("freqai", "dualwindow", "exchange", "freqai.model_training_parameters")


def _overlay(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


@pytest.mark.parametrize("path", GROUPS)
@pytest.mark.parametrize("value", [7, "x", [], ["30s"], True])
@pytest.mark.parametrize("is_last", [True, False])
def test_something_else_for_a_group_never_drops_the_settings_in_it(
    path: str, value: Any, is_last: bool
) -> None:
    wrong = Layer("wrong.json", _overlay(path, value))
    good = Layer("good.json", _overlay(path, {"epochs": 3}))
    with pytest.raises(SettingsError) as refused:
        LayeredConfig([good, wrong] if is_last else [wrong, good])
    assert f"{path} {value!r} is not a group of settings" in str(refused.value)
    assert "wrong.json" in str(refused.value)


@pytest.mark.parametrize("path", GROUPS)
@pytest.mark.parametrize("value", [7, ["30s"], None])
def test_a_flag_over_such_a_file_ends_in_no_traceback(
    path: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "overlay.json"
    overlay.write_text(json.dumps(_overlay(path, value)), encoding="utf-8")
    files = ["-c", str(REPOSITORY / "config.json"), "-c", str(overlay)]
    flags = ["--epochs", "3", "--pair", "BTC/USDT:USDT", "--fee", "0.0001"]
    assert main(["train", *files, *flags, "--print-config"]) == (value is not None)
    assert (path in capsys.readouterr().err) == (value is not None)


@given(
    layers=st.lists(
        st.dictionaries(keys, values | st.dictionaries(keys, values | st.just({})), max_size=3),
        max_size=5,
    )
)
@example(layers=[{"a": {}}, {"a": {"a": None}}])
def test_an_origin_is_that_of_a_value_that_is_there(layers: list[dict[str, Any]]) -> None:
    found = LayeredConfig([Layer(str(at), content) for at, content in enumerate(layers)])
    for first in "abc":
        inner = found.content.get(first)
        is_group = isinstance(inner, dict) and bool(inner)
        assert found.origin(first) is None or (first in found.content and not is_group)
        for second in "abc":
            there = is_group and second in inner
            assert (found.origin(first, second) is not None) == bool(there)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"a": 1, "b": {"a": 2}}', ()),
        ('{"a": 1, "a": 2}', ("a",)),
        (
            '{"freqai": {"epochs": 3, /* or */ "epochs": 5,}, "x": [{"y": 1, "y": 2}]}',
            ("epochs", "y"),
        ),
        ('{"freqai": {"a": 1}, "freqai": {"b": 2}}', ("freqai",)),
    ],
)
def test_a_name_that_is_there_twice_is_warned_of(
    text: str, names: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    (layer,) = read_layers([path], as_freqtrade=True)
    theirs = load_from_files([str(path)])
    assert {**layer.content, "config_files": [str(path)]} == theirs
    assert ("there twice" in caplog.text) == bool(names)
    assert all(name in caplog.text for name in names)

"""The check of a whole configuration: what `config validate` and the bot refuse, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA

from dualwindow.cli.main import main
from dualwindow.errors import ModelFileError
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.pretrained import load_pretrained
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.freqai_options import FeatureOptions, FreqaiOptions, SplitOptions
from dualwindow.settings.checks.sizes import count_weights, size_problems
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.messages import shown
from tests.makers.bot import REPOSITORY


def shipped(**changes: Any) -> dict[str, Any]:
    """The shipped configuration with other values at its root."""
    content: dict[str, Any] = json.loads((REPOSITORY / "config.json").read_text("utf-8"))
    return {**content, **changes}


def problems_with(path: str, value: Any) -> tuple[str, ...]:
    """Problems of the shipped configuration with one value set."""
    content = shipped()
    *above, name = path.split(".")
    group = content
    for key in above:
        group = group[key]
    group[name] = value
    return check_config(content, cores=2).problems


FEATURES = "freqai.feature_parameters"
TRAINING = "freqai.model_training_parameters"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{FEATURES}.indicator_periods_candles", 1440),
        (f"{FEATURES}.indicator_periods_candles", [10**9]),
        (f"{FEATURES}.include_corr_pairlist", [None]),
        (f"{FEATURES}.include_timeframes", ["1m", 5]),
        (f"{FEATURES}.include_timeframes", ["1m", "1m"]),
        (f"{FEATURES}.include_timeframes", ["30s"]),
        (f"{FEATURES}.label_period_candles", "120"),
        ("freqai.train_period_days", "90"),
        ("freqai.train_period_days", -5),
        ("freqai.train_period_days", 0),
        ("freqai.train_period_days", 2**64 + 1),
        ("freqai.live_retrain_hours", -1),
        ("freqai.live_retrain_hours", float("nan")),
        ("freqai.backtest_period_days", 0),
        ("freqai.backtest_period_days", 1e-9),
        ("freqai.expiration_hours", float("inf")),
        ("freqai.purge_old_models", -2),
        ("freqai.enabled", False),
        ("freqai.identifier", "x" * 400),
        ("freqai.identifier", "a\0b"),
        ("freqai.identifier", " "),
        ("freqai.data_split_parameters", None),
        (f"{TRAINING}.mirror", {}),
        (f"{TRAINING}.lstm_units", [100_000]),
        (f"{TRAINING}.lstm_units", [8] * 17),
        (f"{TRAINING}.dense_units", [2**70]),
        (f"{TRAINING}.epochs", 1e30),
        (f"{TRAINING}.seed", 2**70),
        (f"{TRAINING}.gradient_clip", 1e30),
        (f"{TRAINING}.pretrained", "x" * 5000),
        (f"{TRAINING}.pretrained", "x" * 300),
        ("dualwindow.train_from", "soon"),
        ("dualwindow.train_to", "9999-12-31"),
        ("dualwindow.train_days", 1e30),
        ("exchange.pair_whitelist", []),
        ("exchange.pair_whitelist", ["BTC/USDT", "BTC/USDT"]),
        ("timeframe", None),
        ("fee", "0.1 %"),
        ("datadir", "x" * 5000),
        ("stoploss", -0.1),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_name(path: str, value: Any) -> None:
    problems = problems_with(path, value)
    assert problems
    assert all(path.rpartition(".")[2] in problem for problem in problems)


@pytest.mark.parametrize("name", ["window_size", "batch_size", "epochs", "n_processes"])
@pytest.mark.parametrize("value", [10**10, 2**63, 2**64 + 1, 10**400])
def test_no_size_is_without_a_bound(name: str, value: int) -> None:
    (problem,) = problems_with(f"{TRAINING}.{name}", value)
    assert problem.startswith(f"{name} ")
    assert "less than or equal to" in problem
    assert len(problem) < 300


def test_every_number_among_the_settings_has_both_bounds() -> None:
    for name, schema in TrainingConfig.model_json_schema()["properties"].items():
        kinds = [schema, *schema.get("anyOf", []), schema.get("items", {})]
        for kind in kinds:
            if kind.get("type") in ("integer", "number"):
                assert {"maximum", "exclusiveMaximum"} & kind.keys(), name
                assert {"minimum", "exclusiveMinimum"} & kind.keys(), name
            if kind.get("type") == "array":
                assert "maxItems" in kind, name


def test_freqais_options_are_those_of_freqtrades_schema() -> None:
    schema = CONF_SCHEMA["definitions"]["freqai"]["properties"]
    elsewhere = {"identifier", "rl_config", "indicator_periods_candles", "test_size"}
    for options, model in (
        (schema, FreqaiOptions),
        (schema["feature_parameters"]["properties"], FeatureOptions),
        (schema["data_split_parameters"]["properties"], SplitOptions),
    ):
        names = {name for name in options if not name.endswith("_parameters")} - elsewhere
        assert names == model.model_fields.keys()


def test_a_mistyped_option_is_warned_of_and_a_setting_in_a_wrong_place_refused() -> None:
    content = shipped(freqai=shipped()["freqai"] | {"train_perid_days": 9})
    assert "train_period_days" in "\n".join(check_config(content, cores=2).warnings)
    warnings = "\n".join(check_config(shipped(epocs=7, LEVERAGES=2), cores=2).warnings)
    for words in ("epocs is not read; did you mean 'epochs' in freqai.model", "'leverage' in dual"):
        assert words in warnings
    content = shipped(leverage=2, freqai=shipped()["freqai"] | {"epochs": 3})
    problems = "\n".join(check_config(content, cores=2).problems)
    for words in ("leverage in the root of the configuration", "epochs in freqai would have"):
        assert words in problems


@pytest.mark.parametrize("config", [{}, {"patch_size": 5}, {"dense_units": ()}])
def test_the_weights_are_counted_as_the_network_has_them(config: dict[str, Any]) -> None:
    settings = TrainingConfig(lstm_units=(7, 5), trend_head=False, **config)
    names = [f"x{number}" for number in range(6)]
    shape = NetworkShape.from_settings(settings, names)
    network = DualWindowNetwork(shape, [0.0] * 6, [1.0] * 6, None)
    made = sum(weights.numel() for weights in network.parameters())
    assert count_weights(settings, 6) == made


def test_a_network_that_cannot_fit_is_refused_with_its_figures() -> None:
    config = TrainingConfig(lstm_units=(8192,) * 16)
    (problem,) = size_problems(config, 8, 16 * 2**30)
    assert "8,3" in problem
    assert "more than the 16.0 GiB" in problem
    assert size_problems(TrainingConfig(), 8, 2**30) == []


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-this-name/model"])
def test_a_model_whose_name_can_be_no_path_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="pretrained"):
        load_pretrained(TrainingConfig(pretrained=name), tmp_path)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b"", "document is empty"),
        (b"[1]", "not a group of settings"),
        (b"7", "not a group of settings"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "save it as UTF-8"),
        (b'{\n"a": 1,\n"b" 2}', "line 3"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": 1e999}', "not valid JSON"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "too deep"),
        (b'{"a":' * 100_000, "too deep"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name(
    written: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(written)
    assert main(["config", "validate", str(path)]) == 1
    printed = capsys.readouterr().err
    assert str(path) in printed
    assert words in printed


@pytest.mark.parametrize("name", ["", "x" * 300, "nul\0"])
def test_a_path_that_is_no_file_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "validate", str(tmp_path / name)]) == 1
    assert "problem in" in capsys.readouterr().err


def test_comments_and_trailing_commas_are_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    text = (REPOSITORY / "config.json").read_text("utf-8")
    path.write_text("// mine\n" + text.rstrip().removesuffix("}") + ",}", encoding="utf-8")
    assert main(["config", "validate", str(path)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("days", "timeframe", "training", "is_refused"),
    [
        (1, "1m", {"window_size": 180, "future_window": 1260}, True),
        (1, "1m", {"window_size": 180, "future_window": 1259}, False),
        (1, "5m", {}, True),
        (2, "5m", {}, False),
        (10, "1h", {"window_size": 200, "future_window": 40}, True),
        (1, "1m", {"window_size": 1500, "patch_size": 5}, True),
        # Nothing is trained.
        (1, "5m", {"epochs": 0, "pretrained": "mine"}, False),
    ],
)
def test_a_training_period_without_one_window_and_future_is_refused(
    days: int, timeframe: str, training: dict[str, Any], is_refused: bool
) -> None:
    content = shipped(timeframe=timeframe)
    content["freqai"]["train_period_days"] = days
    content["freqai"]["feature_parameters"] |= {
        "include_timeframes": [timeframe],
        "indicator_periods_candles": [30, 240],
    }
    content["freqai"]["model_training_parameters"] |= training
    problems = [text for text in check_config(content, cores=2).problems if "train_period" in text]
    assert bool(problems) == is_refused
    names = (f"train_period_days {days}", "window_size", "future_window", timeframe)
    assert all(name in text for name in names for text in problems)


@pytest.mark.parametrize(
    ("group", "name", "meant"),
    [
        # Environment variables are in small letters.
        ("feature_parameters", "di_threshold", "DI_threshold"),
        ("feature_parameters", "USE_SVM_TO_REMOVE_OUTLIERS", "use_SVM_to_remove_outliers"),
        ("feature_parameters", "includeTimeframes", "include_timeframes"),
        ("", "Train-Period-Days", "train_period_days"),
        ("", "LIVE_RETRAIN_HOURS", "live_retrain_hours"),
    ],
)
def test_an_option_of_freqai_in_another_case_is_warned_of(
    group: str, name: str, meant: str
) -> None:
    content = shipped()
    options = content["freqai"][group] if group else content["freqai"]
    options[name] = 1
    warnings = check_config(content, cores=2).warnings
    assert any(f"{name} is not read; did you mean {meant!r}" in text for text in warnings)


WRONG_TYPES: tuple[tuple[str, Any, str], ...] = (
    ("lstm_units", "8", "must be a list ([...]); write [8]"),
    ("lstm_units", 8, "must be a list ([...]); write [8]"),
    ("dense_units", {}, "must be a list ([...])"),
    ("lstm_units", ["8"], "must be a whole number; write 8 without quotes"),
    ("lstm_units", [], "list must have at least 1 item"),
    ("lstm_units", [0], "greater than or equal to 1"),
    ("lstm_units", None, "must be a list ([...]); remove it for the default"),
    ("epochs", "7", "must be a whole number; write 7 without quotes"),
    ("epochs", 7.5, "must be a whole number"),
    ("long_tp_pct", "0.01", "must be a number; write 0.01 without quotes"),
    ("long_tp_pct", "1%", "must be a number"),
    ("use_streaming", "true", "must be true or false; write true without quotes"),
    ("use_streaming", 1, "must be true or false"),
    ("pretrained", 5, "must be a text"),
    ("pretrained", [], "must be a text"),
    ("pretrained", "", "must not be empty; remove it for the default"),
    ("pretrained", " ", "can be no path: it is empty"),
)


@pytest.mark.parametrize(("name", "value", "words"), WRONG_TYPES)
def test_a_value_of_a_wrong_type_is_named_once_with_what_it_must_be(
    name: str, value: Any, words: str
) -> None:
    (problem,) = problems_with(f"{TRAINING}.{name}", value)
    assert problem.startswith(f"{name} ")
    assert words in problem
    assert not any(word in problem for word in ("tuple", "string", "integer", "input should be a"))


@pytest.mark.parametrize("value", [5, [], ["a"], "", "x", None, {}])
@pytest.mark.parametrize(
    ("group", "name", "place"),
    [
        ("dualwindow", "pretrained", TRAINING),
        ("dualwindow", "lstm_units", TRAINING),
        (TRAINING, "leverage", "dualwindow"),
        (TRAINING, "train_days", "dualwindow"),
    ],
)
def test_a_setting_in_the_other_group_of_settings_is_named_once_with_its_place(
    group: str, name: str, place: str, value: Any
) -> None:
    (problem,) = problems_with(f"{group}.{name}", value)
    assert f"{name} in {group} would have no effect; write {name} in {place}" in problem


@pytest.mark.parametrize("value", [[], "", 5, False, 0, ["a"]])
@pytest.mark.parametrize("in_bot", [True, False])
def test_something_else_in_place_of_the_group_is_the_only_problem(value: Any, in_bot: bool) -> None:
    (problem,) = check_config(shipped(freqai=value), cores=2, in_bot=in_bot).problems
    assert problem.startswith(f"freqai {value!r} is not a group of settings ({{...}}); ")


@pytest.mark.parametrize(
    ("expiration", "retrain", "is_warned"),
    [(12, 24, True), (24, 24, True), (0.5, 0.75, True), (25, 24, False), (0, 24, False)],
)
def test_models_that_expire_before_the_next_training_are_warned_of(
    expiration: float, retrain: float, is_warned: bool
) -> None:
    freqai = shipped()["freqai"] | {"expiration_hours": expiration, "live_retrain_hours": retrain}
    for in_bot in (True, False):
        warnings = check_config(shipped(freqai=freqai), cores=2, in_bot=in_bot).warnings
        found = [text for text in warnings if "does not trade" in text]
        assert len(found) == is_warned
        for text in found:
            assert f"expiration_hours {expiration} " in text
            assert f"live_retrain_hours {retrain}:" in text


@pytest.mark.parametrize(("key", "meant"), [("freq_ai", "freqai"), ("dualwindows", "dualwindow")])
def test_a_mistyped_group_is_warned_of_with_its_name(key: str, meant: str) -> None:
    checked = check_config({**shipped(), key: {}}, cores=4)
    assert f"{key} is not read; did you mean {meant!r}?" in checked.warnings
    assert not checked.problems


def test_a_chunk_below_a_batch_is_warned_of() -> None:
    content = shipped()
    content["freqai"]["model_training_parameters"] |= {
        "use_streaming": True,
        "streaming_chunk_size": 100,
        "batch_size": 512,
    }
    warnings = check_config(content, cores=4).warnings
    assert any("streaming_chunk_size 100 is below batch_size 512" in text for text in warnings)


def test_a_number_of_thousands_of_digits_can_be_named() -> None:
    assert shown(10**5000) == "a number of thousands of digits"

"""`dualwindow config`: every problem at once, every value with its origin, a schema that holds."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from freqtrade.configuration.config_validation import validate_config_consistency
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow.cli.commands.config import training_schema
from dualwindow.cli.main import main
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.root_settings import RootSettings
from tests.makers.bot import REPOSITORY, freqtrade_config


def _write(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def _shipped(**changes: Any) -> dict[str, Any]:
    content = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    return {**content, **changes}


def _parameters(**values: Any) -> dict[str, Any]:
    return {"freqai": {"model_training_parameters": values}}


def _shown(printed: str) -> dict[str, tuple[str, str]]:
    """Value and origin by name of the setting; neither a list's spaces nor the head matter."""
    rows = [line.split(maxsplit=1) for line in printed.splitlines()[1:]]
    cut = {name: rest.split("  ") for name, rest in rows}
    return {name: (cells[0], cells[-1].strip()) for name, cells in cut.items()}


@pytest.mark.parametrize(
    "files", [["config.json"], ["config.json", "config.spot.json"], ["config.json", "presets/*"]]
)
def test_what_is_shipped_is_valid(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(path) for name in files for path in sorted(REPOSITORY.glob(name))]
    assert main(["config", "validate", *paths]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"valid: {' with '.join(paths)}"


#: A model folder that `dualwindow train` wrote, with windows of 30 candles.
PORTABLE = REPOSITORY / "tests/fixtures/earlier/user_data/models/portable"
_OF_PORTABLE = json.loads((REPOSITORY / "tests/fixtures/earlier/overlay.json").read_text("utf-8"))


def _with_portable(folder: Path, **changes: Any) -> dict[str, Any]:
    """The settings with which the model at hand can be started from."""
    shutil.copytree(PORTABLE, folder / "models" / "mine")
    freqai = copy.deepcopy(_OF_PORTABLE["freqai"])
    own = {"identifier", "backtest_period_days"}
    freqai = {name: value for name, value in freqai.items() if name not in own}
    # What config.json sets otherwise.
    features = {"feature_set": "base"}
    freqai["model_training_parameters"] |= {**features, "pretrained": "mine"}
    return {**_OF_PORTABLE, "freqai": freqai, "dualwindow": {"evaluation_fee": 0.0001}, **changes}


def _damaged(folder: Path) -> dict[str, Any]:
    overlay = _with_portable(folder)
    weights = folder / "models" / "mine" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    return overlay


def _other_window(folder: Path) -> dict[str, Any]:
    overlay = _with_portable(folder)
    overlay["freqai"]["model_training_parameters"]["window_size"] = 60
    return overlay


def _other_timeframe(folder: Path) -> dict[str, Any]:
    overlay = _with_portable(folder, timeframe="5m")
    overlay["freqai"]["feature_parameters"]["include_timeframes"] = ["5m"]
    return overlay


def _as_identifier(folder: Path) -> dict[str, Any]:
    _with_portable(folder)
    return {"freqai": {"identifier": "mine"}}


def _in_folder(folder: Path, name: str) -> dict[str, Any]:
    (folder / "models" / "empty").mkdir(parents=True)
    (folder / "models" / "file").touch()
    return _parameters(pretrained=name)


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        (lambda _: _parameters(device="cuda:99"), "device 'cuda:99'"),
        (lambda _: _parameters(device="cpu", precision="fp16"), "precision 'fp16'"),
        (lambda folder: _in_folder(folder, "nowhere"), "pretrained 'nowhere'"),
        (lambda folder: _in_folder(folder, "empty"), "pretrained 'empty'"),
        (lambda folder: _in_folder(folder, "file"), "pretrained 'file'"),
        (_damaged, "pretrained 'mine'"),
        (_other_window, "window_size 60"),
        (_other_timeframe, "timeframe '5m'"),
        (_as_identifier, "freqai.identifier 'mine'"),
        (_with_portable, None),
    ],
)
def test_a_device_or_model_that_the_bot_refuses_is_refused_before_it_starts(
    overlay: Callable[[Path], dict[str, Any]],
    named: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = _write(tmp_path / "config.json", _shipped(user_data_dir=str(tmp_path)))
    over = _write(tmp_path / "overlay.json", overlay(tmp_path))
    assert main(["config", "validate", base, over]) == (0 if named is None else 1)
    assert (named or "") in capsys.readouterr().err

    assert main(["doctor", "--json", "-c", base, "-c", over]) == 0
    configuration = json.loads(capsys.readouterr().out)["configuration"]
    assert configuration["valid"] == (named is None)
    assert (named or "") in str(configuration.get("problems"))

    config = freqtrade_config(tmp_path, base, over)
    # Its candles are another matter.
    config["runmode"] = RunMode.OTHER
    with nullcontext() if named is None else pytest.raises(OperationalException) as refused:
        FreqaiModelResolver.load_freqaimodel(config)
    assert (named or "") in str(refused)


def test_a_model_is_looked_for_in_the_user_folder_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bot gets its folder from `--userdir` as often as from the configuration."""
    base = _write(tmp_path / "config.json", _shipped())
    over = _write(tmp_path / "overlay.json", _with_portable(tmp_path))
    named = ["config", "validate", "-c", base, "-c", over]
    assert main(named) == 1
    assert "pretrained" in capsys.readouterr().err
    assert main([*named, "--userdir", str(tmp_path)]) == 0


def _load_model(userdir: Path, *files: str) -> None:
    """Make the model as a bot does when it starts, up to its candles."""
    config = freqtrade_config(userdir, *files)
    # Its candles, and what only a strategy brings, are other matters.
    config["runmode"] = RunMode.OTHER
    validate_config_consistency(config)
    FreqaiModelResolver.load_freqaimodel(config)


def _freqai(**options: Any) -> dict[str, Any]:
    return {"freqai": options}


def _features(**options: Any) -> dict[str, Any]:
    return _freqai(feature_parameters=options)


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        ({}, None),
        (_parameters(confidence_mode="aggressive", device="cpu", use_streaming=False), None),
        (_parameters(label_price_step="none"), None),
        (_freqai(backtest_period_days=3, expiration_hours=0), None),
        (_features(plot_feature_importances=0), None),
        ({"exchange": {"pair_whitelist": ["SOL/USDT:USDT"]}}, None),
        (_parameters(window_size=90), "window_size: its models were made with 180, now it is 90"),
        (_parameters(epochs=3, seed=5), "epochs: its models"),
        (
            _features(indicator_periods_candles=[30, 240]),
            "feature_parameters.indicator_periods_candles: its",
        ),
        (_features(mine=5), "feature_parameters.mine: its models were made with None"),
        (_freqai(train_period_days=30), "train_period_days: its models were made with 365"),
        ({"exchange": {"name": "okx"}}, "exchange: its models were made with 'binance'"),
        ({"exchange": {"pair_whitelist": ["BTC/USDC:USDC"]}}, "BTC: models of BTC/USDT:USDT are"),
    ],
)
def test_a_folder_that_is_bound_to_other_settings_is_named_before_the_bot_refuses_it(
    overlay: dict[str, Any],
    named: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "models" / "dualwindow"
    base = _write(tmp_path / "config.json", _shipped(user_data_dir=str(tmp_path)))
    over = _write(tmp_path / "overlay.json", overlay)
    assert main(["config", "validate", base, over]) == 0
    assert not folder.exists()
    _load_model(tmp_path, base)
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    assert main(["config", "validate", base, over]) == (0 if named is None else 1)
    refused = capsys.readouterr().err
    assert main(["doctor", "--json", "-c", base, "-c", over]) == 0
    configuration = json.loads(capsys.readouterr().out)["configuration"]
    assert configuration["valid"] == (named is None)
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before
    if named is None:
        _load_model(tmp_path, base, over)
        return
    with pytest.raises(OperationalException, match=re.escape(named)):
        _load_model(tmp_path, base, over)
    for text in (refused, str(configuration["problems"])):
        assert f"freqai.identifier 'dualwindow': {named}" in text
        assert "set another freqai.identifier, or delete" in text


def test_a_damaged_binding_which_a_bot_makes_again_is_no_problem(tmp_path: Path) -> None:
    base = _write(tmp_path / "config.json", _shipped(user_data_dir=str(tmp_path)))
    _load_model(tmp_path, base)
    (tmp_path / "models" / "dualwindow" / "dualwindow.json").write_text("{")
    assert main(["config", "validate", base]) == 0
    _load_model(tmp_path, base)


@pytest.mark.parametrize("model", ["DualWindowLSTM", None, "LightGBMClassifier"])
def test_models_of_another_class_in_the_folder_are_named_where_ours_would_refuse_them(
    model: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = _shipped(user_data_dir=str(tmp_path), freqaimodel=model)
    base = _write(tmp_path / "config.json", content)
    (tmp_path / "models" / "dualwindow" / "sub-train-BTC_1").mkdir(parents=True)
    status = main(["config", "validate", base])
    assert status == (0 if model == "LightGBMClassifier" else 1)
    assert status == ("holds models that DualWindowLSTM did not make" in capsys.readouterr().err)


@pytest.mark.parametrize("option", ["strategy", "freqaimodel"])
@pytest.mark.parametrize(
    ("code", "name", "is_found"),
    [
        ("class Mine(Base):\n    pass\n", "Mine", True),
        ("class Mine (Base):\n    pass\n", "Mine", False),
        ("class Mine2(Base):\n    pass\n", "Mine", False),
        ("class Mine(Base):\n    pass\n", "mine", False),
        ("class Base(object):\n    pass\n", "Mine:Y2xhc3M=", None),
    ],
)
def test_a_class_that_freqtrade_does_not_find_is_refused_by_its_name(
    option: str,
    code: str,
    name: str,
    is_found: bool | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if is_found is None:
        # Its code is in the configuration, which freqtrade allows for strategies alone.
        is_found = option == "strategy"
    userdir = tmp_path / "user"
    folder = userdir / {"strategy": "strategies", "freqaimodel": "freqaimodels"}[option]
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(code)
    content = _shipped(user_data_dir=str(userdir), **{option: name})
    base = _write(tmp_path / "config.json", content)
    assert main(["config", "validate", base]) == (0 if is_found else 1)
    assert (
        f"  - {option} {name!r} is in no Python file in " in capsys.readouterr().err
    ) != is_found
    content[f"{option}_path"] = str(tmp_path / "nowhere")
    base = _write(tmp_path / "config.json", content)
    assert main(["config", "validate", base]) == (0 if is_found else 1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("dataformat_ohlcv", "csv"),
        ("max_open_trades", "x"),
        ("stake_amount", "much"),
        ("margin_mode", "none"),
        ("pairlists", [5]),
        ("pairlists", "StaticPairList"),
        ("exchange.name", "nosuch"),
        ("unfilledtimeout.entry", -1),
        ("entry_pricing.price_side", "left"),
        ("telegram", {"enabled": True}),
        ("stake_amount", None),
    ],
)
def test_what_freqtrade_alone_refuses_is_refused_by_its_name(
    path: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = _shipped()
    *above, name = path.split(".")
    group = content
    for key in above:
        group = group[key]
    group[name] = value
    file = _write(tmp_path / "config.json", content)
    assert main(["config", "validate", file]) == 1
    assert f"  - {path}" in capsys.readouterr().err
    with pytest.raises((OperationalException, TypeError, ValueError)):
        validate_config_consistency(freqtrade_config(tmp_path, file))


def test_no_key_of_an_account_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {"token": 81726354, "password": [81726354], "key": 81726354, "chat_id": 81726354}
    content = _shipped(telegram={"enabled": 81726354, **secret}, api_server=secret)
    content["exchange"] |= secret
    file = _write(tmp_path / "config.json", content)
    assert main(["config", "validate", file]) == 1
    assert main(["doctor", "-c", file]) == 0
    printed = capsys.readouterr()
    assert "telegram.token" in printed.err
    assert "81726354" not in printed.out + printed.err


def test_every_problem_is_reported_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = _write(tmp_path / "base.json", _shipped(dualwindow={"leverage": 0.5, "train_dys": 3}))
    overlay = _parameters(epochs=-1, no_such_setting=1)
    overlay["freqai"]["feature_parameters"] = {
        "include_timeframes": ["1m", "1M"],
        "DI_threshold": 0.9,
    }
    over = _write(tmp_path / "over.json", overlay)
    assert main(["config", "validate", base, over]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    for said in (
        *("leverage 0.5", "did you mean 'train_days'", "epochs -1", "'no_such_setting'"),
        *("DI_threshold", "'1M'", base, over),
    ):
        assert said in printed.err


def test_later_files_overlay_earlier_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _write(tmp_path / "bad.json", _parameters(epochs=-1))
    good = _write(tmp_path / "good.json", _parameters(epochs=3))
    base = str(REPOSITORY / "config.json")
    assert main(["config", "validate", base, bad, good]) == 0
    assert main(["config", "validate", base, good, bad]) == 1
    assert main(["config", "validate", base, str(tmp_path / "nowhere.json")]) == 1
    assert "nowhere.json" in capsys.readouterr().err


def test_what_works_but_may_not_be_meant_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = _shipped()
    content["freqai"]["train_period_days"] = 10
    path = _write(tmp_path / "config.json", content)
    assert main(["config", "validate", path]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("warning: train_period_days 10")
    assert last == f"valid: {path}"


@pytest.mark.parametrize(
    "content",
    [
        {"freqai": []},
        {"freqai": {"feature_parameters": 3}},
        {"freqai": {"model_training_parameters": "x"}},
        {"exchange": "binance"},
        {"freqai": {"data_split_parameters": [0.1]}},
        {"exchange": {"pair_whitelist": "BTC/USDT"}},
        {"exchange": {"pair_whitelist": [1]}},
        {"freqai": {"feature_parameters": {"include_timeframes": "1m"}}},
        {"timeframe": 5},
        {"user_data_dir": 5},
        {"trading_mode": "margin"},
        {},
    ],
)
def test_a_configuration_of_another_shape_has_problems_and_no_traceback(
    content: dict[str, Any],
) -> None:
    checked = check_config(content, cores=2)
    assert checked.problems
    assert checked.settings is None


def test_every_setting_is_shown_with_the_place_that_it_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = str(REPOSITORY / "config.json")
    overlay = _parameters(seed=7, epochs=3, n_processes=100_000)
    over = _write(tmp_path / "over.json", overlay)
    assert main(["config", "show", "-c", base, "-c", over]) == 0
    shown = _shown(capsys.readouterr().out)
    roots = {f"dualwindow.{name}" for name in RootSettings.model_fields}
    assert shown.keys() == TrainingConfig.model_fields.keys() | roots
    assert shown["seed"] == ("7", over)
    assert shown["patch_size"] == ("5", base)
    assert shown["validation_fraction"] == ("0.1", f"{base} (test_size)")
    assert shown["dualwindow.leverage"] == ("1.0", base)
    assert shown["batch_size"] == (str(TrainingConfig().batch_size), "default")
    assert shown["n_processes"][1] == f"{over} (100000, lowered to what this machine has)"
    assert int(shown["n_processes"][0]) < 100_000


def test_a_preset_beats_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = str(REPOSITORY / "config.json")
    over = _write(tmp_path / "over.json", _parameters(seed=7, epochs=3))
    assert main(["config", "show", "-c", base, "-c", over, "--preset", "quick"]) == 0
    shown = _shown(capsys.readouterr().out)
    assert shown["epochs"] == ("5", "preset quick")
    assert shown["dualwindow.train_days"] == ("30.0", "preset quick")
    assert shown["seed"] == ("7", over)


def test_wrong_settings_are_not_shown_but_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "config.json", _shipped(timeframe="quick"))
    assert main(["config", "show", "-c", path]) == 1
    printed = capsys.readouterr()
    assert "'quick'" in printed.err
    assert printed.out == ""


def test_the_schema_has_every_setting_with_default_and_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["properties"].keys() == TrainingConfig.model_fields.keys()
    assert schema["properties"]["epochs"]["minimum"] == 0
    assert schema["additionalProperties"] is False
    path = tmp_path / "schema.json"
    assert main(["config", "schema", "--output", str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8")) == schema == training_schema()


def test_a_schema_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere" / "schema.json"
    assert main(["config", "schema", "--output", str(path)]) == 1
    assert str(path) in capsys.readouterr().err


def test_an_editor_takes_the_shipped_settings_and_refuses_a_wrong_one() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(training_schema())
    given = _shipped()["freqai"]["model_training_parameters"]
    assert list(check.iter_errors(given)) == []
    assert list(check.iter_errors({**given, "epochs": -1}))
    assert list(check.iter_errors({**given, "no_such_setting": 1}))


@pytest.mark.parametrize(
    "content",
    [
        {"WINDOW_SIZE": 90, "EPOCHS": 7},
        {"epochs": 7, "window_size": 90},
        {"training_config": {"WINDOW_SIZE": 90, "EPOCHS": 7}},
        {"model_training_parameters": {"window_size": 90, "epochs": 7}},
        {"freqai": {"WINDOW_SIZE": 90, "model_training_parameters": {"epochs": 7}}},
        {"freqai": {"model_training_parameters": {"window_size": 90, "epochs": 7}}},
    ],
)
def test_an_earlier_configuration_is_taken_over(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = _write(tmp_path / "old.json", content)
    new, base = str(tmp_path / "new.json"), str(REPOSITORY / "config.json")
    assert main(["config", "convert", old, "--output", new]) == 0
    expected = _parameters(window_size=90, epochs=7)
    assert json.loads(Path(new).read_text(encoding="utf-8")) == expected
    assert main(["config", "validate", base, new]) == 0
    capsys.readouterr()
    assert main(["config", "convert", old]) == 0
    assert json.loads(capsys.readouterr().out) == expected
    # The bot would ignore a file that has them elsewhere, so it is not called valid.
    assert main(["config", "validate", base, old]) == (content != expected)
    if content != expected:
        printed = capsys.readouterr().err
        assert "window_size" in printed.casefold()
        assert "dualwindow config convert" in printed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"WINDOW_SIZE": 90, "NO_SUCH": 1}, "'NO_SUCH' is not a setting"),
        ({"WINDOW_SIZE": "90"}, "window_size '90'"),
        ({"dry_run": True}, "it holds no setting"),
        ({}, "it holds no setting"),
        ({"LEVERAGE": 0.5}, "leverage 0.5"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_and_nothing_is_written(
    content: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = _write(tmp_path / "old.json", content)
    assert main(["config", "convert", old, "--output", str(tmp_path / "new.json")]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "new.json").exists()

"""A thousand configurations with wrong types, signs and sizes, through every reader.

Each reader either takes a configuration or refuses it by the name of what is wrong, and
`config validate` refuses what a bot refuses.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.configuration import config_validation
from freqtrade.enums import RunMode
from freqtrade.exceptions import ConfigurationError, OperationalException
from freqtrade.exchange.check_exchange import check_exchange
from jsonschema.exceptions import ValidationError

from dualwindow.bot import exits
from dualwindow.bot.config_checks import read_settings, read_strategy_settings
from dualwindow.bot.freqai_frames import FramePrices
from dualwindow.cli.commands.report import add_arguments as add_report_arguments
from dualwindow.cli.commands.train import add_arguments
from dualwindow.cli.main import main
from dualwindow.cli.options.configuration import layered_config
from dualwindow.cli.options.flags import CONFIDENCE_FLAGS, TRAINING_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.errors import SettingsError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.models.fingerprint import bind_folder, model_dependencies
from dualwindow.settings import TrainingConfig
from dualwindow.settings.freqai import read_freqai_config
from dualwindow.settings.layers.presets import preset_layers, preset_settings
from dualwindow.settings.root_settings import RootSettings
from tests.fuzz.damage import CORPUS
from tests.makers.bot import REPOSITORY
from tests.makers.wild_configs import WildConfig, wild_configs

COUNT: Final = 1000
SEED: Final = 16
#: The command line of freqtrade and its strategies fill in the rest.
_SCHEMA: Final = {**CONF_SCHEMA, "required": ["exchange", "stake_currency", "stake_amount"]}


@pytest.fixture(scope="module")
def wild() -> list[WildConfig]:
    return list(wild_configs(COUNT, SEED))


@pytest.fixture(scope="module")
def written(wild: list[WildConfig], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wild")
    paths = [folder / f"{number}.json" for number in range(len(wild))]
    for path, config in zip(paths, wild, strict=True):
        path.write_text(json.dumps(config.content), encoding="utf-8")
    return paths


def problems_of(read: Callable[[], object]) -> list[str]:
    """What a reader refuses; any other error than its own ends the test."""
    try:
        read()
    except SettingsError as error:
        return error.problems
    return []


def in_freqtrade(content: dict[str, Any]) -> dict[str, Any]:
    """A configuration as freqtrade hands it to a backtest, or its error of the schema."""
    content = {**copy.deepcopy(content), "runmode": RunMode.BACKTEST}
    config_validation.FreqtradeValidator(_SCHEMA).validate(content)
    config_validation._validate_whitelist(content)
    config_validation._validate_freqai_include_timeframes(content, preliminary=False)
    check_exchange(content)
    # What the strategy asks when it calls FreqAI.
    if not content["freqai"]["enabled"]:
        raise ConfigurationError("freqAI is not enabled")
    content["datadir"] = content.get("datadir") or "data"
    content.setdefault("timeframe", "1m")
    return content


def refused_by_a_bot(content: dict[str, Any], strategy: type) -> str | None:
    """The message with which freqtrade or the adapters refuse a configuration; None: it runs."""
    try:
        config = in_freqtrade(content)
    except (ValidationError, OperationalException) as error:
        return f"freqtrade: {str(error)[:200]}"
    except Exception as error:
        # freqtrade's own reading of timeframes ends in tracebacks.
        return f"freqtrade's traceback: {error!r}"
    try:
        training = read_settings(config).training
        read_strategy_settings(config, training)
        FramePrices(config, reads_funding=False)
        exits.require_own_exits(config, strategy)
    except OperationalException as error:
        return str(error)
    return None


def test_config_validate_names_what_is_wrong_and_agrees_with_the_bot(
    wild: list[WildConfig], written: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    strategy = own_strategy()
    valid, unnamed, disagreements = 0, [], []
    for config, path in zip(wild, written, strict=True):
        status = main(["config", "validate", str(path)])
        printed = capsys.readouterr()
        lines = [line[4:] for line in printed.err.splitlines() if line.startswith("  - ")]
        assert (status == 0) == (not lines), printed
        unnamed += [(config.changed, line) for line in lines if not config.is_named(line)]
        refusal = refused_by_a_bot(config.content, strategy)
        if (status == 0) != (refusal is None):
            disagreements.append((config.changed, path.name, lines, refusal))
        valid += status == 0
    assert unnamed == []
    assert disagreements == []
    assert COUNT // 10 < valid < COUNT * 9 // 10


@pytest.mark.parametrize(
    "path", sorted((CORPUS / "configurations").iterdir()), ids=lambda p: p.name
)
def test_what_config_validate_once_called_valid_is_named_by_it_and_refused_by_the_bot(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = json.loads(path.read_text(encoding="utf-8"))
    content = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    for name, value in changes.items():
        content[name] = {**content[name], **value} if isinstance(value, dict) else value
    file = tmp_path / "config.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    assert main(["config", "validate", str(file)]) != 0
    printed = capsys.readouterr().err
    assert all(name in printed for name in changes), printed
    assert refused_by_a_bot(content, own_strategy()) is not None


def own_strategy() -> type:
    """The shipped strategy's class."""
    path = REPOSITORY / "strategies" / "DualWindowStrategy.py"
    spec = importlib.util.spec_from_file_location("own_strategy", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    strategy: type = module.DualWindowStrategy
    return strategy


def readers(folder: Path) -> dict[str, Callable[[Path, dict[str, Any]], object]]:
    """Every other reader, of a file or of its content."""
    train, report = argparse.ArgumentParser(), argparse.ArgumentParser()
    add_arguments(train)
    add_report_arguments(report)
    flags = (*TRAINING_FLAGS, *CONFIDENCE_FLAGS)

    def print_config(path: Path, _: dict[str, Any]) -> object:
        settings = RunSettings.from_options(train.parse_args(["-c", str(path)]), flags)
        return [list(settings.rows()), settings.warnings()]

    def report_of(path: Path, _: dict[str, Any]) -> object:
        options = report.parse_args([str(folder), "-c", str(path)])
        return WalkSettings.from_config(folder, layered_config(options, ()).content)

    return {
        "train --print-config": print_config,
        "report": report_of,
        "TrainingConfig": lambda path, _: TrainingConfig.from_config_file(path),
        "RootSettings": lambda _, content: RootSettings.from_config(content),
        "preset": lambda path, _: (preset_settings(path), preset_layers(str(path))),
        "freqai": lambda _, content: read_freqai_config(
            content, cores=2, timeframe_seconds={"1m": 60}
        ),
    }


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the shipped configuration."""
    folder = tmp_path_factory.mktemp("bound")
    shipped = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    training = TrainingConfig.from_config_file(REPOSITORY / "config.json")
    bind_folder(folder, model_dependencies(training, shipped), ["BTC/USDT:USDT"])
    return folder


@pytest.mark.parametrize(
    "name", ["train --print-config", "report", "TrainingConfig", "RootSettings", "preset", "freqai"]
)
def test_every_reader_takes_a_configuration_or_names_what_is_wrong(
    name: str, wild: list[WildConfig], written: list[Path], bound: Path
) -> None:
    read, refused, unnamed = readers(bound)[name], 0, []
    for config, path in zip(wild, written, strict=True):
        problems = problems_of(partial(read, path, config.content))
        unnamed += [(config.changed, line) for line in problems if not config.is_named(line)]
        refused += bool(problems)
    assert unnamed == []
    assert refused < COUNT

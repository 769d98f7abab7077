"""Settings and errors between freqtrade and the package."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.configuration.config_validation import (
    FreqtradeValidator,
    validate_config_consistency,
)
from freqtrade.constants import USERPATH_STRATEGIES
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import is_exchange_known_ccxt
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import leverage_problems
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.messages import shown
from dualwindow.settings.pairs import pairs_in
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: The pairlist that reads `exchange.pair_whitelist`; freqtrade's default.
_STATIC: Final = "StaticPairList"
#: What a bot needs and has no default.
_REQUIRED: Final = ("exchange", "stake_currency", "stake_amount")
#: Rules of a JSON schema in words.
_RULES: Final = {"enum": "one of", "minimum": "at least", "maximum": "at most"}
#: Groups that may hold keys of an account.
_WITH_KEYS: Final = frozenset(
    {"exchange", "telegram", "api_server", "webhook", "discord", "external_message_consumer"}
)


@contextmanager
def refusing() -> Iterator[None]:
    """Raise the package's errors as `OperationalException`: freqtrade logs it and exits with 2."""
    try:
        yield
    except DualWindowError as error:
        raise OperationalException(str(error)) from error


def read_settings(config: Mapping[str, Any]) -> FreqaiSettings:
    """Read and check the settings of the model.

    Raises:
        OperationalException: with every problem in one message.
    """
    checked = check_config(config, cores=read_cores().usable, memory=training_memory(), in_bot=True)
    with refusing():
        return checked.required()[0]


def read_strategy_settings(config: Mapping[str, Any], training: TrainingConfig) -> RootSettings:
    """Read and check the settings of the strategy.

    Raises:
        OperationalException: with every problem in one message; also when the leverage would bring
            liquidation, or the reach of freqtrade's stop loss, nearer than the label's stop loss.
    """
    with refusing():
        settings = RootSettings.from_config(config)
        if problems := leverage_problems(training, settings):
            raise SettingsError(problems, ROOT_KEY)
        return settings


def freqtrade_problems(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every value that freqtrade itself refuses when it reads a configuration.

    Values of groups that may hold keys of an account are not shown.
    """
    # freqtrade writes its defaults into what it validates.
    config = {**copy.deepcopy(dict(content)), "runmode": RunMode.OTHER}
    schema = {**CONF_SCHEMA, "required": _REQUIRED}
    problems = [_of_schema(error) for error in FreqtradeValidator(schema).iter_errors(config)]
    if not is_exchange_known_ccxt(name := str(config["exchange"]["name"]).lower()):
        problems.append(f"exchange.name {shown(name)} is unknown to freqtrade; correct it")
    if not problems:
        try:
            validate_config_consistency(config, preliminary=True)
        except OperationalException as error:
            problems.append(f"freqtrade refuses the configuration: {error}")
    return problems


def as_loaded(content: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a valid configuration with the defaults that freqtrade adds when a bot starts."""
    config = {**copy.deepcopy(dict(content)), "runmode": RunMode.OTHER}
    validate_config_consistency(config)
    return config


def missing_classes(content: Mapping[str, Any]) -> list[str]:
    """One sentence for a strategy and a model that freqtrade would not find.

    It looks at Python files in which the class is written, and so does this, without running them.
    """
    folders: dict[str, list[Path]] = {
        resolver.extra_path: resolver.build_search_paths(content, user_subdir=resolver.user_subdir)
        for resolver in (StrategyResolver, FreqaiModelResolver)
    }
    if content.get("recursive_strategy_search"):
        user = Path(content["user_data_dir"], USERPATH_STRATEGIES)
        folders["strategy_path"] += [path for path in user.rglob("*") if path.is_dir()]
    problems = []
    for option in ("strategy", "freqaimodel"):
        name, searched = content.get(option), folders[f"{option}_path"]
        # A strategy's name with a colon brings its code along.
        is_whole = option == "strategy" and ":" in str(name)
        if name and not is_whole and not any(_has_class(path, name) for path in searched):
            problems.append(
                f"{option} {shown(name)} is in no Python file in "
                f"{' or '.join(str(path) for path in searched)}; correct it, or set {option}_path "
                "to its folder"
            )
    return problems


def _has_class(folder: Path, name: str) -> bool:
    try:
        return any(
            f"class {name}(" in file.read_text("utf-8", "replace") for file in folder.glob("*.py")
        )
    except OSError:
        # freqtrade has the last word on a file that it cannot read either.
        return True


def _of_schema(error: Any) -> str:
    *above, name = map(str, error.absolute_path or ("the configuration",))
    if error.validator == "required":
        return f"{'.'.join((*above, name))}: {error.message} of freqtrade's; set it"
    value = "" if {*above, name} & _WITH_KEYS else f" {shown(error.instance)}"
    rule = _RULES.get(str(error.validator), str(error.validator))
    return (
        f"{'.'.join((*above, name))}{value}: freqtrade wants {rule} "
        f"{shown(error.validator_value)}; correct it"
    )


def is_live(config: Mapping[str, Any]) -> bool:
    """Whether this is a dry run or live trading, not a backtest or another command."""
    return config.get("runmode") in (RunMode.DRY_RUN, RunMode.LIVE)


def named_pairs(config: Mapping[str, Any]) -> list[str]:
    """Pairs that `exchange.pair_whitelist` names, where a StaticPairList reads it."""
    methods = [entry.get("method") for entry in config.get("pairlists") or []]
    if methods and _STATIC not in methods:
        return []
    return pairs_in(config["exchange"].get("pair_whitelist") or [])

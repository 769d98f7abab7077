"""freqtrade's environment variables: `FREQTRADE__FREQAI__IDENTIFIER` sets `freqai.identifier`.

For freqtrade they override every configuration file, and its flags override them. They are read
here as freqtrade reads them, so that the command line and a bot agree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import rapidjson

from dualwindow.errors import SettingsError
from dualwindow.settings.layers.files import Layer

#: Origin of their values, in tables of settings.
ENVIRONMENT: Final = "environment"
_PREFIX: Final = "FREQTRADE__"
#: Last keys, in capitals only, whose values stay texts.
_TEXTS: Final = ("CHAT_ID", "PASSWORD")
#: Groups within `exchange` whose keys keep their case.
_CCXT_GROUPS: Final = frozenset({"ccxt_config", "ccxt_sync_config", "ccxt_async_config"})
_BOOLEANS: Final = {"t": True, "true": True, "f": False, "false": False}


def environment_names(variables: Mapping[str, str] | None = None) -> list[str]:
    """Names of the variables that freqtrade reads, sorted; None takes those of the process."""
    present = os.environ if variables is None else variables
    return sorted(name for name in present if name.startswith(_PREFIX))


def environment_layers(variables: Mapping[str, str] | None = None) -> list[Layer]:
    """The layer of the variables, to be put over all files; none without variables.

    Raises:
        SettingsError: when a variable sets a value and another one a key inside it.
    """
    content = environment_config(os.environ if variables is None else variables)
    return [Layer(ENVIRONMENT, content)] if content else []


def environment_config(variables: Mapping[str, str]) -> dict[str, Any]:
    """The configuration that the variables make: two underscores separate the keys.

    Whole numbers, numbers, `true`, `t`, `false`, `f` and JSON lists are recognised, anything else
    is a text. Keys are lower case. Other variables are ignored.

    Raises:
        SettingsError: when a variable sets a value and another one a key inside it.

    Example:
        >>> environment_config({"FREQTRADE__FREQAI__TRAIN_PERIOD_DAYS": "30", "HOME": "/root"})
        {'freqai': {'train_period_days': 30}}
    """
    content: dict[str, Any] = {}
    for name in environment_names(variables):
        parts = name.replace(_PREFIX, "").split("__")
        keys = [part.lower() for part in parts]
        if keys[0] == "exchange" and _CCXT_GROUPS & set(keys):
            keys[-1] = parts[-1]
        group = content
        for key in keys[:-1]:
            group = group.setdefault(key, {})
            if not isinstance(group, dict):
                # Its value may be a secret.
                raise SettingsError(
                    [f"{name} sets a key in {key!r}, and another variable a value; remove one"],
                    "the environment",
                )
        text = variables[name]
        group[keys[-1]] = text if parts[-1] in _TEXTS else _typed(text)
    return content


def _typed(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        value = rapidjson.loads(text)
    except rapidjson.JSONDecodeError:
        return text
    return value if isinstance(value, list) else text

"""Validation errors of the settings as sentences that tell users what to do."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from dualwindow.settings.fields import RETIRED_SETTINGS

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True)
class Checked(Generic[ConfigT]):
    """The good values, with defaults in place of the bad ones, and the names of the bad.

    There is one sentence per problem, disagreements between good values included.
    """

    config: ConfigT
    bad: frozenset[str]
    problems: list[str]


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence per problem: the setting, its value, the rule that it breaks, the way out."""
    problems: list[str] = []
    for detail in error.errors():
        location = [str(part) for part in detail["loc"]]
        if not location:
            # A cross-field check raises one ValueError with one line per problem.
            problems.extend(str(detail["ctx"]["error"]).splitlines())
        elif detail["type"] == "extra_forbidden":
            problems.append(_unknown(location[0], model))
        else:
            problems.append(_bad_value(location, detail["input"], detail["msg"], model))
    return problems


def _unknown(name: str, model: type[BaseModel]) -> str:
    if name in RETIRED_SETTINGS:
        return f"{name!r} is not a setting any more; remove it"
    near = difflib.get_close_matches(name, model.model_fields, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "remove it or check the settings reference"
    return f"{name!r} is not a setting; {hint}"


def _bad_value(location: list[str], value: Any, message: str, model: type[BaseModel]) -> str:
    name = location[0]
    place = name if len(location) == 1 else f"{name} (entry {location[1]})"
    description = (model.model_fields[name].description or "").rstrip(".")
    wish = message[0].lower() + message[1:]
    return f"{place} {value!r}: {wish} ({description})"

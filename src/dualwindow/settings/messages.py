"""Validation errors of the settings as sentences that tell users what to do."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dualwindow.errors import SettingsError
from dualwindow.settings.fields import RETIRED_SETTINGS

ConfigT = TypeVar("ConfigT")

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120
_SHORT.maxlong = 60
_SHORT.maxlist = _SHORT.maxtuple = 12
_SHORT.maxdict = 4
_SHORT.maxlevel = 4


@dataclass(frozen=True)
class Checked(Generic[ConfigT]):
    """The good values, with defaults in place of the bad ones, and the names of the bad.

    There is one sentence per problem, disagreements between good values included.
    """

    config: ConfigT
    bad: frozenset[str]
    problems: list[str]


@contextmanager
def collected(problems: list[str]) -> Iterator[None]:
    """Add the problems of a SettingsError in the block to the list and go on."""
    try:
        yield
    except SettingsError as error:
        problems.extend(error.problems)


def shown(value: object) -> str:
    """A value as a message shows it: its `repr`, shortened where it is long.

    Example:
        >>> shown([1440, "x"]), len(shown("x" * 5000))
        ("[1440, 'x']", 120)
    """
    try:
        return _SHORT.repr(value)
    except ValueError:
        # Python refuses to write whole numbers of thousands of digits.
        return "a number of thousands of digits"


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
            name = location[0]
            description = (model.model_fields[name].description or "").rstrip(".")
            problems.append(bad_value(name, detail, description))
    return problems


def _unknown(name: str, model: type[BaseModel]) -> str:
    if name in RETIRED_SETTINGS:
        return f"{name!r} is not a setting any more; remove it"
    near = difflib.get_close_matches(name, model.model_fields, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "remove it or check the settings reference"
    return f"{name!r} is not a setting; {hint}"


def bad_value(name: str, detail: ErrorDetails, description: str) -> str:
    """A sentence of a bad value: its name, the value, the rule that it breaks, what it is for."""
    inside = detail["loc"][1:]
    place = f"{name} (entry {'.'.join(map(str, inside))})" if inside else name
    message = detail["msg"]
    meaning = f" ({description})" if description else ""
    return f"{place} {shown(detail['input'])}: {message[0].lower()}{message[1:]}{meaning}"

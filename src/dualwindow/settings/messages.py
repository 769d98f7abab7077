"""Validation errors of the settings as sentences a user can act on."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

from dualwindow.settings.fields import RETIRED_SETTINGS


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence for each problem: the setting, its value, what is wrong, the way out."""
    problems: list[str] = []
    for detail in error.errors():
        location = [str(part) for part in detail["loc"]]
        if not location:
            # A cross-field check raises one ValueError with a line for each problem.
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

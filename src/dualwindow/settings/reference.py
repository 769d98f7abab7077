"""The settings reference, made from the code: `python -m dualwindow.settings.reference`."""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel

from dualwindow.settings.root_settings import RootSettings
from dualwindow.settings.training_config import TrainingConfig

_LIMITS = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
    "exclusiveMaximum": "< {}",
}


def settings_table() -> str:
    """Every setting with default, allowed values, unit and meaning, as Markdown."""
    lines = [
        "# Settings",
        "",
        "They stand in `freqai.model_training_parameters`. Made from the code by",
        "`python -m dualwindow.settings.reference > docs/settings.md`.",
        "",
        *_rows(TrainingConfig()),
        "",
        "These stand under the root key `dualwindow`:",
        "",
        *_rows(RootSettings()),
    ]
    return "\n".join(lines) + "\n"


def _rows(defaults: BaseModel) -> list[str]:
    """A table of the fields of a group of settings."""
    lines = [
        "| setting | default | allowed | unit | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, schema in type(defaults).model_json_schema()["properties"].items():
        default = getattr(defaults, name)
        shown = list(default) if isinstance(default, tuple) else default
        lines.append(
            f"| `{name}` | `{_json(shown)}` | {_allowed(schema)} | {_unit(schema)} "
            f"| {schema['description']} |"
        )
    return lines


def _json(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [schema, *schema.get("anyOf", [])]


def _allowed(schema: dict[str, Any]) -> str:
    for option in _options(schema):
        if "enum" in option:
            return ", ".join(f"`{value}`" for value in option["enum"])
        limits = [text.format(option[key]) for key, text in _LIMITS.items() if key in option]
        if limits:
            return " and ".join(limits)
        if option.get("type") == "boolean":
            return "`true`, `false`"
        if option.get("type") == "array":
            return f"list of {_allowed(option['items'])}"
    return "text"


def _unit(schema: dict[str, Any]) -> str:
    return next((option["unit"] for option in _options(schema) if "unit" in option), "")


if __name__ == "__main__":
    sys.stdout.write(settings_table())

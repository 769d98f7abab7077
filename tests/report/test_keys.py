"""report.json keeps its keys as long as it keeps its format."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

from dualwindow.report.schema import REPORT_FORMAT, Report

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "report_keys.json"


def keys_of(type_: Any, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Names of the attributes of a dataclass and of all that it holds, by class."""
    if not dataclasses.is_dataclass(type_):
        for part in get_args(type_):
            keys_of(part, found)
    elif type_.__name__ not in found:
        found[type_.__name__] = [field.name for field in dataclasses.fields(type_)]
        for part in get_type_hints(type_).values():
            keys_of(part, found)
    return found


def test_the_keys_are_those_of_format_2() -> None:
    assert REPORT_FORMAT == 2
    assert keys_of(Report, {}) == json.loads(FIXTURE.read_text("utf-8"))

"""Results of parts, one file each, and the page made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.results import VERSIONS_OF, machine
from dualwindow.runtime.files import whole_path
from studies.part import Part

VERSIONS: Final = (*VERSIONS_OF, "scikit-learn", "lightgbm")
_DIGITS: Final = 6


def write_result(folder: Path, name: str, figures: Mapping[str, Any], seconds: float) -> None:
    """Write a part's figures with when, where and with what they were made, whole or not at all.

    Args:
        folder: of all results.
        name: of the part.
        figures: plain JSON types.
        seconds: that making them took, in all runs together.
    """
    content = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(seconds),
        "machine": machine(),
        "versions": {package: version(package) for package in VERSIONS},
        "figures": figures,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with whole_path(folder / f"{name}.json") as temporary:
        temporary.write_text(_text(content), encoding="utf-8")


def _text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each fact, and within the figures for each cell of a table."""
    figures = {
        key: "[\n" + ",\n".join(map(_line, value)) + "\n]" if _is_table(value) else _line(value)
        for key, value in content["figures"].items()
    }
    facts = {key: _line(value) for key, value in content.items()}
    facts["figures"] = _object(figures)
    return _object(facts) + "\n"


def _object(members: Mapping[str, str]) -> str:
    return "{\n" + ",\n".join(f"{_line(key)}: {value}" for key, value in members.items()) + "\n}"


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(cell, dict) for cell in value)


def _line(value: object) -> str:
    return json.dumps(_rounded(value), separators=(", ", ": "), allow_nan=False)


def _rounded(value: object) -> object:
    """Floats with as many digits as a study can tell."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value


def write_page(folder: Path, path: Path, parts: Mapping[str, Part]) -> None:
    """Write the page of all parts' results, whole or not at all."""
    with whole_path(path) as temporary:
        temporary.write_text(page_of(folder, parts), encoding="utf-8")


def page_of(folder: Path, parts: Mapping[str, Part]) -> str:
    """The page; a part without a result is named as not yet run."""
    sections = [_section(folder / f"{name}.json", part) for name, part in parts.items()]
    return _HEAD + "\n".join(sections)


def _section(path: Path, part: Part) -> str:
    heading = f"\n## {part.TITLE}\n"
    if not path.is_file():
        return f"{heading}\nNot yet run: `python -m studies {part.NAME}`.\n"
    content = json.loads(path.read_text(encoding="utf-8"))
    facts = [
        f"Made by `python -m studies {part.NAME}` on {content['date']} in "
        f"{content['seconds'] / 60:.0f} minutes.",
        "",
        f"- machine: {_listed(content['machine'])}",
        f"- versions: {_listed(content['versions'])}",
    ]
    return "\n".join([heading, *part.lines(content["figures"]), "", *facts, ""])


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


_HEAD: Final = """# Results

Made by `make study`, from `studies/results/`; do not edit. `python -m studies PART` makes one part
anew. Every figure stands beside what it has to beat. Figures of markets that were made up show what
the method can find; no figure here promises a profit.
"""

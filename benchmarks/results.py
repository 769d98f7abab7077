"""One line a measurement, and the files they go into."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from dualwindow.runtime.files import whole_path, write_json

VERSIONS_OF: Final = ("dualwindow", "freqtrade", "torch", "numpy", "pandas", "pyarrow")


@dataclass(frozen=True)
class Result:
    """A figure of ours, beside another where there is one.

    Attributes:
        what: was measured.
        against: what it is compared with; empty for a figure that stands alone.
        ours: our figure.
        theirs: the other figure.
        unit: of both.
        ratio: how many times better ours is; above 1 is better. None without comparison.
        goal: least ratio that was aimed at, or most of the unit for a figure that stands alone.
        met: whether the goal was reached; None without a goal.
        note: what one must know to read the figure.
    """

    what: str
    against: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    goal: float | None
    met: bool | None
    note: str = ""


def compared(
    what: str,
    against: str,
    figures: tuple[float, float],
    unit: str,
    *,
    goal: float,
    note: str = "",
) -> Result:
    """Our figure beside another; the smaller one is the better one."""
    ours, theirs = figures
    ratio = theirs / ours
    return Result(what, against, ours, theirs, unit, ratio, goal, ratio >= goal, note)


def at_most(what: str, ours: float, unit: str, goal: float | None, note: str = "") -> Result:
    """A figure that stands alone, with the most that it should be."""
    return Result(
        what, "", ours, None, unit, None, goal, None if goal is None else ours <= goal, note
    )


def machine() -> dict[str, Any]:
    """What the measurements ran on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def report(results: Sequence[Result], extra: dict[str, Any]) -> dict[str, Any]:
    """Everything about one run, as plain JSON types."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: version(name) for name in VERSIONS_OF},
        "results": [asdict(result) for result in results],
        **extra,
    }


def _figure(value: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f} {unit}".strip()


def table(content: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| what | ours | against | theirs | times better | goal | met |",
        "| --- | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for each in content["results"]:
        result = Result(**each)
        goal = "" if result.goal is None else _figure(result.goal)
        if goal and result.ratio is None:
            goal = f"at most {goal}"
        met = {True: "yes", False: "**no**", None: ""}[result.met]
        note = f" ({result.note})" if result.note else ""
        lines.append(
            f"| {result.what}{note} | {_figure(result.ours, result.unit)} | {result.against} | "
            f"{_figure(result.theirs, result.unit)} | {_figure(result.ratio)} | {goal} | {met} |"
        )
    return "\n".join(lines)


def write(content: dict[str, Any], json_path: Path, page_path: Path, page: str) -> None:
    """Write the JSON file and the page, each whole or not at all."""
    write_json(json_path, json.loads(json.dumps(content)))
    with whole_path(page_path) as temporary:
        temporary.write_text(page, encoding="utf-8")

"""The wings of the package: what imports what, what stays light, and how large a thing may grow.

`ARCHITECTURE.md` describes the wings; the tests here keep them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.makers.package_imports import (
    Bounds,
    Package,
    against_the_order,
    brought_along,
    busy_beginnings,
    circles,
    imports_of_others,
    out_of_bounds,
    private_names,
)

PACKAGE: Final = Package(Path(__file__).resolve().parents[1] / "src" / "dualwindow")

#: From the ground up: a wing imports only from the lines above its own.
ORDER: Final = (
    ("errors", "columns"),
    ("labels",),
    ("runtime", "confidence"),
    ("settings", "evaluation"),
    ("data.candles",),
    ("data.features",),
    ("data.datasets",),
    ("models", "backtest"),
    ("track",),
    ("training",),
    ("model_selection",),
    ("bot", "report"),
    ("cli",),
    # Saved models name the first, `python -m dualwindow` runs the second: nothing imports either.
    ("trained", "__main__"),
)

#: The bot's own libraries, and the wing that knows them.
BOT_LIBRARIES: Final = ("freqtrade", "ccxt", "datasieve")
BOT: Final = "bot"

#: Wings and modules that never load torch: help, reports and worker processes start with them.
LIGHT: Final = (
    *("errors", "columns", "labels", "confidence", "settings", "evaluation", "backtest", "report"),
    "track",
    *("data", "runtime.files", "runtime.memory", "runtime.cores", "runtime.processes"),
    *("models.manifest", "models.model_files", "models.fingerprint", "models.freqai_folders"),
    *(
        "models.identifier",
        "model_selection.walk_sources",
        "model_selection.walk_candles",
        "cli.main",
        "cli.commands",
        "cli.options",
    ),
    *("cli.train.plan", "cli.evaluate.walk_forward"),
)
#: What is not light in them.
HEAVY: Final = ("data.datasets.window_stream",)

#: Wings whose `__init__` offers names; elsewhere a part would bring the rest of its wing.
OFFERING: Final = ("settings", "confidence", "evaluation")

BOUNDS: Final = Bounds(folders=13, root_files=6, files=(4, 14), lines=300)


def test_every_wing_imports_only_what_stands_before_it() -> None:
    assert against_the_order(PACKAGE, ORDER) == []


def test_the_bot_alone_knows_freqtrade() -> None:
    assert imports_of_others(PACKAGE, BOT_LIBRARIES, BOT) == []


def test_light_wings_load_no_torch() -> None:
    heavy = PACKAGE.within(*HEAVY)
    light = [module for module in PACKAGE.within(*LIGHT) if module not in heavy]
    assert brought_along(light, ("torch", *BOT_LIBRARIES), PACKAGE.root.parent) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(PACKAGE) == []


def test_no_module_takes_another_ones_private_names() -> None:
    assert private_names(PACKAGE) == []


def test_a_part_of_a_wing_does_not_bring_the_rest() -> None:
    assert busy_beginnings(PACKAGE, OFFERING) == []


def test_nothing_outgrows_a_readers_view() -> None:
    assert out_of_bounds(PACKAGE, BOUNDS) == []


def test_everything_that_the_rules_name_exists() -> None:
    named = [*(place for line in ORDER for place in line), BOT, *LIGHT, *HEAVY, *OFFERING]
    assert [place for place in named if not PACKAGE.within(place)] == []


# Every rule finds its violation in a small package that is planted for it.


def plant(folder: Path, files: Mapping[str, str]) -> Package:
    """A package `house` that keeps all rules, but for the files that are given."""
    for name, text in {"errors.py": "", "cli/main.py": "import house.errors", **files}.items():
        path = folder / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in [*(folder / "house").rglob("*.py")]:
        (path.parent / "__init__.py").touch()
    return Package(folder / "house")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"errors.py": "from house.cli.main import x"}, "house.errors:1 imports house.cli.main"),
        ({"errors.py": "from house.cli import main"}, "house.errors:1 imports house.cli.main"),
        ({"errors.py": "import house.cli.main as frame"}, "cli does not stand before errors"),
        ({"errors.py": "from .cli.main import x"}, "cli does not stand before errors"),
        ({"runtime/files.py": "from ..cli.main import x"}, "cli does not stand before runtime"),
        ({"runtime/files.py": "def f():\n    import house.cli.main"}, "house.runtime.files:2"),
        (
            {"errors.py": "if TYPE_CHECKING:\n    from house.cli.main import Options"},
            "house.errors:2 imports house.cli.main",
        ),
        ({"errors.py": "importlib.import_module('house.cli.main')"}, "cli does not stand before"),
        ({"errors.py": "import_module(f'house.cli.{name}')"}, "cli does not stand before"),
        (
            {"runtime/a.py": "import house.confidence.b", "confidence/b.py": ""},
            "confidence does not stand before runtime",
        ),
        (
            {"data/candles/a.py": "import house.data.features.b", "data/features/b.py": ""},
            "data.features does not stand before data.candles",
        ),
        ({"trained.py": "", "cli/a.py": "import house.trained"}, "trained does not stand before"),
        ({"utils.py": ""}, "house.utils has no place in the order"),
        ({"data/rest.py": ""}, "house.data.rest has no place in the order"),
    ],
)
def test_an_import_that_runs_up_is_found(
    files: Mapping[str, str], found: str | None, tmp_path: Path
) -> None:
    problems = against_the_order(plant(tmp_path, files), ORDER)
    assert len(problems) == (found is not None)
    assert found is None or found in problems[0]


def beginnings(package: Package) -> list[str]:
    return busy_beginnings(package, ["settings"])


def bot_libraries(package: Package) -> list[str]:
    return imports_of_others(package, BOT_LIBRARIES, BOT)


@pytest.mark.parametrize(
    ("rule", "files", "found"),
    [
        (circles, {}, None),
        (
            circles,
            {"cli/a.py": "from house.cli import b", "cli/b.py": "def f():\n  import house.cli.a"},
            "house.cli.a <- house.cli.b",
        ),
        (
            circles,
            {
                "cli/a.py": "import house.bot.b",
                "bot/b.py": "",
                "bot/__init__.py": "import house.cli.a",
            },
            "house.bot",
        ),
        (
            circles,
            {"cli/main.py": "import_module(f'house.cli.{x}')", "cli/a.py": "import house.cli.main"},
            "house.cli.main",
        ),
        (private_names, {}, None),
        (private_names, {"cli/a.py": "from house.errors import _hidden"}, "errors's private _hid"),
        (private_names, {"cli/a.py": "from house import errors\nerrors._hidden()"}, "cli.a:2"),
        (private_names, {"cli/a.py": "import house.errors\nhouse.errors._hidden()"}, "cli.a:2"),
        (private_names, {"cli/a.py": "from house.errors import A as B\nB._hidden"}, "B._hidden"),
        (private_names, {"cli/a.py": "from house.errors import A\nA.__name__"}, None),
        (beginnings, {"settings/__init__.py": "import house.errors"}, None),
        (beginnings, {"cli/__init__.py": "import numpy"}, "house.cli:1 imports numpy"),
        (bot_libraries, {"bot/a.py": "import freqtrade"}, None),
        (bot_libraries, {"cli/a.py": "from freqtrade.data import history"}, "freqtrade.data"),
        (bot_libraries, {"bots.py": "def f():\n    import ccxt"}, "house.bots:2 imports ccxt"),
    ],
)
def test_a_broken_rule_is_found(
    rule: Callable[[Package], list[str]],
    files: Mapping[str, str],
    found: str | None,
    tmp_path: Path,
) -> None:
    problems = rule(plant(tmp_path, files))
    assert len(problems) == (found is not None)
    assert found is None or found in problems[0]


@pytest.mark.parametrize(
    ("files", "fewest", "found"),
    [
        ({}, 2, None),
        ({"cli/main.py": "\n\n"}, 2, "has 2 lines, more than 1"),
        ({"cli/a.py": ""}, 2, "has 3 files, not 2 to 2"),
        ({}, 3, "has 2 files, not 3 to 2"),
        ({"labels.py": ""}, 2, "3 files at the root, more than 2"),
        ({"bot/a.py": ""}, 2, "2 folders at the root, more than 1"),
    ],
)
def test_a_thing_that_outgrows_its_bounds_is_found(
    files: Mapping[str, str], fewest: int, found: str | None, tmp_path: Path
) -> None:
    bounds = Bounds(folders=1, root_files=2, files=(fewest, 2), lines=1)
    problems = out_of_bounds(plant(tmp_path, files), bounds)
    assert len(problems) == (found is not None)
    assert found is None or found in problems[0]


def test_a_module_that_brings_torch_along_is_found(tmp_path: Path) -> None:
    (tmp_path / "torch.py").touch()
    package = plant(
        tmp_path, {"labels.py": "import house.runtime.a", "runtime/a.py": "import torch"}
    )
    modules = package.within("errors", "labels", "runtime")
    assert modules[:2] == ["house.errors", "house.labels"]
    assert brought_along(modules, ["torch"], tmp_path) == ["house.labels imports torch"]
    assert brought_along(package.within("errors", "cli"), ["torch"], tmp_path) == []

"""The wheel in a bare environment, away from the repository, on every Python that is here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from tests.makers.bot import REPOSITORY
from tests.makers.wheels import built_wheel

pytestmark = pytest.mark.e2e

PYTHONS: Final = ("3.11", "3.12", "3.13")
#: 7 days of the preset's training, and 33 that the averages look back.
DAYS: Final = 41


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


def run(command: list[str], folder: Path) -> str:
    """Output of a command that must succeed, in an environment that knows nothing of ours."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**variables, "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bare_environment(python: str, wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel alone; its `bin`."""
    run([python, "-m", "venv", "--without-pip", "bare"], folder)
    programs = folder / "bare" / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python")]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], folder)
    return programs


def test_the_first_verdict_takes_three_commands(wheel: Path, tmp_path: Path) -> None:
    programs = bare_environment(sys.executable, wheel, tmp_path)
    [site] = (tmp_path / "bare").glob("lib/python*/site-packages")
    packages = [path for path in sys.path if "site" in Path(path).name and Path(path).is_dir()]
    assert packages
    (site / "packages.pth").write_text("\n".join(packages), encoding="utf-8")
    program = str(programs / "dualwindow")
    inside = [str(programs / "python"), "-c", "import dualwindow; print(dualwindow.__file__)"]
    assert Path(run(inside, tmp_path).strip()).is_relative_to(site)

    userdir = tmp_path / "user_data"
    (userdir / "data").mkdir(parents=True)
    wrote = run(
        [program, "install", "--userdir", "user_data", "--write-config", "dw.json"], tmp_path
    )
    assert "written: dw.json" in wrote
    market = MarketSpec(seed=1, start=datetime(2025, 1, 1, tzinfo=UTC), days=DAYS)
    candles = make_market(market).candles
    write_candles(userdir / "data" / "binance", "BTC/USDT:USDT", candles)
    pair = ["--pair", "BTC/USDT:USDT", "--userdir", "user_data", "--output", "model"]
    train = [program, "train", "-c", "dw.json", "--preset", "test", *pair, "--epochs", "1"]
    shown = run(train, tmp_path)
    assert (tmp_path / "model" / "report.html").is_file()
    assert shown.rstrip().splitlines()[-1]
    assert re.search(r"\n\n(Edge found|No edge worth the fees|Not enough data to tell)", shown)
    table = [line for line in shown.splitlines() if line.startswith(("┃", "│", "┏", "└", "├", "┡"))]
    assert 0 < len(table) <= 20
    assert max(map(len, table)) <= 80


@pytest.mark.parametrize("version", PYTHONS)
def test_it_installs_and_compiles_on_every_python(
    version: str, wheel: Path, tmp_path: Path
) -> None:
    python = shutil.which(f"python{version}")
    asked = [python or "", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    # A launcher may be there for a version that is not.
    if python is None or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip(f"Python {version} is not installed here")
    assert run(asked, tmp_path).strip() == version
    programs = bare_environment(python, wheel, tmp_path)
    [site] = (tmp_path / "bare").glob("lib/python*/site-packages")
    run([str(programs / "python"), "-W", "error", "-m", "compileall", "-q", str(site)], tmp_path)
    # What needs no other package runs.
    assert "examples:" in run([str(programs / "dualwindow"), "--help"], tmp_path)


def test_no_dependency_replaces_an_installed_torch_or_asks_for_cuda() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[\[<>=!;~ ]", each)[0] for each in project["dependencies"]]
    assert not [name for name in names if re.match("nvidia|cuda|triton", name)]
    # An upper end or an exact version would make pip replace what freqtrade brought.
    bounded = [each for each in project["dependencies"] if re.search(r"==|<|~=", each)]
    assert bounded == []

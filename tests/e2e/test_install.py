"""A user's own folder and configuration with what `dualwindow install` wrote, under freqtrade."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from dualwindow.cli.main import main
from tests.cli.commands.test_install import USERS
from tests.makers.freqtrade import SMALL, freqtrade, user_folder

pytestmark = pytest.mark.e2e

#: So that the training takes seconds; the identifier stays the overlay's.
QUICK: Final[dict[str, Any]] = {
    "timerange": "20250613-20250614",
    "freqai": {key: value for key, value in SMALL["freqai"].items() if key != "identifier"},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> list[Path]:
    """User folder, user's configuration and overlay."""
    userdir = tmp_path_factory.mktemp("userdir")
    user_folder(userdir, shared_data / "binance-futures-2025-05-04_2025-06-24", ["BTC_*"])
    users, overlay = userdir / "mine.json", userdir / "dualwindow.json"
    users.write_text(json.dumps(USERS), encoding="utf-8")
    where = ["--userdir", str(userdir), "-c", str(users)]
    assert main(["install", *where, "--write-config", str(overlay)]) == 0
    return [userdir, users, overlay]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["show-config"], '"freqaimodel": "DualWindowLSTM"'),
        (["list-freqaimodels", "-1"], "DualWindowLSTM"),
        (["list-strategies", "-1"], "DualWindowStrategy"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_freqtrade_reads_it_outside_the_repository(
    installed: list[Path], command: list[str], found: str, tmp_path: Path
) -> None:
    userdir, *configs = installed
    words = [*command, "--userdir", str(userdir), *(f"--config={path}" for path in configs)]
    done = subprocess.run(
        [sys.executable, "-m", "freqtrade", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found in done.stdout


def test_it_backtests(installed: list[Path]) -> None:
    userdir, *configs = installed
    run = freqtrade(userdir, QUICK, ["backtesting"], [str(path) for path in configs])
    assert run.status == 0, run.output
    assert run.strategy_result()["backtest_start_ts"] > 0
    assert len(list(run.models("dualwindow").glob("sub-train-BTC_*"))) == 1

"""`make demo`: from nothing to two verdicts, again without harm, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from demo.picture import PICTURES
from dualwindow.evaluation.evidence.verdict import EDGE, NO_EDGE
from tests.makers.freqtrade import LIMIT_SECONDS, REPOSITORY

pytestmark = pytest.mark.e2e

#: A guard against a demo that hangs, no promise: two backtests share what the machine has left.
DEMO_SECONDS = 840
#: Of the terminal, besides those of freqtrade's tables.
MOST_LINES = 60
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


@pytest.fixture
def userdir(tmp_path: Path) -> Path:
    """A folder of the test's own, which also tells its processes from those of other demos."""
    return tmp_path / "user data of the demo"


def command(userdir: Path) -> list[str]:
    return [sys.executable, "-m", "demo.run", "--userdir", str(userdir)]


def processes(userdir: Path) -> list[psutil.Process]:
    """Processes of a demo: its exchange, its freqtrade, itself."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(userdir) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def changed_in_the_tree() -> set[str]:
    """What git does not ignore, changed or new; nothing where this is no working copy."""
    done = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stdout.splitlines())


def test_the_demo_finds_the_drift_and_nothing_without_it(userdir: Path) -> None:
    userdir.mkdir()
    stale = userdir / "left from an earlier run"
    stale.touch()
    before = changed_in_the_tree()
    done = subprocess.run(
        command(userdir),
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not done.stderr
    assert not stale.exists()
    check_terminal(done.stdout, userdir)
    check_verdicts(userdir)
    for name in PICTURES:
        drawn = (userdir / name).read_bytes()
        assert len(drawn) < 200_000
        ElementTree.fromstring(drawn)
    logs = "".join(path.read_text("utf-8") for path in userdir.glob("*/freqtrade.log"))
    warnings = [line for line in logs.splitlines() if "WARNING" in line]
    assert [line for line in warnings if "prices of this exchange are synthetic" not in line] == []
    assert changed_in_the_tree() <= before
    assert processes(userdir) == []


def in_shape(line: str) -> str:
    """A line with every number replaced, its sign too."""
    return re.sub(r"[+-]?\d+(?:[.,]\d+)*", "0", line)


def check_terminal(output: str, userdir: Path) -> None:
    """Few lines besides the tables of freqtrade, both verdicts, and files that exist."""
    lines = output.splitlines()
    assert output.count("STRATEGY SUMMARY") == 2
    ours = [line for line in lines if not re.match(r"[┏┃┡│└]|\s+STRATEGY SUMMARY", line)]
    assert len(ours) <= MOST_LINES
    assert "Market with a drift: EDGE FOUND" in lines
    assert "Market without a drift: NO EDGE WORTH THE FEES" in lines
    sample = (REPOSITORY / "README.md").read_text("utf-8").split("looks like")[1].split("```")[1]
    shown = [line for line in lines if re.match(r"Market|  (model|edge|oracle)  ", line)]
    # Another processor trains another model, whose figures differ in their digits.
    assert [in_shape(line) for line in shown] == [
        in_shape(line) for line in sample.splitlines() if line
    ]
    assert output.count("of 2 is over") == 4
    assert "The prices are made up" in output
    named = output.split("real market.")[1].split("Next: your own candles", maxsplit=1)[0]
    files = re.findall(rf"{re.escape(str(userdir))}/(\S+)", named)
    assert len(files) == 5
    for file in files:
        assert list(userdir.glob(file)), file


def check_verdicts(userdir: Path) -> None:
    """The trades earn where there is a drift, less than the oracle's; else they lose the fees."""
    drifting, still = json.loads((userdir / "figures.json").read_text("utf-8"))
    assert (drifting["market"], drifting["verdict"]) == ("with-drift", EDGE)
    assert 0.0 < drifting["profit"]["low"] < drifting["profit"]["value"] < drifting["oracle"]
    assert drifting["edge"]["low"] > 0.0
    assert (still["market"], still["verdict"]) == ("without-drift", NO_EDGE)
    assert still["profit"]["high"] < 0.0
    assert still["edge"]["low"] < 0.0
    assert (still["oracle"], still["oracle_trades"]) == (0.0, 0)


def test_a_demo_whose_backtest_fails_shows_why(userdir: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"freqai": {"model_training_parameters": {"epochz": 3}}}))
    done = subprocess.run(
        [*command(userdir), "--config", str(wrong)],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode != 0
    assert "epochz" in done.stderr
    assert "freqtrade.log" in done.stderr.splitlines()[-1]
    assert "EDGE" not in done.stdout
    assert processes(userdir) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(
    number: signal.Signals, userdir: Path, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("w") as log:
        demo = subprocess.Popen(
            command(userdir),
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(lambda: any("freqtrade" in p.cmdline() for p in processes(userdir)), 120)
            # Ctrl-C reaches every process of the terminal, a SIGTERM only the demo itself.
            if number == signal.SIGINT:
                os.killpg(demo.pid, number)
            else:
                demo.send_signal(number)
            demo.wait(90)
            wait_for(lambda: not processes(userdir), 90)
        finally:
            for process in processes(userdir):
                process.kill()


def wait_for(condition: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)

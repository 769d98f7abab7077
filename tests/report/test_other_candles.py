"""`dualwindow report` and `evaluate` look whether predictions are of the candles of now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.runtime.counts import counted
from tests.makers.backtests import BASE, OTHER_PAIR, Backtests, Frames, at_hour, market
from tests.makers.bot import PAIR
from tests.makers.markets import random_candles

OTHER = (OTHER_PAIR, "1m")
BASE_5M = (PAIR, "5m")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Backtests:
    backtests = Backtests(tmp_path_factory.mktemp("made"), market())
    backtests.run()
    return backtests


@pytest.fixture
def backtests(made: Backtests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backtests:
    # Without the repository's config.json.
    monkeypatch.chdir(tmp_path)
    return Backtests(shutil.copytree(made.folder, tmp_path / "user_data"), made.frames)


def write(userdir: Path, frames: Frames) -> None:
    for (pair, timeframe), frame in frames.items():
        stem = pair.replace("/", "_").replace(":", "_")
        path = userdir / "data" / "binance" / "futures" / f"{stem}-{timeframe}-futures.feather"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_feather(path)


def evaluated(backtests: Backtests, capsys: pytest.CaptureFixture[str]) -> tuple[int, int, str]:
    """Status, slices that were evaluated, and what the user reads."""
    output = backtests.folder / "figures.json"
    output.unlink(missing_ok=True)
    status = main(["evaluate", str(backtests.models), "--output", str(output)])
    content = json.loads(output.read_bytes()) if output.is_file() else {"pairs": []}
    slices = [part for pair in content["pairs"] for part in pair["slices"]]
    captured = capsys.readouterr()
    return status, len(slices), " ".join((captured.out + captured.err).split())


def reported(backtests: Backtests) -> str:
    output = backtests.folder / "page"
    assert main(["report", str(backtests.models), "--output", str(output)]) == 0
    return " ".join(json.loads((output / "report.json").read_bytes())["verdict"]["sentences"])


def test_predictions_of_the_candles_of_now_are_evaluated(
    backtests: Backtests, capsys: pytest.CaptureFixture[str]
) -> None:
    write(backtests.folder, backtests.frames)
    status, slices, output = evaluated(backtests, capsys)
    assert (status, slices) == (0, 4)
    assert "other candles" not in output + reported(backtests)


@pytest.mark.parametrize("hole", [False, True], ids=["whole", "hole in the file"])
def test_candles_that_freqtrade_fills_are_those_of_the_backtest(
    hole: bool, made: Backtests, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from freqtrade.data.converter import ohlcv_fill_up_missing_data

    raw = made.frames
    if hole:
        holed = raw[BASE].drop(index=range(2500, 2620)).reset_index(drop=True)
        raw = raw | {BASE: holed}
    filled = raw | {BASE: ohlcv_fill_up_missing_data(raw[BASE], "1m", PAIR)}
    backtests = Backtests(tmp_path / "user_data", filled)
    backtests.run(slices=1)
    write(backtests.folder, raw)
    assert evaluated(backtests, capsys)[:2] == (0, 1)


@pytest.mark.parametrize(
    ("series", "hour", "left"),
    [(BASE, 20, 3), (BASE, 8, 1), (OTHER, 8, 1), (BASE_5M, 20, 3), (BASE, -26, 3), (BASE, 30, 4)],
)
def test_predictions_of_other_candles_are_left_out_and_named(
    series: tuple[str, str],
    hour: float,
    left: int,
    backtests: Backtests,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(backtests.folder, at_hour(backtests.frames, series, hour))
    status, slices, output = evaluated(backtests, capsys)
    assert (status, slices) == (0, left)
    for text in (output, reported(backtests)):
        count = counted(4 - left, "saved prediction is", "saved predictions are")
        said = f"{count} left out of {PAIR}, " in text
        assert said == (left < 4)
        assert (f"{series[0]} {series[1]} between" in text) == said


def test_another_market_is_not_evaluated_at_all(
    backtests: Backtests, capsys: pytest.CaptureFixture[str]
) -> None:
    write(backtests.folder, backtests.frames | {BASE: random_candles(5760, 9)})
    status, slices, output = evaluated(backtests, capsys)
    assert status != 0
    assert slices == 0
    assert "4 saved predictions are left out of" in output
    assert "run the backtest again" in reported(backtests)


def test_after_the_next_backtest_they_are_evaluated_again(
    backtests: Backtests, capsys: pytest.CaptureFixture[str]
) -> None:
    # Too far before the first training for its averages, within the block that is summed.
    frames = at_hour(at_hour(backtests.frames, BASE, 8), OTHER, -26)
    write(backtests.folder, frames)
    assert evaluated(backtests, capsys)[1] < 4
    backtests.run(frames=frames)
    assert evaluated(backtests, capsys)[:2] == (0, 4)


@pytest.mark.parametrize("edited", [False, True])
def test_a_damaged_prediction_is_left_out(
    edited: bool, backtests: Backtests, capsys: pytest.CaptureFixture[str]
) -> None:
    write(backtests.folder, backtests.frames)
    file = sorted(backtests.predictions.iterdir())[1]
    if edited:
        pd.read_feather(file).assign(LONG=0.99).to_feather(file)
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    status, slices, output = evaluated(backtests, capsys)
    assert (status, slices) == (0, 3)
    assert "is damaged or was changed by hand" in output

"""What a backtest takes of its identifier's folder, and makes again, when candles change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.makers.backtests import BASE, OTHER_PAIR, Backtests, Frames, at_hour, begin_at, market
from tests.makers.bot import PAIR
from tests.makers.markets import PRICES, random_candles

BASE_5M = (PAIR, "5m")
OTHER, OTHER_5M = (OTHER_PAIR, "1m"), (OTHER_PAIR, "5m")
ALL = [0, 6, 12, 18]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Backtests:
    """A folder with four slices; not to be changed."""
    backtests = Backtests(tmp_path_factory.mktemp("made"), market())
    done = backtests.run()
    assert done.trained == done.predicted == ALL
    return backtests


@pytest.fixture
def backtests(made: Backtests, tmp_path: Path) -> Backtests:
    """A copy of it."""
    return Backtests(shutil.copytree(made.folder, tmp_path / "copy"), made.frames)


def changed(frames: Frames, series: tuple[str, str], **columns: object) -> Frames:
    return frames | {series: frames[series].assign(**columns)}


def with_hole(frames: Frames, series: tuple[str, str], hour: float, hours: float = 2) -> Frames:
    """Candles as freqtrade fills a hole: the last price, no volume."""
    frame = frames[series].copy()
    rows = (frame["date"] >= begin_at(hour)) & (frame["date"] < begin_at(hour + hours))
    first = frame.index[rows][0]
    frame.loc[rows, PRICES] = frame["close"].iloc[first - 1]
    frame.loc[rows, "volume"] = 0.0
    return frames | {series: frame}


def from_hour(frames: Frames, hour: float) -> Frames:
    return {
        series: frame[frame["date"] >= begin_at(hour)].reset_index(drop=True)
        for series, frame in frames.items()
    }


#: A change, the slices that are trained again and those that are predicted again.
CHANGES: list[tuple[str, Callable[[Frames], Frames], list[int], list[int]]] = [
    ("nothing", lambda frames: frames, [], []),
    ("newer than everything", lambda frames: at_hour(frames, BASE, 30), [], []),
    ("older than everything", lambda frames: at_hour(frames, BASE, -40), [], []),
    ("warm-up of the first training", lambda frames: at_hour(frames, BASE, -26), [0], [0]),
    ("first training", lambda frames: at_hour(frames, BASE, -23), [0], [0]),
    ("a slice", lambda frames: at_hour(frames, BASE, 3), [6, 12, 18], ALL),
    ("its last candle", lambda frames: at_hour(frames, BASE, 24 - 1 / 60), [], [18]),
    ("a tenth of a tick", lambda frames: at_hour(frames, BASE, 20, 1 + 1e-12), [], [18]),
    ("volume", lambda frames: changed(frames, BASE, volume=1.0), ALL, ALL),
    ("hole", lambda frames: with_hole(frames, BASE, 8), [12, 18], [6, 12, 18]),
    ("another market", lambda frames: frames | {BASE: random_candles(5760, 9)}, ALL, ALL),
    ("correlated pair", lambda frames: at_hour(frames, OTHER, 3), [6, 12, 18], ALL),
    ("before its features", lambda frames: at_hour(frames, OTHER, -26), [], []),
    ("other timeframe", lambda frames: at_hour(frames, BASE_5M, 13), [18], [12, 18]),
    ("both", lambda frames: at_hour(frames, OTHER_5M, 13), [18], [12, 18]),
    ("another pair for it", lambda frames: frames | {OTHER: frames[BASE]}, ALL, ALL),
]


@pytest.mark.parametrize(
    ("change", "trained", "predicted"),
    [each[1:] for each in CHANGES],
    ids=[each[0] for each in CHANGES],
)
def test_a_backtest_on_changed_candles_is_that_of_a_fresh_identifier(
    change: Callable[[Frames], Frames],
    trained: list[int],
    predicted: list[int],
    backtests: Backtests,
    tmp_path: Path,
) -> None:
    frames = change(backtests.frames)
    again = backtests.run(frames=frames)
    assert (again.trained, again.predicted) == (trained, predicted)
    assert len(again.lines("are not the candles any more")) == bool(predicted)
    if predicted:
        fresh = Backtests(tmp_path / "fresh", frames).run()
        pd.testing.assert_frame_equal(again.frame, fresh.frame)
    # And from now on these are the candles.
    assert backtests.run(frames=frames).reused


def test_the_line_names_what_changed_and_from_when_on(backtests: Backtests) -> None:
    frames = at_hour(at_hour(backtests.frames, BASE, 8.5), OTHER_5M, 14)
    line = backtests.run(frames=frames).line("are not the candles any more")
    # Days, or hours where a slice alone holds the change.
    assert line.startswith(f"{PAIR}: {PAIR} 1m between 2025-01-03 and 2025-01-03 18:00 UTC")
    assert f"{OTHER_PAIR} 5m between 2025-01-0" in line
    assert "3 of 4 slices, the first from 2025-01-03 06:00 UTC, are trained or predicted" in line


def test_a_hole_that_is_filled_changes_what_came_after_it(backtests: Backtests) -> None:
    holed = with_hole(backtests.frames, BASE, 8)
    backtests.run(frames=holed)
    before = backtests.sums()
    filled = backtests.run()
    assert (filled.trained, filled.predicted) == ([12, 18], [6, 12, 18])
    same = {name for name, own in backtests.sums().items() if before[name] == own}
    assert len(same) == 2 + 1  # two models, one slice


def test_older_candles_change_only_the_averages_that_lacked_them(
    made: Backtests, tmp_path: Path
) -> None:
    short = Backtests(tmp_path / "short", from_hour(made.frames, -21))
    first = short.run()
    assert first.trained == ALL
    prepended = short.run(frames=made.frames)
    # Averages of four hours are known from -17 on: the first training begins at -24, the second
    # at -18.
    assert (prepended.trained, prepended.predicted) == ([0, 6], [0, 6])
    assert "2 of 4 slices" in prepended.line("older candles are there now")
    pd.testing.assert_frame_equal(prepended.frame, made.run().frame)
    assert short.run(frames=made.frames).reused


def test_a_model_that_was_trained_again_predicts_again(backtests: Backtests) -> None:
    """As when a backtest is stopped between a training and the predictions."""
    before = backtests.run().frame
    for name in ("cb_btc_1735884000", "cb_btc_1735905600"):
        (backtests.predictions / f"{name}_prediction.feather").rename(backtests.folder / name)
    for folder in backtests.models.glob("sub-train-BTC_1735884000"):
        shutil.rmtree(folder)
    done = backtests.run()
    assert (done.trained, done.predicted) == ([6], [6, 12])
    # The file of the model that is gone, with its record.
    pd.testing.assert_frame_equal(done.frame, before)


def test_predictions_stay_when_old_models_are_deleted(backtests: Backtests) -> None:
    for folder in sorted(backtests.models.glob("sub-train-*"))[1:]:
        shutil.rmtree(folder)
    assert backtests.run().reused


@pytest.mark.parametrize("saved", [True, False], ids=["models saved", "models not saved"])
def test_without_saved_models_predictions_are_bound_as_well(saved: bool, tmp_path: Path) -> None:
    backtests = Backtests(tmp_path, market(), save_backtest_models=saved)
    first = backtests.run(slices=2)
    assert backtests.run(slices=2).reused
    again = backtests.run(slices=2, frames=at_hour(backtests.frames, BASE, 3))
    assert again.predicted == [0, 6]
    assert again.trained == ([6] if saved else [0, 6])
    assert not again.frame["LONG"].equals(first.frame["LONG"])


def test_a_backtest_that_begins_earlier_takes_what_is_there(backtests: Backtests) -> None:
    earlier = backtests.run(begin=begin_at(-6), slices=5)
    assert (earlier.trained, earlier.predicted) == ([-6], [-6])
    assert backtests.run().reused


def test_a_folder_without_records_is_taken_once_with_a_warning(backtests: Backtests) -> None:
    shutil.rmtree(backtests.models / "records")
    before = backtests.sums()
    first = backtests.run()
    assert first.reused
    # A running bot keeps no records either.
    assert first.line("did not note their candles").startswith("a running bot or an earlier ver")
    assert backtests.sums() == before
    second = backtests.run(frames=at_hour(backtests.frames, BASE, 20))
    assert (second.trained, second.predicted) == ([], [18])
    assert second.lines("did not note their candles") == []

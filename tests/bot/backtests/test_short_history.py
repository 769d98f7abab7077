"""Commands that load little history: what they take of a backtest's folder, and leave there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from tests.makers.backtests import BASE, Backtests, Done, at_hour, begin_at, market

#: Commands, and tools of this kind, that begin shortly before the time range.
SHORT = [RunMode.PLOT, RunMode.WEBSERVER, RunMode.UTIL_NO_EXCHANGE, RunMode.OTHER]
PREDICTED = ["SHORT", "HOLD", "LONG", "do_predict", "&-side"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Backtests, Done]:
    """A folder with four slices, not to be changed, and the backtest that made it."""
    backtests = Backtests(tmp_path_factory.mktemp("made"), market())
    return backtests, backtests.run()


@pytest.fixture
def backtests(made: tuple[Backtests, Done], tmp_path: Path) -> Backtests:
    return Backtests(shutil.copytree(made[0].folder, tmp_path / "copy"), made[0].frames)


def predictions(done: Done, begin: float, hours: float) -> pd.DataFrame:
    """What the strategy decides upon."""
    dates = done.frame["date"]
    rows = (dates >= begin_at(begin)) & (dates < begin_at(begin + hours))
    return done.frame.loc[rows, PREDICTED].reset_index(drop=True)


@pytest.mark.parametrize("mode", SHORT)
@pytest.mark.parametrize(
    ("begin", "slices"),
    [(0, 4), (0, 1), (0, 2.5), (6, 0.5), (12, 1.25), (18, 1), (18, 0.1)],
)
def test_it_shows_the_predictions_of_the_backtest_and_leaves_them(
    mode: RunMode, begin: int, slices: float, backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    before = backtests.sums()
    short = backtests.run(mode=mode, begin=begin_at(begin), slices=slices)
    assert short.trained == []
    shown = predictions(short, begin, slices * 6)
    pd.testing.assert_frame_equal(shown, predictions(made[1], begin, slices * 6))
    assert (shown["do_predict"] == 1).all()
    assert backtests.sums() == before
    again = backtests.run()
    assert again.reused
    pd.testing.assert_frame_equal(again.frame, made[1].frame)


def test_the_user_reads_that_less_was_loaded(backtests: Backtests) -> None:
    line = backtests.run(mode=RunMode.PLOT).line("loads fewer candles")
    assert "of 4 of 4 slices" in line


@pytest.mark.parametrize("mode", SHORT)
def test_what_it_cannot_predict_is_not_saved_and_it_says_so(
    mode: RunMode, backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    shutil.rmtree(backtests.predictions)
    short = backtests.run(mode=mode)
    # The first four hours are the averages' warm-up; the rest is as in the backtest.
    shown, full = (predictions(done, 0, 24) for done in (short, made[1]))
    known = shown["do_predict"] == 1
    assert not known[: 240 - 60].any()
    assert known[240 + 60 :].all()
    np.testing.assert_array_equal(shown.loc[known, "LONG"], full.loc[known, "LONG"])
    assert "1 slices" not in short.line("loads too few candles before")
    assert not list(backtests.predictions.glob("*"))
    again = backtests.run()
    assert (again.trained, again.predicted) == ([], [0, 6, 12, 18])
    pd.testing.assert_frame_equal(again.frame, made[1].frame)


@pytest.mark.parametrize("mode", SHORT)
def test_candles_that_have_changed_are_not_shown_with_old_predictions(
    mode: RunMode, backtests: Backtests
) -> None:
    frames = at_hour(backtests.frames, BASE, 20)
    before = backtests.sums()
    short = backtests.run(mode=mode, frames=frames, slices=3, begin=begin_at(6))
    assert short.predicted == [18]
    assert "1 of 3 slices" in short.line("are not the candles any more")
    assert backtests.sums() == before
    again = backtests.run(frames=frames)
    assert (again.trained, again.predicted) == ([], [18])


def test_a_model_of_other_candles_is_refused_where_none_can_be_trained(
    backtests: Backtests,
) -> None:
    frames = at_hour(backtests.frames, BASE, 1)
    before = backtests.sums()
    with pytest.raises(OperationalException, match="run `freqtrade backtesting` with the same"):
        backtests.run(mode=RunMode.PLOT, frames=frames)
    assert backtests.sums() == before


@pytest.mark.parametrize("mode", [RunMode.BACKTEST, RunMode.HYPEROPT])
@pytest.mark.parametrize(("begin", "slices"), [(0, 2), (0, 2.5), (12, 0.5), (6, 3), (6, 4)])
def test_another_range_takes_what_fits_and_leaves_the_rest(
    mode: RunMode, begin: int, slices: float, backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    before = backtests.sums()
    other = backtests.run(mode=mode, begin=begin_at(begin), slices=slices)
    assert other.trained == ([24] if begin + 6 * slices > 24 else [])
    hours = min(slices * 6, 24 - begin)
    shown = predictions(other, begin, hours)
    pd.testing.assert_frame_equal(shown, predictions(made[1], begin, hours))
    assert before.items() <= backtests.sums().items()
    assert backtests.run().reused


def test_a_longer_slice_replaces_a_shorter_one(
    made: tuple[Backtests, Done], tmp_path: Path
) -> None:
    backtests = Backtests(tmp_path, made[0].frames)
    backtests.run(slices=1.5)
    longer = backtests.run()
    assert (longer.trained, longer.predicted) == ([12, 18], [6, 12, 18])
    pd.testing.assert_frame_equal(longer.frame, made[1].frame)
    assert backtests.run().reused


@pytest.mark.parametrize("mode", SHORT)
@pytest.mark.parametrize(("begin", "slices"), [(24, 1), (18, 3), (36, 0.5)])
def test_a_range_that_was_not_backtested_is_to_be_backtested_first(
    mode: RunMode, begin: int, slices: float, backtests: Backtests
) -> None:
    before = backtests.sums()
    with pytest.raises(OperationalException) as refused:
        backtests.run(mode=mode, begin=begin_at(begin), slices=slices)
    text = str(refused.value)
    assert "have not been backtested under freqai.identifier 'bound'" in text
    assert "run `freqtrade backtesting` with the same --timerange first" in text
    assert "download" not in text
    assert backtests.sums() == before

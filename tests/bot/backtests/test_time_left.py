"""A backtest tells how long it will take before its first training, and what is left after each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.backtests.time_left import TimeLeft, about
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import TrainingTime
from tests.makers.backtests import Backtests, market

#: Seconds of a pair's features, and of a slice: before its epochs, an epoch, after them, and of the
#: prediction of its candles.
PAIR, PREPARED, EPOCH, EVALUATED, PREDICTED = 30.0, 3.0, 10.0, 4.0, 8.0
CANDLES = 1000
SETTINGS = {"epochs": 4, "warm_epochs": 2}


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    wanted = ("in this backtest: about", " left")
    return [line for line in caplog.messages if any(part in line for part in wanted)]


def tells(line: str, seconds: float) -> bool:
    """Whether a line tells a time, on either side of a half where it is rounded."""
    return about(seconds - 1e-6) in line or about(seconds + 1e-6) in line


class Backtest:
    """Pairs, a slice for every training, as the bot tells of them; all of it takes its time.

    Everything takes `off` times as long as it is estimated.
    """

    def __init__(self, pairs: int, needed: int, cycle: int, *, continues: bool, off: float) -> None:
        config = TrainingConfig.from_parameters({**SETTINGS, "warm_retrainings": cycle})
        self.clock = Clock()
        self.left = TimeLeft(config, continues=continues, clock=self.clock)
        self.pairs, self.needed, self.off = pairs, needed, off
        self.warm = [continues and number % (cycle + 1) > 0 for number in range(needed)]
        self.lines: list[str] = []
        #: Moments of the lines.
        self.times: list[float] = []

    def run(self) -> list[float]:
        """Seconds that were left at every line."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dualwindow.bot.backtests.time_left.logger.info", self._noted)
            for number in range(self.pairs):
                self.left.begin_pair()
                self.clock.now += PAIR
                self.left.begin_slices(self.needed, self.pairs - number - 1, CANDLES)
                for warm in self.warm:
                    self._slice(warm=warm)
        return [self.clock.now - moment for moment in self.times]

    def _slice(self, *, warm: bool) -> None:
        self.clock.now += PREPARED
        self.left.estimated(TrainingTime(EPOCH, EVALUATED, PREDICTED / CANDLES))
        epochs = SETTINGS["warm_epochs" if warm else "epochs"]
        # As far off in what comes before it, so that one figure tells how far.
        self.clock.now += self.off * (PREPARED + epochs * EPOCH + EVALUATED) - PREPARED
        self.left.trained(warm=warm)
        self.clock.now += self.off * PREDICTED
        self.left.predicted()

    def _noted(self, text: str, *values: object) -> None:
        self.lines.append(text % values)
        self.times.append(self.clock.now)


BACKTESTS = {
    "pairs": st.integers(1, 4),
    "needed": st.integers(1, 12),
    "cycle": st.integers(0, 5),
    "continues": st.booleans(),
}


@given(**BACKTESTS)
def test_all_that_a_backtest_waits_for_is_told_before_its_first_training(
    pairs: int, needed: int, cycle: int, continues: bool
) -> None:
    backtest = Backtest(pairs, needed, cycle, continues=continues, off=1.0)
    left = backtest.run()
    first, *after = backtest.lines
    number = pairs * needed
    assert first.startswith(f"{number} training")
    # With what the first pair has taken until then.
    assert tells(first, left[0] + PAIR + PREPARED)
    assert len(after) == number
    for at, (line, seconds) in enumerate(zip(after, left[1:], strict=True), 1):
        assert line.startswith(f"training {at} of {number} took")
        assert line.endswith(" left")
        assert tells(line, seconds)


@given(**BACKTESTS, off=st.sampled_from([0.2, 0.5, 2.0, 5.0]))
def test_what_is_left_follows_from_what_the_first_slice_took(
    pairs: int, needed: int, cycle: int, continues: bool, off: float
) -> None:
    backtest = Backtest(pairs, needed, cycle, continues=continues, off=off)
    left = backtest.run()
    # At the second training's end a training and a prediction have been seen.
    for line, seconds in [*zip(backtest.lines, left, strict=True)][2:]:
        assert line.endswith(" left")
        assert tells(line, seconds)


@given(needed=st.integers(1, 5), pairs=st.integers(1, 3))
def test_a_pair_without_trainings_is_not_counted(needed: int, pairs: int) -> None:
    backtest = Backtest(pairs, needed, 0, continues=False, off=1.0)
    backtest.left.begin_pair()
    backtest.clock.now += 1e6
    backtest.left.begin_slices(0, pairs, CANDLES)
    left = backtest.run()
    assert tells(backtest.lines[0], left[0] + PAIR + PREPARED)


def test_a_backtest_counts_the_trainings_that_it_needs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    backtests = Backtests(tmp_path / "user", market())
    backtests.run()
    first, *after = lines_of(caplog)
    assert re.fullmatch(r"4 trainings in this backtest: about [\d.]+ (s|minutes)", first)
    assert [line.partition(" took")[0] for line in after] == [
        f"training {number} of 4" for number in range(1, 5)
    ]
    assert after[-1].endswith("about 0 s left")
    caplog.clear()
    backtests.run()
    assert lines_of(caplog) == []

"""A backtest tells how long it will take before its first training, and what is left after each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.backtests.time_left import TimeLeft
from dualwindow.settings import TrainingConfig
from tests.makers.backtests import Backtests, market

FULL, WARM, FEATURES = 60.0, 15.0, 30.0
#: A warm epoch of four, so that the first guess at a warm training is right.
SETTINGS = {"epochs": 4, "warm_epochs": 1}


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    wanted = ("in this backtest: about", " min left")
    return [line for line in caplog.messages if any(part in line for part in wanted)]


@given(
    needed=st.integers(1, 12),
    pairs=st.integers(1, 4),
    cycle=st.integers(0, 5),
    continues=st.booleans(),
)
def test_what_is_left_is_what_is_still_to_come(
    needed: int, pairs: int, cycle: int, continues: bool
) -> None:
    config = TrainingConfig.from_parameters({**SETTINGS, "warm_retrainings": cycle})
    clock = Clock()
    left = TimeLeft(config, continues=continues, clock=clock)
    places = [number for _ in range(pairs) for number in range(needed)]
    warm = [continues and number % (cycle + 1) > 0 for number in places]
    takes = [WARM if one else FULL for one in warm]
    with pytest.MonkeyPatch.context() as patch:
        found: list[str] = []
        patch.setattr(
            "dualwindow.bot.backtests.time_left.logger.info",
            lambda text, *values: found.append(text % values),
        )
        for number, place in enumerate(places):
            if place == 0:
                left.begin_pair(needed, pairs - number // needed - 1)
                clock.now += FEATURES
            left.estimated(takes[number])
            # Features are a part of what the first training of a pair took.
            clock.now += takes[number] - FEATURES * (place == 0)
            left.trained(warm=warm[number])
    first, *after = found
    total = sum(takes) + FEATURES * pairs
    assert first.startswith(f"{len(places)} training")
    assert f"about {total / 60:.1f} min" in first
    assert len(after) == len(places)
    for number, line in enumerate(after, 1):
        assert line.startswith(f"training {number} of {len(places)} took")
        assert f"about {sum(takes[number:]) / 60:.1f} min left" in line


def test_a_backtest_counts_the_trainings_that_it_needs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    backtests = Backtests(tmp_path / "user", market())
    backtests.run()
    first, *after = lines_of(caplog)
    assert re.fullmatch(r"4 trainings in this backtest: about \d+\.\d min", first)
    assert [line.partition(" took")[0] for line in after] == [
        f"training {number} of 4" for number in range(1, 5)
    ]
    assert after[-1].endswith("about 0.0 min left")
    caplog.clear()
    backtests.run()
    assert lines_of(caplog) == []

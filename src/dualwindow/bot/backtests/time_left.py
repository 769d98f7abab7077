"""How many trainings of a backtest are to come, and how long they take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

#: Least share of a full training's time that a warm one takes: its frames and figures are as large.
_LEAST_SHARE: Final = 0.25


class TimeLeft:
    """Logs the time of all trainings before the first one, and what is left after every one.

    At first that is the estimate of the training at hand, later what trainings took, with the
    features and predictions beside them. Other pairs are taken to need as many as this one.

    Args:
        config: settings of the trainings.
        continues: whether they begin from the pair's last model.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        config: TrainingConfig,
        *,
        continues: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._cycle = config.warm_retrainings + 1 if continues else 1
        self._share = max(config.warm_epochs / max(config.epochs, 1), _LEAST_SHARE)
        #: Trainings that the pair at hand needs, those that are made, and the pairs to come.
        self._needed = self._done = self._pairs = self._made = 0
        self._since = clock()
        self._took: dict[bool, list[float]] = {True: [], False: []}

    def begin_pair(self, needed: int, pairs: int) -> None:
        """A pair begins that needs so many trainings, and so many pairs come after it."""
        self._needed, self._done, self._pairs = needed, 0, max(pairs, 0)
        self._since = self._clock()

    def estimated(self, seconds: float) -> None:
        """The training at hand is expected to take so long."""
        if self._made or not self._left:
            return
        # What was computed before it is computed for every pair.
        features = (self._clock() - self._since) * (self._pairs + 1)
        logger.info(
            "%s in this backtest: about %.1f min",
            counted(self._left, "training"),
            (features + self._expected(seconds, self._share * seconds)) / 60,
        )

    def trained(self, *, warm: bool) -> None:
        """A training is over; `warm` tells whether it began from the pair's last model."""
        now = self._clock()
        took, self._since = now - self._since, now
        self._took[warm].append(took)
        self._done += 1
        self._made += 1
        full = _mean(self._took[False]) or took / self._share
        left = self._expected(full, _mean(self._took[True]) or self._share * full)
        logger.info(
            "training %d of %d took %.1f s, about %.1f min left",
            self._made,
            self._made + self._left,
            took,
            left / 60,
        )

    @property
    def _left(self) -> int:
        return max(self._needed - self._done, 0) + self._pairs * self._needed

    def _expected(self, full: float, warm: float) -> float:
        """Seconds of the trainings to come, by what a full and a warm one take."""
        fulls = sum(number % self._cycle == 0 for number in range(self._done, self._needed))
        fulls += self._pairs * -(-self._needed // self._cycle)
        return fulls * full + (self._left - fulls) * warm


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None

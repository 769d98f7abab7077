"""How many trainings of a backtest are to come, and how long they take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import TrainingTime

logger = logging.getLogger(__name__)


class TimeLeft:
    """Logs the time of all trainings before the first one, and what is left after every one.

    A pair takes time once, for its features; then its slices, for preparing and training, and for
    predicting. Before the first training the time of epochs, evaluation and prediction is the
    training's own estimate, later what they took. Other pairs are taken to need as many trainings
    as this one.

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
        self._epochs = {True: config.warm_epochs, False: config.epochs}
        #: Trainings that the pair at hand needs, those that are made, and the pairs to come.
        self._needed = self._done = self._pairs = self._made = 0
        self._candles = 0.0
        #: When what was last taken the time of ended.
        self._since = clock()
        self._of_pairs: list[float] = []
        self._took: dict[bool, list[float]] = {True: [], False: []}
        self._predicted: list[float] = []
        #: Seconds of a warm and of a full training, and of a slice's prediction, as estimated.
        self._told: dict[bool, float] = {}
        self._prediction = 0.0

    def begin_pair(self) -> None:
        """A pair begins."""
        self._since = self._clock()
        self._needed = self._done = 0

    def begin_slices(self, needed: int, pairs: int, candles: float) -> None:
        """The pair's features are made, and its slices begin.

        Args:
            needed: trainings of the pair.
            pairs: that come after it.
            candles: of a slice.
        """
        self._needed, self._done, self._pairs, self._candles = needed, 0, max(pairs, 0), candles
        if needed:
            self._of_pairs.append(self._lap())

    def estimated(self, told: TrainingTime) -> None:
        """The epochs of the training at hand begin, and are expected to take so long."""
        if self._made or not self._left or self._told:
            return
        prepared = self._clock() - self._since
        for warm, epochs in self._epochs.items():
            self._told[warm] = prepared + epochs * told.epoch + told.evaluation
        self._prediction = self._candles * told.window
        logger.info(
            "%s in this backtest: %s",
            counted(self._left, "training"),
            about(sum(self._of_pairs) + self._expected(predictions=self._left)),
        )

    def trained(self, *, warm: bool) -> None:
        """A training is over; `warm` tells whether it began from the pair's last model."""
        took = self._lap()
        self._took[warm].append(took)
        self._done += 1
        self._made += 1
        logger.info(
            "training %d of %d took %.1f s, %s left",
            self._made,
            self._made + self._left,
            took,
            # The slice of this training is still to be predicted.
            about(self._expected(predictions=self._left + 1)),
        )

    def predicted(self) -> None:
        """A slice is predicted."""
        self._predicted.append(self._lap())

    def _lap(self) -> float:
        """Seconds since what was last taken the time of."""
        before, self._since = self._since, self._clock()
        return self._since - before

    @property
    def _left(self) -> int:
        return max(self._needed - self._done, 0) + self._pairs * self._needed

    def _expected(self, predictions: int) -> float:
        """Seconds of the trainings to come, of so many predictions, and of the pairs to come."""
        fulls = sum(number % self._cycle == 0 for number in range(self._done, self._needed))
        fulls += self._pairs * -(-self._needed // self._cycle)
        return (
            fulls * self._training(warm=False)
            + (self._left - fulls) * self._training(warm=True)
            + predictions * (_mean(self._predicted) or self._prediction)
            + self._pairs * (_mean(self._of_pairs) or 0.0)
        )

    def _training(self, *, warm: bool) -> float:
        """Seconds of a full or of a warm training."""
        if took := _mean(self._took[warm]):
            return took
        other = _mean(self._took[not warm])
        if not self._told:
            return other or 0.0
        # As far off as the estimate of the other was.
        return self._told[warm] * (other / self._told[not warm] if other else 1.0)


def about(seconds: float) -> str:
    """A time in words, the finer the shorter it is.

    Example:
        >>> about(24.4), about(192.0), about(2400.0), about(9000.0)
        ('about 24 s', 'about 3.2 minutes', 'about 40 minutes', 'about 2.5 hours')
    """
    if seconds < 60:
        return f"about {seconds:.0f} s"
    if seconds < 600:
        return f"about {seconds / 60:.1f} minutes"
    if seconds < 7200:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None

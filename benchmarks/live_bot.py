"""In a process of its own: `freqtrade trade`, watched from outside while it decides.

The bot is freqtrade's own `main`, nothing of it or of the package is replaced; its functions are
counted by a stopwatch of the main thread, which analyses the candles. Two settings change while it
runs, because neither may differ between the two halves of the measurement in any other way: when
enough candles were seen at rest, `live_retrain_hours` becomes 0 and a training gets `epochs` epochs
without early stopping, so that FreqAI's second thread trains from then on.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal

from freqtrade.data.dataprovider import DataProvider
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.main import main as freqtrade_main
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver
from freqtrade.strategy.interface import IStrategy

from benchmarks.stopwatch import Stopwatch
from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.models.trained_model import TrainedModel

#: freqtrade asks the exchange for candles; its and FreqAI's work on them; our hooks; the network.
STAGES: Final = ("fetching", "freqtrade", "features", "model")
#: What freqtrade and FreqAI call of ours, beside the network's prediction.
STRATEGY_HOOKS: Final = (
    "populate_indicators",
    "populate_entry_trend",
    "populate_exit_trend",
    "feature_engineering_expand_basic",
    "feature_engineering_standard",
    "set_freqai_targets",
)
MODEL_HOOKS: Final = ("start", "predict")

Phase = Literal["idle", "training"]


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        idle: candles without a training.
        training: candles beside one.
        epochs: of that training.
        candle_seconds: between two candles.
    """

    idle: int = 4
    training: int = 4
    epochs: int = 100
    candle_seconds: int = 60


@dataclass(frozen=True)
class Look:
    """One pair's analysis of one candle: seconds of the stages that are ours."""

    pair: str
    features: float
    model: float


@dataclass(frozen=True)
class Candle:
    """The decisions of all pairs on one candle.

    Attributes:
        phase: whether a training ran.
        delay: from the candle's close, by the clock on the wall, to the last pair's decision.
        waiting: from the close until freqtrade's loop began.
        seconds: of every stage from then on; with `waiting` they are the delay.
        looks: pair by pair.
    """

    phase: Phase
    delay: float
    waiting: float
    seconds: dict[str, float]
    looks: list[Look]


@dataclass
class _Loop:
    """One turn of freqtrade's loop."""

    began: float
    before: dict[str, float]
    ended: float = 0.0
    after: dict[str, float] = field(default_factory=dict)
    closed: int = 0
    looks: list[Look] = field(default_factory=list)

    def candle(self, phase: Phase) -> Candle:
        """What the turn took; whatever no stage counted is freqtrade's."""
        delay, waiting = self.ended - self.closed, self.began - self.closed
        seconds = {name: self.after[name] - self.before[name] for name in STAGES}
        seconds["freqtrade"] += delay - waiting - sum(seconds.values())
        return Candle(phase, delay, waiting, seconds, self.looks)


class LiveWatch:
    """Sees every candle of a running bot, begins the training and ends the bot.

    Args:
        plan: what to measure.
    """

    def __init__(self, plan: Plan) -> None:
        self.candles: list[Candle] = []
        self._plan = plan
        self._stopwatch = Stopwatch(STAGES)
        self._loop: _Loop | None = None
        self._phase: Phase = "idle"
        self._trainings = 0
        self._lock = threading.Lock()

    def uncalled(self) -> list[str]:
        """Watched functions that nothing has called."""
        return self._stopwatch.uncalled()

    def install(self) -> None:
        """Count functions, before freqtrade makes its objects."""
        watch = self._stopwatch.watch
        watch("fetching", DataProvider, "refresh")
        watch("freqtrade", IStrategy, "analyze")
        watch("freqtrade", IFreqaiModel, "start")
        watch("features", DualWindowDrawer, "update_historic_data")
        watch("model", DualWindowDrawer, "load_data")
        watch("model", TrainedModel, "predict")
        self._around(FreqtradeBot, "process", self._process)
        self._around(IStrategy, "analyze_ticker", self._analyze)
        self._around(IFreqaiModel, "extract_data_and_train_model", self._train)
        # The adapters' classes are there once freqtrade has loaded them from their files.
        for resolver, name, hooks in (
            (StrategyResolver, "load_strategy", STRATEGY_HOOKS),
            (FreqaiModelResolver, "load_freqaimodel", MODEL_HOOKS),
        ):
            loaded = self._counted_once_loaded(getattr(resolver, name), hooks)
            setattr(resolver, name, staticmethod(loaded))

    def _counted_once_loaded(
        self, load: Callable[..., Any], hooks: tuple[str, ...]
    ) -> Callable[..., Any]:
        def loaded(*args: Any, **kwargs: Any) -> Any:
            found = load(*args, **kwargs)
            self._stopwatch.watch("features", found, *hooks)
            return found

        return loaded

    @staticmethod
    def _around(owner: type, name: str, instead: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        @wraps(original)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            return instead(original, self, *args, **kwargs)

        setattr(owner, name, wrapped)

    def _process(self, original: Callable[..., Any], bot: Any) -> None:
        """One turn of freqtrade's loop."""
        freqai = bot.strategy.freqai
        pairs = set(bot.config["exchange"]["pair_whitelist"])
        # The first prediction of a pair is of its whole frame, unlike all that follow.
        usual = pairs <= freqai.dd.model_return_values.keys()
        trains = self._trainings > 0
        self._loop = _Loop(time.time(), self._stopwatch.read())
        original(bot)
        loop = self._loop
        steady = trains == (self._trainings > 0) == (self._phase == "training")
        if usual and steady and {look.pair for look in loop.looks} == pairs:
            self.candles.append(loop.candle(self._phase))
            print(f"seen: {json.dumps(asdict(self.candles[-1]))}", flush=True)
            self._go_on(freqai)

    def _go_on(self, freqai: Any) -> None:
        seen = [candle.phase for candle in self.candles]
        if self._phase == "idle" and seen.count("idle") >= self._plan.idle:
            self._phase = "training"
            epochs = self._plan.epochs
            freqai._settings = freqai._settings.replace(
                epochs=epochs, early_stopping_patience=epochs
            )
            freqai.freqai_info["live_retrain_hours"] = 0
        if self._phase == "training" and seen.count("training") >= self._plan.training:
            # As whoever runs the bot would stop it.
            signal.raise_signal(signal.SIGTERM)

    def _analyze(
        self, original: Callable[..., Any], strategy: Any, frame: Any, metadata: Any
    ) -> Any:
        """One pair's analysis of a new candle, on the main thread."""
        before = self._stopwatch.read()
        result = original(strategy, frame, metadata)
        loop = self._loop
        if loop is not None:
            loop.ended, loop.after = time.time(), self._stopwatch.read()
            opened = int(utc_seconds(frame["date"].iloc[-1:])[0])
            loop.closed = opened + self._plan.candle_seconds
            ours = {name: loop.after[name] - before[name] for name in ("features", "model")}
            loop.looks.append(Look(metadata["pair"], **ours))
        return result

    def _train(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """One training, in FreqAI's second thread."""
        with self._counted_training():
            original(*args, **kwargs)

    @contextmanager
    def _counted_training(self) -> Iterator[None]:
        with self._lock:
            self._trainings += 1
        try:
            yield
        finally:
            with self._lock:
                self._trainings -= 1


def main(plan: str, path: str, *arguments: str) -> None:
    """Run freqtrade as a plan says; write what was seen.

    Args:
        plan: a `Plan` as JSON.
        path: of the file for the candles.
        arguments: freqtrade's.
    """
    watch = LiveWatch(Plan(**json.loads(plan)))
    watch.install()
    try:
        freqtrade_main(list(arguments))
    finally:
        seen = {
            "candles": [asdict(candle) for candle in watch.candles],
            "uncalled": watch.uncalled(),
        }
        Path(path).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""FreqAI's training beside a running bot, resilient to stops, kills and failures."""

from __future__ import annotations

import logging
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

from freqtrade.configuration import TimeRange
from freqtrade.exceptions import FreqtradeException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.bot.live.histories import PairHistories
from dualwindow.bot.live.pauses import LONGEST_PAUSE, GrowingPauses, in_words
from dualwindow.bot.live.refused_pairs import RefusedPairs
from dualwindow.bot.live.whitelist import TrainedPairs
from dualwindow.errors import DualWindowError, TrainingStoppedError
from dualwindow.models.fingerprint import bind_pair
from dualwindow.models.freqai_folders import find_unfinished, remove_checkpoints
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)

#: Seconds between two looks at what is due.
_TICK_SECONDS: Final = 1
#: Seconds after a failure that is of no pair, such as a full disk.
_RECOVERY_SECONDS: Final = 60


class BackgroundTraining(IFreqaiModel):
    """A model whose trainings, in a bot's second thread, may fail without harm.

    They follow the whitelist: pairs that come are loaded and trained, pairs that go are dropped. A
    training that was stopped or killed goes on after the next start with its own candles, until a
    new one is due anyway. A pair whose training fails is tried again after a growing pause.
    """

    dd: DualWindowDrawer

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config=config)
        self._retrain_seconds = float(self.freqai_info.get("live_retrain_hours", 0)) * 3600
        self._pauses = GrowingPauses(max(self._retrain_seconds, LONGEST_PAUSE))
        self._refused = RefusedPairs()
        #: The candle loop hands over the whitelist, see `_follow`.
        self._pairs = TrainedPairs(lambda pair: bind_pair(Path(self.full_path), pair))

    def _set_train_queue(self) -> deque[str]:
        """FreqAI's queue, empty: it would be filled with the entries of `pair_whitelist`."""
        return deque()

    def _follow(self, strategy: IStrategy) -> None:
        """Train what the whitelist holds at this candle, without pairs that are refused."""
        whitelist = self._refused.left(strategy.dp.current_whitelist())
        self.total_pairs = len(whitelist)
        self._pairs.follow(whitelist)

    def _on_stop(self) -> None:
        """Save the predictions; a disk that is full must not keep the bot from ending."""
        try:
            super()._on_stop()
        except OSError as error:
            # FreqAI would leave its thread and freqtrade's connections as they are.
            logger.warning(
                "the predictions since the last training cannot be saved (%s): the bot ends "
                "without them; free disk space before the next start",
                error,
            )

    def _start_scanning(self, strategy: IStrategy) -> None:
        """Train what is due until the bot stops.

        FreqAI's own loop knows the pairs of the start alone, and looks at the first in its queue,
        whatever becomes of it. Its thread would end for good when the disk is full for a moment.
        """
        exchange, stops = strategy.dp._exchange, self._stop_event.is_set
        histories = PairHistories(self.dd, self.config, exchange, stops)
        while not self._stop_event.is_set():
            # A wait for the event would never end on a clock that libfaketime has changed.
            time.sleep(_TICK_SECONDS)
            try:
                self._train_next(strategy, histories)
            except Exception:  # a thread's last line of defence
                logger.exception("retraining was interrupted and goes on in a minute")
                self._pause()

    def _pause(self) -> None:
        """Wait before the next attempt, or until the bot stops."""
        for _ in range(_RECOVERY_SECONDS // _TICK_SECONDS):
            if self._stop_event.is_set():
                return
            time.sleep(_TICK_SECONDS)

    def _train_next(self, strategy: IStrategy, histories: PairHistories) -> None:
        """Bring the candles of one pair that has a model, or train the pair that needs it most."""
        pairs = self._pairs.now
        histories.keep(pairs)
        trained = [pair for pair in pairs if self.dd.get_pair_dict_info(pair)[0]]
        without = [pair for pair in trained if not histories.is_loaded(pair)]
        for pair in filter(self._pauses.is_over, [*without, *histories.incomplete()]):
            self._load(pair, histories)
            return
        waiting = [pair for pair in pairs if self._pauses.is_over(pair)]
        if not waiting:
            return
        # The oldest model is the first to be due, and a pair without one has the date 0.
        pair = min(waiting, key=lambda name: self.dd.get_pair_dict_info(name)[1])
        kitchen = FreqaiDataKitchen(self.config, self.live, pair)
        _, trained_until = self.dd.get_pair_dict_info(pair)
        is_due, wanted, loaded = kitchen.check_if_new_training_required(trained_until)
        if is_due and (histories.is_loaded(pair) or self._load(pair, histories)):
            self._train(pair, strategy, kitchen, wanted, loaded)

    def _load(self, pair: str, histories: PairHistories) -> bool:
        """Bring a pair's candles into memory; after a failure it waits as after one to train."""
        kitchen = FreqaiDataKitchen(self.config, self.live, pair)
        _, wanted, _ = kitchen.check_if_new_training_required(0)
        features = self.freqai_info["feature_parameters"]
        slowest = max(map(timeframe_to_seconds, features["include_timeframes"]))
        # As many as freqtrade downloads for a start: it has put its margin into this number.
        before = int(self.config.get("startup_candle_count", 0)) * slowest
        needed = TimeRange("date", "date", wanted.startts - before, wanted.stopts)
        try:
            histories.load(pair, needed)
            self.dd.drop_models_of_other_candles([pair])
        except TrainingStoppedError as error:
            logger.info("%s: %s", pair, error)
        except (DualWindowError, FreqtradeException) as error:
            self._log_failure(pair, "its candles cannot be loaded", error)
        return histories.is_loaded(pair)

    def _train(
        self,
        pair: str,
        strategy: IStrategy,
        kitchen: FreqaiDataKitchen,
        wanted: TimeRange,
        loaded: TimeRange,
    ) -> None:
        """Train a pair as FreqAI's loop does, and note whether it succeeded."""
        self.train_timer("start")
        kitchen.set_paths(pair, wanted.stopts)
        try:
            self.extract_data_and_train_model(wanted, pair, strategy, kitchen, loaded)
        except Exception as error:
            pause = in_words(self._pauses.failed(pair))
            logger.exception(
                "Training %s raised exception %s: %s; it is tried again in %s",
                pair,
                type(error).__name__,
                error,
                pause,
            )
        self.train_timer("stop", pair)
        self.dd.save_historic_predictions_to_disk()
        if self.freqai_info.get("write_metrics_to_disk", False):
            self.dd.save_metric_tracker_to_disk()

    def extract_data_and_train_model(
        self,
        new_trained_timerange: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Train beside the running bot; after a failure the last model stays, with its age."""
        entry = self.dd.pair_dict[pair]
        before = entry["trained_timestamp"]
        ranges = self._ranges(new_trained_timerange, data_load_timerange, pair, dk)
        trained = keeps_state = False
        try:
            super().extract_data_and_train_model(ranges[0], pair, strategy, dk, ranges[1])
            trained = True
            self._pauses.succeeded(pair)
        except TrainingStoppedError:
            keeps_state = True
            logger.info("%s: the training was stopped before its end", pair)
        except DualWindowError as error:
            self._log_failure(pair, "the training failed", error)
        except OSError:
            # Such as a full disk: the next attempt has only the rest to do.
            keeps_state = True
            raise
        finally:
            if not trained:
                # FreqAI sets the new age before it saves the model.
                entry["trained_timestamp"] = before
                if not keeps_state:
                    remove_checkpoints(Path(dk.data_path))

    def _log_failure(self, pair: str, failure: str, error: Exception) -> None:
        """Begin a pair's pause, in which the others go on, with one line."""
        pause = in_words(self._pauses.failed(pair))
        logger.error("%s: %s: %s; it is tried again in %s", pair, failure, error, pause)

    def _ranges(
        self, wanted: TimeRange, loaded: TimeRange, pair: str, dk: FreqaiDataKitchen
    ) -> tuple[TimeRange, TimeRange]:
        """Time ranges to train on and to load: those of a training that was cut off, if any."""
        begun_after = wanted.stopts - self._retrain_seconds
        unfinished = find_unfinished(Path(self.full_path), base_coin(pair), begun_after)
        if unfinished is None:
            return wanted, loaded
        logger.info("%s: going on with the training that was cut off", pair)
        dk.set_paths(pair, unfinished.end)
        start = unfinished.end - (wanted.stopts - wanted.startts)
        return (
            TimeRange("date", "date", start, unfinished.end),
            TimeRange("date", "date", loaded.startts, unfinished.last_candle + 1),
        )

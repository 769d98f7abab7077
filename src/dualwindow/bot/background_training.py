"""FreqAI's training beside a running bot, resilient to stops, kills and failures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy

from dualwindow.errors import DualWindowError, TrainingStoppedError
from dualwindow.models.freqai_folders import find_unfinished, remove_checkpoints

logger = logging.getLogger(__name__)

#: Seconds between a failed training and the next attempt.
RETRY_SECONDS: Final = 60


class BackgroundTraining(IFreqaiModel):
    """A model whose trainings, in a bot's second thread, may fail without harm.

    A training that was stopped or killed goes on after the next start with its own candles, until a
    new one is due anyway.
    """

    def _start_scanning(self, strategy: IStrategy) -> None:
        """Train what is due until the bot stops.

        FreqAI's thread would end for good when, for example, the disk is full for a moment.
        """
        while not self._stop_event.is_set():
            try:
                super()._start_scanning(strategy)
            except Exception:  # a thread's last line of defence
                logger.exception("retraining was interrupted and goes on in a minute")
                self._pause()

    def _pause(self) -> None:
        """Wait before the next attempt, or until the bot stops."""
        self._stop_event.wait(RETRY_SECONDS)

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
        trained = stopped = False
        try:
            super().extract_data_and_train_model(ranges[0], pair, strategy, dk, ranges[1])
            trained = True
        except TrainingStoppedError:
            stopped = True
            logger.info("%s: the training was stopped before its end", pair)
        except DualWindowError as error:
            logger.error("%s: the training failed: %s", pair, error)
        finally:
            if not trained:
                # FreqAI sets the new age before it saves the model.
                entry["trained_timestamp"] = before
                if not stopped:
                    # It would fail again at once: let the other pairs go first.
                    remove_checkpoints(Path(dk.data_path))
                    self._pause()

    def _ranges(
        self, wanted: TimeRange, loaded: TimeRange, pair: str, dk: FreqaiDataKitchen
    ) -> tuple[TimeRange, TimeRange]:
        """Time ranges to train on and to load: those of a training that was cut off, if any."""
        most = float(self.freqai_info["live_retrain_hours"]) * 3600
        base = pair.split("/", maxsplit=1)[0]
        unfinished = find_unfinished(Path(self.full_path), base, wanted.stopts - most)
        if unfinished is None:
            return wanted, loaded
        logger.info("%s: going on with the training that was cut off", pair)
        dk.set_paths(pair, unfinished.end)
        start = unfinished.end - (wanted.stopts - wanted.startts)
        return (
            TimeRange("date", "date", start, unfinished.end),
            TimeRange("date", "date", loaded.startts, unfinished.last_candle + 1),
        )

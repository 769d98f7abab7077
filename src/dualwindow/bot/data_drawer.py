"""FreqAI's data drawer, safe against threads, kills and late candles."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import rapidjson
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_drawer import METADATA_NUMBER_MODE, FreqaiDataDrawer
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.bot.backtests.kitchen import BacktestKitchen
from dualwindow.bot.backtests.takeover import models_of_other_candles
from dualwindow.bot.config_checks import refusing
from dualwindow.bot.history import joined_history
from dualwindow.bot.live.prediction_archive import file_oldest, with_filed
from dualwindow.data.candles.sums import changes_text
from dualwindow.data.features.feature_code import code_fingerprint
from dualwindow.models.chain.former import Chain, chain_from
from dualwindow.models.fingerprint import bind_features, bind_pair
from dualwindow.models.freqai_folders import purge_models, remove_checkpoints, seal
from dualwindow.models.manifest import MANIFEST_NAME
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import CheckedFiles
from dualwindow.settings.pairs import base_coin, pairs_in

logger = logging.getLogger(__name__)


class DualWindowDrawer(FreqaiDataDrawer):
    """Holds models, predictions and candles of a running bot.

    A model is published and loaded under one lock, state files are replaced and never overwritten
    in place, and the candles in memory follow the exchange's corrections.
    """

    def __init__(self, full_path: Path, config: dict[str, Any]) -> None:
        self._files = CheckedFiles(full_path)
        self._model_lock = threading.RLock()
        #: Sums of settings and feature code, written into every saved model's manifest, see
        #: `manifest.bound_to`; empty until `bind`.
        self.binding: dict[str, str] = {}
        #: Pairs whose candles in memory have a hole or no beginning; `PairHistories` brings it.
        self.incomplete: set[str] = set()
        self._loaded = False
        super().__init__(full_path, config)
        self.model_type = "pytorch"

    def bind(self, strategy: IStrategy) -> None:
        """Bind the folder to the strategy's code of features and labels, once a start.

        Raises:
            OperationalException: when the folder's models were made with other code.
        """
        if self.binding:
            return
        functions = (
            strategy.feature_engineering_expand_all,
            strategy.feature_engineering_expand_basic,
            strategy.feature_engineering_standard,
            strategy.set_freqai_targets,
        )
        with refusing():
            self.binding = bind_features(self.full_path, code_fingerprint(functions))

    def bind_pair(self, pair: str) -> None:
        """Bind a base coin's models to a pair, which a pattern of the whitelist may stand for.

        Raises:
            OperationalException: when they belong to another pair.
        """
        owner = bind_pair(self.full_path, pair)
        if owner != pair:
            raise OperationalException(
                f"{pair}: the models of {base_coin(pair)} in {self.full_path} belong to {owner}; "
                "set another freqai.identifier, or delete the folder to train again"
            )

    def save_data(self, model: Any, coin: str, dk: FreqaiDataKitchen) -> None:
        """Save a model with FreqAI's own files, and publish it; the last one stays on failure."""
        with self._model_lock, self._taken_back(coin):
            # One that is replaced counts as no model until the new one is whole.
            Path(dk.data_path, MANIFEST_NAME).unlink(missing_ok=True)
            super().save_data(model, coin, dk)
            if isinstance(dk, BacktestKitchen):
                dk.note_model()
            seal(Path(dk.data_path), dk.model_filename, {**self.binding, "pair": coin})
        remove_checkpoints(Path(dk.data_path))

    @contextmanager
    def _taken_back(self, coin: str) -> Iterator[None]:
        """Predict with the former model on, where the block cannot save another to its end.

        FreqAI names a new one before it writes the table of models: a restart would not find it.
        """
        entry, names = self.pair_dict[coin], ("model_filename", "data_path")
        former = {name: entry[name] for name in names}
        tables: tuple[dict[str, Any], ...] = self.model_dictionary, self.meta_data_dictionary
        # FreqAI changes the metadata in place.
        held = self.model_dictionary.get(coin), dict(self.meta_data_dictionary.get(coin, {}))
        try:
            yield
        except BaseException:
            entry |= former
            for table, value in zip(tables, held, strict=True):
                table.pop(coin, None)
                if value:
                    table[coin] = value
            raise

    def point_to(self, dk: FreqaiDataKitchen) -> None:
        """Put a saved model into FreqAI's entry of its pair, which the state file may have lost."""
        self.get_pair_dict_info(dk.pair)
        entry = self.pair_dict[dk.pair]
        entry |= {"model_filename": dk.model_filename, "data_path": str(dk.data_path)}

    def load_data(self, coin: str, dk: FreqaiDataKitchen) -> Any:
        """The model of a pair and its metadata, never of two trainings."""
        with self._model_lock:
            return super().load_data(coin, dk)

    def chain_of(self, pair: str) -> Chain:
        """How the next training of a pair begins: from its last model, where there is one."""
        entry = self.pair_dict.get(pair) or {}
        if not entry.get("model_filename"):
            return Chain()
        # Without the lock: the training thread alone writes and deletes models.
        return chain_from(Path(entry["data_path"]), entry["model_filename"])

    def purge_old_models(self) -> None:
        """Delete all but the newest complete models of every pair, as many as `purge_old_models`.

        FreqAI would count the remains of killed trainings, and delete a complete model for them.
        """
        keep = self.freqai_info["purge_old_models"]
        if keep:
            with self._model_lock:
                in_use = [entry["data_path"] for entry in self.pair_dict.values()]
                # True is FreqAI's older form of 2.
                purge_models(self.full_path, 2 if keep is True else int(keep), in_use)

    def save_drawer_to_disk(self) -> None:
        """Save the table of pairs and their models."""
        self._write_json(self.pair_dictionary_path, dict(self.pair_dict))

    def save_global_metadata_to_disk(self, metadata: dict[str, Any]) -> None:
        """Save FreqAI's data about the bot."""
        self._write_json(self.global_metadata_path, metadata)

    def save_metric_tracker_to_disk(self) -> None:
        """Save FreqAI's timings."""
        self._write_json(self.metric_tracker_path, self.metric_tracker)

    def save_historic_predictions_to_disk(self) -> None:
        """Save all predictions of this bot, and a copy."""
        content = cloudpickle.dumps(dict(self.historic_predictions))
        for path in (self.historic_predictions_path, self.historic_predictions_bkp_path):
            self._files.write(path.name, content)

    def append_model_predictions(
        self,
        pair: str,
        predictions: pd.DataFrame,
        do_preds: NDArray[np.int_],
        dk: FreqaiDataKitchen,
        strat_df: pd.DataFrame,
    ) -> None:
        """Keep the newest prediction of a pair in memory, and move the oldest to a file."""
        self._add_new_columns(pair, predictions)
        super().append_model_predictions(pair, predictions, do_preds, dk, strat_df)
        held = self.historic_predictions[pair]
        try:
            self.historic_predictions[pair] = file_oldest(held, self.full_path, pair)
        except OSError as error:
            # Decisions go on; the next candle is the next attempt.
            logger.warning("%s: old predictions cannot be written to a file: %s", pair, error)

    def _add_new_columns(self, pair: str, predictions: pd.DataFrame) -> None:
        """Give the predictions of an earlier version the columns that this one has more."""
        held = self.historic_predictions[pair]
        numbers = predictions.select_dtypes("number").columns
        wanted = [f"{name}{kind}" for name in numbers for kind in ("", "_mean", "_std")]
        if missing := [name for name in wanted if name not in held]:
            self.historic_predictions[pair] = held.assign(**dict.fromkeys(missing, 0.0))

    def load_historic_predictions_from_disk(self) -> bool:
        """Load the predictions of earlier runs; a backtest of them needs the oldest as well."""
        exists: bool = super().load_historic_predictions_from_disk()
        if self.config.get("freqai_backtest_live_models", False):
            for pair, held in self.historic_predictions.items():
                self.historic_predictions[pair] = with_filed(held, self.full_path, pair)
        return exists

    def _write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        with self.save_lock:
            mode = METADATA_NUMBER_MODE
            text = rapidjson.dumps(content, default=self.np_encoder, number_mode=mode)
            self._files.write(path.name, text.encode())

    def load_all_pair_histories(self, timerange: TimeRange, dk: FreqaiDataKitchen) -> None:
        """Load what freqtrade has downloaded for this start, once, without models of other candles.

        FreqAI asks again whenever there is nothing in memory; pairs that come later are brought by
        `PairHistories`, because what the disk has of them may be old.
        """
        if self._loaded:
            return
        self._loaded = True
        # FreqAI's own has no dates or no types: it loads all that the disk has.
        span = timerange if timerange.stopts else dk.check_if_new_training_required(0)[2]
        correlated = self.freqai_info["feature_parameters"].get("include_corr_pairlist", [])
        dk.all_pairs = list(dict.fromkeys([*correlated, *pairs_in(self.config.get("pairs") or [])]))
        super().load_all_pair_histories(TimeRange("date", "date", span.startts, span.stopts), dk)
        self.drop_models_of_other_candles(self.historic_data)

    def drop_models_of_other_candles(self, pairs: Collection[str]) -> None:
        """Let go of models that a backtest made from other candles than those in memory.

        `pairs` are those whose candles have just been loaded; they are trained again.
        """
        periods = self.freqai_info["feature_parameters"]["indicator_periods_candles"]
        warm_up = max(periods, default=0) * timeframe_to_seconds(self.config["timeframe"])
        history = self.historic_data
        entries = {pair: entry for pair, entry in self.pair_dict.items() if pair in pairs}
        changes = models_of_other_candles(self.full_path, entries, history, warm_up)
        for pair, where in changes.items():
            logger.warning(
                "%s: its last model was made from other candles than the bot's (%s), so that it "
                "is not used and the pair is trained again",
                pair,
                changes_text([where]),
            )
            self.pair_dict[pair] = self.empty_pair_dict.copy()

    def update_historic_data(self, strategy: IStrategy, dk: FreqaiDataKitchen) -> None:
        """Replace the end of a pair's history by its newest candles, once a candle.

        FreqAI only appends, so it would miss late and corrected candles, and it fails after a long
        outage. It also updates all pairs for every pair, not only those that its features need.
        """
        _, _, load = dk.check_if_new_training_required(0)
        keep_from = pd.Timestamp(load.startts, unit="s", tz="UTC")
        features = self.freqai_info["feature_parameters"]
        # An open trade of a pair that has left the whitelist has no history.
        pairs = {dk.pair, *features.get("include_corr_pairlist", [])} & self.historic_data.keys()
        with self.history_lock:
            for pair in sorted(pairs):
                for timeframe in features["include_timeframes"]:
                    newest = strategy.dp.get_pair_dataframe(pair, timeframe)
                    if len(newest):
                        self._append(pair, timeframe, newest, keep_from)
            base = self.historic_data.get(dk.pair, {}).get(self.config["timeframe"])
            if base is not None and len(base):
                self.current_candle = base["date"].iloc[-1]

    def get_base_and_corr_dataframes(
        self, timerange: TimeRange, pair: str, dk: FreqaiDataKitchen
    ) -> tuple[dict[str, dict[str, pd.DataFrame]], dict[str, pd.DataFrame]]:
        """Candles of a pair, and of those that its features need, within a time range.

        FreqAI adds all newer ones, so a training that is resumed later would see more.
        """
        correlated, base = super().get_base_and_corr_dataframes(timerange, pair, dk)
        for frames in (base, *correlated.values()):
            for timeframe, frame in frames.items():
                frames[timeframe] = frame[frame["date"] < timerange.stopdt]
        return correlated, base

    def _append(
        self, pair: str, timeframe: str, newest: pd.DataFrame, keep_from: pd.Timestamp
    ) -> None:
        history = self.historic_data[pair][timeframe]
        if history.empty:  # the download at the start has failed
            self.incomplete.add(pair)
        else:
            last, first = history["date"].iloc[-1], newest["date"].iloc[0]
            if last == newest["date"].iloc[-1]:
                return
            missing = int((first - last).total_seconds() // timeframe_to_seconds(timeframe)) - 1
            if missing > 0:
                self.incomplete.add(pair)
                were = counted(missing, "candle was", "candles were")
                logger.warning(
                    "%s %s: %s not received between %s and %s; averages take what is missing as "
                    "minutes without a trade until it is downloaded",
                    *(pair, timeframe, were, last, first),
                )
        self.historic_data[pair][timeframe] = joined_history(history, newest, keep_from)

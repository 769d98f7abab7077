"""FreqAI's adapter for the dualwindow package: frames in, decisions and probabilities out."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.bot.backtest_candles import BacktestCandles, UntrainablePairError
from dualwindow.bot.backtests.kitchen import BacktestKitchen
from dualwindow.bot.backtests.live_predictions import (
    one_for_each_candle,
    predicts_nothing,
    warn_of_other_candles,
    with_every_column,
)
from dualwindow.bot.backtests.time_left import TimeLeft
from dualwindow.bot.candles.kitchen import KnownCandlesModel, other_candles
from dualwindow.bot.config_checks import is_live, read_settings, refusing
from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.bot.decisions import traded_by
from dualwindow.bot.drawer_files import open_model_folder
from dualwindow.bot.exits import LivePriceSteps
from dualwindow.bot.freqai_frames import (
    FramePrices,
    prediction_frame,
    training_data,
    without_predictions,
)
from dualwindow.bot.history import BacktestHistory
from dualwindow.bot.live.background_training import BackgroundTraining
from dualwindow.bot.live.journal import BotJournal, Met
from dualwindow.bot.lookahead_check import LookaheadCheck
from dualwindow.bot.newest_candle import NewestCandle
from dualwindow.bot.start_model import read_start
from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.sums import SummedCandles
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.errors import DataError, DualWindowError
from dualwindow.models.chain.former import Chain
from dualwindow.models.fingerprint import model_dependencies
from dualwindow.models.freqai_folders import checkpoint_path, is_saved
from dualwindow.models.identifier.traded import write_traded
from dualwindow.models.manifest import check_manifest
from dualwindow.models.model_files import EVALUATION_NAME
from dualwindow.models.pretrained import require_no_hindsight
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.device import resolve_device, training_dtype
from dualwindow.training.hooks import LogHook, TensorBoardHook
from dualwindow.training.session import DatasetFacts, TrainingSession, TrainingTime
from dualwindow.training.train import train_model

logger = logging.getLogger(__name__)

#: FreqAI's `do_predict` of a model that is older than `expiration_hours`.
EXPIRED = 2


class DualWindowLSTM(KnownCandlesModel, BackgroundTraining):
    """Predicts SHORT, HOLD or LONG from the last `window_size` candles.

    Returns the decision in the label column; the columns that `prediction_frame` lists, with the
    probabilities, their quantile levels (`SHORT_rank`, `LONG_rank`) and the calibration; and
    `do_predict` 0 where a candle has no valid window.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        settings = read_settings(config)
        self._live = is_live(config)
        with refusing():
            device = resolve_device(settings.training.device)
            training_dtype(settings.training.precision, device)
            self._candles = BacktestCandles(config, settings.training, settings.indicator_periods)
            self._candles.require_files()
            start = read_start(config, settings)
            self._prices = FramePrices(config, reads_funding=not self._live)
        self._start_model, self._settings = start.model, start.settings
        dependencies = model_dependencies(self._settings, config, start.sha256)
        folder = open_model_folder(config, dependencies)
        super().__init__(config=config)
        self.dd = DualWindowDrawer(folder, config)
        self.dd.current_candle = self.current_candle
        for warning in (*settings.warnings, *start.warnings):
            logger.warning(warning)
        for line in (*settings.notes, *start.lines()):
            logger.info(line)
        # Live prediction gets this many rows: exactly one window.
        self.CONV_WIDTH = self._settings.window_size
        self.class_names = list(CLASS_NAMES)
        self._timeframe: str = config["timeframe"]
        self._candle_seconds = timeframe_to_seconds(self._timeframe)
        self.watch_candles()
        self._failure: DualWindowError | None = None
        self._newest: NewestCandle | None = None
        self._require_no_lookahead = LookaheadCheck(config)
        self._price_steps = LivePriceSteps(self._settings)
        self._is_complete = True
        self._predicted_by = 0
        self.journal = BotJournal(folder, config, self._settings, self._candle_seconds)
        #: Whether trainings begin from the pair's last model, see `models/chain/`.
        # Without epochs nothing is trained that could be continued.
        warm = min(self._settings.warm_retrainings, self._settings.epochs) > 0
        self._continues = self.continual_learning and warm
        self._history: BacktestHistory | None = None
        self._time_left = TimeLeft(self._settings, continues=self._continues)
        #: Of a pair, the folders of the models that predict, and the date of their first candle.
        self.model_folders: dict[str, list[tuple[int, Path]]] = {}

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """Train and predict one pair; refuse models whose features were made by other code."""
        pair = metadata["pair"]
        if not self._live:
            self._time_left.begin_pair()
            self._require_sound(dataframe, pair, strategy)
            # freqtrade trades on what is returned: at the last price, not at an impossible one.
            return known_frame(self._backtest(dataframe, pair, strategy))
        if self._refused.refuses(pair, lambda: self._require_sound(dataframe, pair, strategy)):
            return without_predictions(dataframe)
        self._follow(strategy)
        if self._newest is None:
            self._newest = NewestCandle(strategy.dp, self.config)
        self._is_complete = self._newest.is_complete(pair, dataframe)
        self._predicted_by = 0
        result = super().start(dataframe, metadata, strategy)
        first = self._newest.is_first(pair)
        if first:
            # FreqAI does not trade upon the first candle after a start, unless the bot was stopped
            # within the candle: then its earlier prediction is returned again.
            result.loc[result.index[-1:], "do_predict"] = 0
        met = Met(first, self._newest.awaited, self._newest.arrived, self._predicted_by)
        self.journal.note(pair, result, met, strategy)
        return result

    def _require_sound(self, dataframe: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Refuse features of other code or that look ahead, and a step as large as a barrier."""
        self.dd.bind(strategy)
        self._candles.require_range(strategy)
        self._require_no_lookahead(dataframe, pair, strategy)
        if self._live:
            self._price_steps.check(pair, dataframe["close"].to_numpy(np.float64), strategy.dp)

    def _backtest(self, dataframe: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        """Train and predict a pair slice by slice; one that cannot be may be left out."""
        if pair not in self._candles.left_out:
            self.dd.bind_pair(pair)
            self._history = BacktestHistory(dataframe, pair, strategy)
            self.total_pairs = len(self._candles.whitelist) or self.total_pairs
            try:
                return super().start(dataframe, {"pair": pair}, strategy)
            except UntrainablePairError as error:
                self._candles.leave_out(pair, str(error))
        return without_predictions(dataframe)

    def start_backtesting(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        dk: FreqaiDataKitchen,  # noqa: ARG002 - FreqAI's signature
        strategy: IStrategy,
    ) -> FreqaiDataKitchen:
        """Train and predict all slices of a pair, or take those that are of the same candles.

        The folder remembers what a backtest trades.
        """
        kitchen = BacktestKitchen(self.config, dataframe, metadata["pair"], strategy, self._seen)
        if self._continues:
            kitchen.continue_models(self._settings)
        if kitchen.trainings:
            kitchen.with_features()
        self._time_left.begin_slices(
            kitchen.trainings,
            pairs=self.total_pairs - self.pair_it - 1,
            candles=self.freqai_info["backtest_period_days"] * 86_400 / self._candle_seconds,
        )
        self.dk = kitchen
        self.model_folders[kitchen.pair] = kitchen.model_folders()
        super().start_backtesting(dataframe, metadata, kitchen, strategy)
        kitchen.log_unsaved()
        if self.config.get("runmode") == RunMode.BACKTEST:
            write_traded(
                self.dd.full_path, traded_by(strategy, self.config, self._settings, kitchen)
            )
        return kitchen

    def start_backtesting_from_historic_predictions(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], dk: FreqaiDataKitchen
    ) -> FreqaiDataKitchen:
        """Trade a running bot's own predictions; a pair without any is left alone."""
        pair = metadata["pair"]
        predictions = self.dd.historic_predictions.get(pair)
        if predictions is None or "date_pred" not in predictions:
            dk.return_dataframe = predicts_nothing(dataframe, pair)
            return dk
        predictions = one_for_each_candle(predictions, pair)
        self.dd.historic_predictions[pair] = predictions
        warn_of_other_candles(dataframe, predictions, pair)
        dk = super().start_backtesting_from_historic_predictions(dataframe, metadata, dk)
        dk.return_dataframe = with_every_column(dk.return_dataframe)
        return dk

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **_kwargs: Any
    ) -> TrainedModel | None:
        """Train on the windows of `unfiltered_df` that are valid and whose label is known.

        None where that fails for the candles' or settings' sake in a backtest.
        """
        self._failure = None
        try:
            model = self.fit(self._data_dictionary(unfiltered_df, pair, dk), dk)
        except DualWindowError as error:
            self._failure = error
            if isinstance(dk, BacktestKitchen):
                # `_append_null_backtesting_predictions` tells it, without a traceback.
                return None
            raise
        self._describe_labels(dk)
        if not self._live:
            self._time_left.trained(warm=model.link is not None and model.link.retrainings > 0)
        return model

    def _data_dictionary(
        self, frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen
    ) -> dict[str, Any]:
        """Candles, labels and prices of a training, with the keys that FreqAI itself saves."""
        features = dk.training_features_list
        others = other_candles(dk)
        content = training_data(
            frame, features, pair, self._timeframe, self._settings, others=others
        )
        if self._continues:
            content["summed"] = SummedCandles(frame, self._candle_seconds)
        content["market"] = self._prices.from_frame(frame)
        dk.data_dictionary = content
        return content

    def fit(
        self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **_kwargs: Any
    ) -> TrainedModel:
        """Train a model on candles and labels, log its figures and write them beside the model."""
        folder = Path(dk.data_path)
        folder.mkdir(parents=True, exist_ok=True)
        candles: CandleArrays = data_dictionary["candles"]
        last_candle = int(candles.seconds[-1]) if len(candles) else 0
        days = self.freqai_info["train_period_days"]

        def estimated(told: TrainingTime) -> None:
            logger.info("Starting training %s: %s", dk.pair, told.text)
            self._time_left.estimated(told)

        return train_model(
            candles,
            data_dictionary["labels"],
            self._settings,
            name=dk.pair,
            candle_seconds=self._candle_seconds,
            session=TrainingSession(
                hooks=[LogHook(), TensorBoardHook(self.tb_logger)],
                should_stop=self._stop_event.is_set,
                checkpoint_path=checkpoint_path(folder, last_candle),
                figures_path=folder / EVALUATION_NAME,
                # Live, FreqAI trains in a thread of its own beside the candle loop.
                in_background=self._live,
                estimated=estimated,
                start=self._start_model,
                chain=self._chain(dk, data_dictionary),
            ),
            facts=DatasetFacts(
                touches=data_dictionary["touches"],
                expected_candles=days * 86_400 // self._candle_seconds,
                # It keeps FreqAI's frame in memory, which is not needed after this.
                venue=data_dictionary.pop("market", None),
            ),
        )

    def _chain(self, dk: FreqaiDataKitchen, content: dict[str, Any]) -> Chain | None:
        """How a training begins; None where all are full, and no rows are set apart to choose."""
        if not self._continues:
            return None
        chain = dk.chain() if isinstance(dk, BacktestKitchen) else self.dd.chain_of(dk.pair)
        return replace(chain, candles=content.pop("summed"))

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **_kwargs: Any
    ) -> tuple[pd.DataFrame, NDArray[np.int_]]:
        """Predict every row; a row without a valid window is HOLD with `do_predict` 0."""
        model = self.model
        if not isinstance(model, TrainedModel):
            raise OperationalException(
                f"{dk.pair}: FreqAI handed over no model from {dk.data_path}; delete the folder "
                f"{self.full_path} or set another freqai.identifier to train again"
            )
        dk.find_features(unfiltered_df)
        with refusing():
            names = dk.training_features_list
            others = other_candles(dk)
            candles = read_candles(unfiltered_df, names, dk.pair, self._timeframe, others)
            if self._start_model is not None and not self._live:
                require_no_hindsight(self._start_model, int(candles.seconds[0]))
            before = None
            if self._history is not None:
                rows = self._settings.window_size - 1
                before = self._history.before(candles, model.trained_until, rows, dk)
            prediction = model.predict(candles, before)
        if self._live:
            self.model_folders[dk.pair] = [(0, Path(dk.data_path))]
            self.journal.see(Path(dk.data_path), candles)
        self._predicted_by = model.trained_until
        frame = prediction_frame(prediction, model, DecisionRule.from_settings(self._settings))
        dk.do_predict = self._do_predict(prediction.valid, model, dk)
        dk.DI_values = np.zeros(len(frame))
        self._describe_labels(dk)
        if not self._live:
            self._time_left.predicted()
        return frame, dk.do_predict

    def _do_predict(
        self, valid: NDArray[np.bool_], model: TrainedModel, dk: FreqaiDataKitchen
    ) -> NDArray[np.int_]:
        """FreqAI's flag of each row: 1 may be traded upon, 0 may not, 2 where the model expired."""
        do_predict = valid.astype(np.int_)
        if not self._live:
            return do_predict
        if not self._is_complete:
            do_predict[-1:] = 0
        # FreqAI itself checks the age after the first prediction only, by a date that it sets
        # before a new model is saved.
        if dk.check_if_model_expired(model.trained_until):
            do_predict[:] = EXPIRED
        return do_predict

    def _describe_labels(self, dk: FreqaiDataKitchen) -> None:
        """Set the means and deviations of number columns, which FreqAI reads live."""
        for statistic in ("labels_mean", "labels_std"):
            columns = (*CLASS_NAMES, *CONFIDENCE_COLUMNS)
            dk.data.setdefault(statistic, {}).update(dict.fromkeys(columns, 0))

    def model_exists(self, dk: FreqaiDataKitchen) -> bool:
        """Whether a complete model is there; a damaged one is refused with the way out.

        FreqAI saves several files after the model; if it was killed in between, the model is
        trained again.
        """
        folder = Path(dk.data_path)
        if not super().model_exists(dk) or not is_saved(folder, dk.model_filename):
            return False
        with refusing():
            check_manifest(folder)
        if isinstance(dk, BacktestKitchen) and not dk.takes_model():
            return False
        self.dd.point_to(dk)
        return True

    def check_if_feature_list_matches_strategy(self, dk: FreqaiDataKitchen) -> None:
        """Compare the features with those of cached predictions.

        When an earlier slice had to be predicted and a later one is cached, FreqAI adds the
        features to a frame that has them already, and pandas marks the doubled ones with `_x`.
        """
        saved: list[str] = dk.data["training_features_list"]
        names = dk.training_features_list
        doubled = {name.removesuffix("_x") for name in names if name.endswith("_x")}
        if doubled and set(saved) <= doubled | set(names):
            dk.training_features_list = saved
        super().check_if_feature_list_matches_strategy(dk)

    def _append_null_backtesting_predictions(
        self, dk: FreqaiDataKitchen, dataframe_backtest: pd.DataFrame
    ) -> None:
        """End the backtest: FreqAI would cache empty predictions and go on."""
        if isinstance(dk, BacktestKitchen) and dk.lacks_training():
            error = UntrainablePairError if self._candles.leaves_out else OperationalException
            raise error(dk.not_backtested()) from self._failure
        reason = (
            f"the training for the backtest from "
            f"{dataframe_backtest['date'].iloc[0]:%Y-%m-%d %H:%M} failed: "
            f"{self._failure or 'see the warning above'}"
        )
        if isinstance(self._failure, DataError):
            raise UntrainablePairError(reason) from self._failure
        raise OperationalException(f"{dk.pair}: {reason}") from self._failure

    def ensure_data_exists(
        self, len_dataframe_backtest: int, tr_backtest: TimeRange, pair: str
    ) -> bool:
        """Whether a slice has candles; without any FreqAI would end in an IndexError."""
        exists: bool = super().ensure_data_exists(len_dataframe_backtest, tr_backtest, pair)
        if exists and not len_dataframe_backtest:
            raise UntrainablePairError(
                f"it has no candles from {tr_backtest.start_fmt} to {tr_backtest.stop_fmt}"
            )
        return exists

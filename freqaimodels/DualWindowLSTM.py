"""FreqAI's adapter for the dualwindow package: frames in, decisions and probabilities out."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.bot.background_training import BackgroundTraining
from dualwindow.bot.config_checks import (
    is_live,
    plain_pairs,
    read_settings,
    refusing,
    require_candle_files,
)
from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.bot.drawer_files import set_aside_damaged
from dualwindow.bot.frame_prices import FramePrices
from dualwindow.bot.history import BacktestHistory
from dualwindow.bot.lookahead_check import LookaheadCheck
from dualwindow.bot.newest_candle import NewestCandle
from dualwindow.bot.start_model import read_start
from dualwindow.columns import (
    CLASS_NAMES,
    CONFIDENCE_COLUMNS,
    LABEL_COLUMN,
    QUANTILE_COLUMNS,
    SHARPNESS_COLUMN,
    SHIFT_COLUMNS,
)
from dualwindow.confidence import Thresholds
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import DataError, DualWindowError
from dualwindow.labels import BothTouched
from dualwindow.models.figures_file import EVALUATION_NAME
from dualwindow.models.fingerprint import (
    bind_features,
    bind_folder,
    code_fingerprint,
    model_dependencies,
)
from dualwindow.models.freqai_folders import checkpoint_path, is_saved, recover_models
from dualwindow.models.manifest import check_manifest
from dualwindow.models.pretrained import require_no_hindsight
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.device import resolve_device
from dualwindow.runtime.files import remove_strays
from dualwindow.training.hooks import LogHook, TensorBoardHook
from dualwindow.training.train import train_model

logger = logging.getLogger(__name__)

#: FreqAI's `do_predict` of a model that is older than `expiration_hours`.
EXPIRED = 2


class DualWindowLSTM(BackgroundTraining):
    """Says SHORT, HOLD or LONG from the last `window_size` candles.

    Returns the decision in the label column, the probabilities in columns named after the classes,
    where those of SHORT and LONG stand among the model's validation candles (`SHORT_rank`), what
    its calibration does to them (`calibration_sharpness`, `SHORT_shift`), and `do_predict` 0 where
    a candle has no valid window.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        settings = read_settings(config)
        require_candle_files(config)
        with refusing():
            resolve_device(settings.training.device)
            start = read_start(config, settings)
            self._start_model, self._settings = start.model, start.settings
            folder = Path(config["user_data_dir"]) / "models" / config["freqai"]["identifier"]
            dependencies = model_dependencies(self._settings, config, start.sha256)
            self._prices = FramePrices(config, reads_funding=not is_live(config))
            bind_folder(folder, dependencies, plain_pairs(config))
        set_aside_damaged(folder)
        self._live = is_live(config)
        if self._live:
            remove_strays(folder)
            recover_models(folder, plain_pairs(config))
        super().__init__(config=config)
        self.dd = DualWindowDrawer(folder, config)
        self.dd.current_candle = self.current_candle
        for warning in (*settings.warnings, *start.warnings):
            logger.warning(warning)
        for line in start.lines():
            logger.info(line)
        # Live prediction gets this many rows: exactly one window.
        self.CONV_WIDTH = self._settings.window_size
        self.class_names = list(CLASS_NAMES)
        self._timeframe: str = config["timeframe"]
        self._candle_seconds = timeframe_to_seconds(self._timeframe)
        self._failure: DualWindowError | None = None
        self._newest: NewestCandle | None = None
        self._require_no_lookahead = LookaheadCheck(config)
        self._is_complete = True
        self._history: BacktestHistory | None = None

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """Train and predict one pair; refuse models whose features were made by other code."""
        if not self.dd.binding:
            self._bind(strategy)
        pair = metadata["pair"]
        self._require_no_lookahead(dataframe, pair, strategy)
        if not self._live:
            self._history = BacktestHistory(dataframe, pair, strategy)
            return super().start(dataframe, metadata, strategy)
        if self._newest is None:
            self._newest = NewestCandle(strategy.dp, self.config)
        self._is_complete = self._newest.is_complete(pair, dataframe)
        result = super().start(dataframe, metadata, strategy)
        if self._newest.is_first(pair):
            # FreqAI does not trade upon the first candle after a start. It would when the bot was
            # stopped within the candle: what was predicted then is handed out again.
            result.loc[result.index[-1:], "do_predict"] = 0
        return result

    def _bind(self, strategy: IStrategy) -> None:
        functions = (
            strategy.feature_engineering_expand_all,
            strategy.feature_engineering_expand_basic,
            strategy.feature_engineering_standard,
            strategy.set_freqai_targets,
        )
        with refusing():
            self.dd.binding = bind_features(Path(self.full_path), code_fingerprint(functions))

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **_kwargs: Any
    ) -> TrainedModel:
        """Train on the windows of `unfiltered_df` that are valid and whose label is known."""
        logger.info("-------------------- Starting training %s --------------------", pair)
        started = time.monotonic()
        try:
            model = self.fit(self._data_dictionary(unfiltered_df, pair, dk), dk)
        except DualWindowError as error:
            self._failure = error
            raise
        self._describe_labels(dk)
        logger.info(
            "-------------------- Done training %s (%.1f s) --------------------",
            pair,
            time.monotonic() - started,
        )
        return model

    def _data_dictionary(
        self, frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen
    ) -> dict[str, Any]:
        """Candles and labels as arrays, beside the little that FreqAI wants to save itself."""
        if LABEL_COLUMN not in frame.columns:
            raise DataError(
                f"the strategy's set_freqai_targets made no column {LABEL_COLUMN!r}; use "
                "DualWindowStrategy or derive your strategy from it"
            )
        categories = pd.Categorical(frame[LABEL_COLUMN], categories=CLASS_NAMES)
        touches: BothTouched | None = None
        if self._settings.label_rule == "first_touch":
            _, touches = label_frame(frame, self._settings, self._candle_seconds)
        # The features are saved with the model; FreqAI's copy of all training rows is not needed.
        content: dict[str, Any] = {
            "candles": read_candles(frame, dk.training_features_list, pair, self._timeframe),
            "labels": categories.codes.astype(np.int8),
            "touches": touches,
            "market": self._prices.venue_of(frame),
            "train_features": pd.DataFrame(columns=dk.training_features_list),
            "train_dates": frame["date"].iloc[[0, -1]],
        }
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
        return train_model(
            candles,
            data_dictionary["labels"],
            self._settings,
            name=dk.pair,
            touches=data_dictionary["touches"],
            expected_candles=self.freqai_info["train_period_days"] * 86_400 // self._candle_seconds,
            candle_seconds=self._candle_seconds,
            figures_path=folder / EVALUATION_NAME,
            checkpoint_path=checkpoint_path(folder, last_candle),
            hooks=[LogHook(), TensorBoardHook(self.tb_logger)],
            should_stop=self._stop_event.is_set,
            # Live, FreqAI trains in a thread of its own beside the candle loop.
            in_background=self._live,
            start=self._start_model,
            # It holds FreqAI's whole frame, which nobody needs after this.
            market=data_dictionary.pop("market", None),
        )

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **_kwargs: Any
    ) -> tuple[pd.DataFrame, NDArray[np.int_]]:
        """Predict every row; a row without a valid window is HOLD with `do_predict` 0."""
        model = self.model
        if not isinstance(model, TrainedModel):
            raise OperationalException(
                f"{dk.pair}: FreqAI handed over no model from {dk.data_path}; delete the folder "
                f"{self.full_path} or set another freqai.identifier to train anew"
            )
        dk.find_features(unfiltered_df)
        with refusing():
            candles: CandleArrays = read_candles(
                unfiltered_df, dk.training_features_list, dk.pair, self._timeframe
            )
            if self._start_model is not None and not self._live:
                require_no_hindsight(self._start_model, int(candles.seconds[0]))
            prediction = model.predict(candles, self._candles_before(candles, model, dk))
        predicted = model.calibrated(prediction.probabilities, self._settings)
        decisions = predicted.decide(self._thresholds(model))
        probabilities = np.nan_to_num(prediction.probabilities.astype(np.float64), nan=0.0)
        frame = pd.DataFrame(probabilities, columns=list(CLASS_NAMES))
        # FreqAI writes numbers into this column when a model expires: it must be of dtype object.
        ranks = model.ranks(prediction.probabilities)
        for code, name in QUANTILE_COLUMNS.items():
            frame[name] = ranks[:, code]
        frame[SHARPNESS_COLUMN], shifts = model.calibration_terms
        for name, shift in zip(SHIFT_COLUMNS.values(), shifts.tolist(), strict=True):
            frame[name] = shift
        names = np.array(CLASS_NAMES, dtype=object)[decisions]
        frame.insert(0, LABEL_COLUMN, pd.Series(names, dtype=object))
        dk.do_predict = self._do_predict(prediction.valid, model, dk)
        dk.DI_values = np.zeros(len(frame))
        self._describe_labels(dk)
        return frame, dk.do_predict

    def _thresholds(self, model: TrainedModel) -> Thresholds:
        """The model's own in mode coverage; sides are not said where it lacks what decides."""
        if model.lacks(self._settings) is not None:
            return self._settings.thresholds
        return model.thresholds(self._settings)

    def _candles_before(
        self, candles: CandleArrays, model: TrainedModel, dk: FreqaiDataKitchen
    ) -> CandleArrays | None:
        """The candles before a backtest slice, where those that the model holds do not reach it.

        They end right before it in a backtest's own models; a model of a running bot was trained
        while the last candle before its first prediction had not closed.
        """
        nearest = candles.seconds[0] - self._candle_seconds
        if self._history is None or model.trained_until == nearest:
            return None
        frame = self._history.before(candles.seconds[0], self._settings.window_size - 1, dk)
        return read_candles(frame, dk.training_features_list, dk.pair, self._timeframe)

    def _do_predict(
        self, valid: NDArray[np.bool_], model: TrainedModel, dk: FreqaiDataKitchen
    ) -> NDArray[np.int_]:
        """FreqAI's verdict on each row: 1 to trade upon, 0 not, 2 where the model has expired."""
        do_predict = valid.astype(np.int_)
        if not self._live:
            return do_predict
        if not self._is_complete:
            do_predict[-1:] = 0
        # FreqAI's own look at the age comes after the first prediction, and goes by a note that
        # it makes before a new model is there.
        if dk.check_if_model_expired(model.trained_until):
            do_predict[:] = EXPIRED
        return do_predict

    def _describe_labels(self, dk: FreqaiDataKitchen) -> None:
        """Give every column of numbers the mean and deviation that FreqAI looks up in live."""
        for statistic in ("labels_mean", "labels_std"):
            columns = (*CLASS_NAMES, *CONFIDENCE_COLUMNS)
            dk.data.setdefault(statistic, {}).update(dict.fromkeys(columns, 0))

    def model_exists(self, dk: FreqaiDataKitchen) -> bool:
        """Whether a whole model is there; a damaged one is refused with the way out.

        FreqAI saves several files after the model. When it was killed in between, the model is
        trained anew.
        """
        folder = Path(dk.data_path)
        if not super().model_exists(dk) or not is_saved(folder, dk.model_filename):
            return False
        with refusing():
            check_manifest(folder)
        # FreqAI finds a model through this entry, which its state file may have lost.
        self.dd.get_pair_dict_info(dk.pair)
        entry = self.dd.pair_dict[dk.pair]
        entry |= {"model_filename": dk.model_filename, "data_path": str(folder)}
        return True

    def check_if_feature_list_matches_strategy(self, dk: FreqaiDataKitchen) -> None:
        """Compare the features with those of cached predictions.

        When an earlier slice had to be predicted and a later one is cached, FreqAI makes the
        features of a frame that has them already, and pandas marks the doubled ones with `_x`.
        """
        saved: list[str] = dk.data["training_features_list"]
        found = dk.training_features_list
        doubled = {name.removesuffix("_x") for name in found if name.endswith("_x")}
        if doubled and set(saved) <= doubled | set(found):
            dk.training_features_list = saved
        super().check_if_feature_list_matches_strategy(dk)

    def _append_null_backtesting_predictions(
        self, dk: FreqaiDataKitchen, dataframe_backtest: pd.DataFrame
    ) -> None:
        """End the backtest: FreqAI would cache empty predictions and go on."""
        reason = self._failure or "see the warning above"
        raise OperationalException(
            f"{dk.pair}: the training for the backtest from "
            f"{dataframe_backtest['date'].iloc[0]:%Y-%m-%d %H:%M} failed: {reason}"
        ) from self._failure

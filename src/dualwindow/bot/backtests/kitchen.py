"""FreqAI's kitchen of one pair in a backtest, which takes saved predictions only of its candles."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.backtests.chain import SliceChain
from dualwindow.bot.backtests.joining import has_more, with_better
from dualwindow.bot.backtests.pair_candles import PairCandles
from dualwindow.bot.backtests.review import Found, Slice, log_found, review
from dualwindow.bot.candles.kitchen import CandleKitchen, SeenCandles
from dualwindow.bot.config_checks import refusing
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import ModelFileError
from dualwindow.models.chain.former import Chain
from dualwindow.models.identifier.records import Record, Records
from dualwindow.models.manifest import MANIFEST_NAME, check_manifest, sum_of
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import sha256_of
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

#: Runs that load all the history that FreqAI needs; others begin shortly before the time range.
_LOADING_ALL: Final = (RunMode.BACKTEST, RunMode.HYPEROPT)


class BacktestKitchen(CandleKitchen):
    """Takes a saved prediction where it was made from the candles of now, or from more of them.

    A command that loads little history replaces nothing, and where a row has no valid window for
    lack of it, a saved prediction that has one stands in.
    """

    def __init__(
        self,
        config: dict[str, Any],
        candles: pd.DataFrame,
        pair: str,
        strategy: IStrategy,
        seen: SeenCandles,
    ) -> None:
        super().__init__(config, live=False, pair=pair)
        self.seen = seen
        self._strategy = strategy
        self._frame = candles
        self._featured: pd.DataFrame | None = None
        self._loads_all = config.get("runmode") in _LOADING_ALL
        self._records = Records(Path(self.full_path))
        self._candles = PairCandles(candles, pair, strategy, self.with_features)
        self._slices = {part.predictions.name: part for part in self._planned()}
        self._found = {
            name: review(part, self._records, self._candles) for name, part in self._slices.items()
        }
        log_found(pair, list(self._found.values()))
        #: Saved predictions of the slice at hand, where they are not all that it asks for.
        self._saved: pd.DataFrame | None = None
        self._knows_features = False
        self._unsaved: list[Slice] = []
        self._made: set[str] = set()
        self._chain: SliceChain | None = None

    def continue_models(self, config: TrainingConfig) -> None:
        """Let every training begin from the model of the slice before, see `SliceChain`."""
        self._chain = SliceChain(list(self._slices.values()), self._is_sound, config)

    @property
    def trainings(self) -> int:
        """Slices that have neither predictions nor a model of the candles of now."""
        return sum(
            not any(saved is not None and saved.is_current for saved in (of.predictions, of.model))
            for of in self._found.values()
        )

    def chain(self) -> Chain:
        """How the training of the slice at hand begins."""
        return Chain() if self._chain is None else self._chain.begin(self._slice)

    def model_folders(self) -> list[tuple[int, Path]]:
        """Beginning of every slice, seconds since 1970, and the folder of its model."""
        return [(part.begin, part.model) for part in self._slices.values()]

    def _is_sound(self, part: Slice) -> bool:
        """Whether the model of a slice is of the candles of now."""
        found = self._found[part.predictions.name].model
        return part.model_name in self._made or found is None or found.is_current

    def _continues(self) -> bool:
        """Whether the saved model of the slice at hand began as it would begin now."""
        return self._chain is None or not self._loads_all or self._chain.holds(self._slice)

    def _planned(self) -> list[Slice]:
        slices = []
        ranges = zip(self.training_timeranges, self.backtesting_timeranges, strict=False)
        for training, backtest in ranges:
            self.set_new_model_names(self.pair, int(training.stopts))
            begin, stop = int(backtest.startts), int(backtest.stopts)
            dates = self._candles.dates(begin, stop)
            slices.append(
                Slice(
                    Path(self.data_path),
                    f"{self.model_filename}_model.zip",
                    self._predictions,
                    int(training.startts),
                    begin,
                    int(dates[-1]) + self._candles.candle_seconds if len(dates) else begin,
                )
            )
        return slices

    @property
    def _predictions(self) -> Path:
        name = f"{self.model_filename}_prediction.feather"
        return Path(self.full_path, self.backtest_predictions_folder, name)

    @property
    def _slice(self) -> Slice:
        return self._slices[self._predictions.name]

    @property
    def _state(self) -> Found:
        return self._found[self._predictions.name]

    def use_strategy_to_populate_indicators(  # noqa: PLR0917 - FreqAI's signature
        self,
        strategy: IStrategy,
        corr_dataframes: dict[str, pd.DataFrame] | None = None,
        base_dataframes: dict[str, Any] | None = None,
        pair: str = "",
        prediction_dataframe: pd.DataFrame | None = None,
        do_corr_pairs: bool = True,
    ) -> pd.DataFrame:
        """Features as the kitchen before makes them; those of the whole backtest are made once."""
        if prediction_dataframe is self._frame:
            return self.with_features()
        return super().use_strategy_to_populate_indicators(
            strategy, corr_dataframes, base_dataframes, pair, prediction_dataframe, do_corr_pairs
        )

    def with_features(self) -> pd.DataFrame:
        """The candles of the whole backtest with their features, made once."""
        if self._featured is None:
            self._featured = super().use_strategy_to_populate_indicators(
                self._strategy, prediction_dataframe=self._frame, pair=self.pair
            )
        return self._featured

    def check_if_backtest_prediction_is_valid(
        self,
        len_backtest_df: int,  # noqa: ARG002 - FreqAI's signature; the dates are compared
    ) -> bool:
        """Whether the saved predictions of a slice are taken as they are."""
        part, state = self._slice, self._state
        self.backtesting_results_path = part.predictions
        self._saved = None
        if state.predictions is None:
            logger.info("Could not find backtesting prediction file at %s", part.predictions)
            return False
        if not state.predictions.is_current or not self._continues():
            return False
        try:
            content, record = self._records.read(part.predictions)
        except ModelFileError as error:
            logger.warning("%s; it is predicted again", error)
            return False
        self._saved = pd.read_feather(io.BytesIO(content))
        asked = self._candles.dates(part.begin, part.stop)
        if "date" not in self._saved or not np.array_equal(utc_seconds(self._saved["date"]), asked):
            return False
        if not self._has_features(part):
            return False
        logger.info("Found backtesting prediction file at %s", part.predictions)
        if record is not None and (record.made_from is None or state.predictions.where):
            self._note(part.predictions.name, record, part.stop)
        return True

    def _has_features(self, part: Slice) -> bool:
        """Whether FreqAI can read, of the first slice that it takes, which features there were."""
        if self._knows_features:
            return True
        name = part.model_name.replace("_model.zip", "_metadata.json")
        if not (part.model / name).is_file():
            return False
        if (part.model / MANIFEST_NAME).is_file():
            with refusing():
                check_manifest(part.model)
        self._knows_features = True
        return True

    def _note(self, name: str, record: Record, until: int) -> None:
        """Bind a file to the candles of now: one of an earlier version, or of equal features."""
        if self._loads_all:
            part = self._slice
            with_rows = record.made_from is not None and record.made_from.rows is not None
            made = self._candles.made_from(part.first, part.begin, until, with_rows=with_rows)
            self._records.note(name, Record(record.sha256, record.model, made))

    def get_backtesting_prediction(self) -> pd.DataFrame:
        """The saved predictions that the check before it has read."""
        return self._saved

    def takes_model(self) -> bool:
        """Whether the saved model of the slice at hand is taken.

        Raises:
            OperationalException: when it is of other candles, and too few are loaded to train.
        """
        part, state = self._slice, self._state
        if state.model is not None and not state.model.is_current:
            if self._loads_all:
                return False
            raise OperationalException(
                f"{self.pair}: the candles of the model in {part.model} have changed, and this "
                "command loads too few to train it again; run `freqtrade backtesting` with the "
                "same --timerange first"
            )
        if not self._continues():
            logger.warning(
                "%s: the model of the slice from %s UTC began from another model than that of the "
                "slice before it; it is trained again",
                self.pair,
                utc_text(part.begin),
            )
            return False
        sha256 = sum_of(part.model, part.model_name)
        if sha256 is not None:
            record = self._records.of(part.model_name, sha256) or Record(sha256)
            if record.made_from is None or (state.model is not None and state.model.where):
                self._note(part.model_name, record, part.begin)
        return True

    def lacks_training(self) -> bool:
        """Whether this command has not loaded the candles that the slice at hand is trained on."""
        seconds = self._candles.seconds
        return not self._loads_all and (not len(seconds) or int(seconds[0]) > self._slice.first)

    def not_backtested(self) -> str:
        """The sentence about a slice without a model in a command that loads little history."""
        return (
            f"{self.pair}: the candles from {utc_text(self._slice.begin)} UTC on have not been "
            f"backtested under freqai.identifier {self.config['freqai']['identifier']!r}, and this "
            "command loads too few before them to train a model; run `freqtrade backtesting` with "
            "the same --timerange first"
        )

    def note_model(self) -> None:
        """Note the candles of the model that was just written, before it is sealed."""
        part = self._slice
        self._made.add(part.model_name)
        made = self._candles.made_from(part.first, part.begin, part.begin)
        record = Record(sha256_of(part.model / part.model_name), None, made)
        self._records.note(part.model_name, record)

    def get_predictions_to_append(
        self, predictions: pd.DataFrame, do_predict: Any, dataframe_backtest: pd.DataFrame
    ) -> pd.DataFrame:
        """A slice's predictions; saved ones stand in for rows that have none."""
        frame = super().get_predictions_to_append(predictions, do_predict, dataframe_backtest)
        return frame if self._saved is None else with_better(frame, self._saved)

    def save_backtesting_prediction(self, append_df: pd.DataFrame) -> None:
        """Save a slice's predictions, unless what is saved has more."""
        part = self._slice
        if self._saved is not None and has_more(self._saved, append_df):
            return
        made = self._candles.made_from(part.first, part.begin, part.stop)
        if not self._loads_all and made.rows is not None and made.rows.unknown:
            self._unsaved.append(part)
            return
        buffer = io.BytesIO()
        append_df.to_feather(buffer)
        content = buffer.getvalue()
        sha256 = hashlib.sha256(content).hexdigest()
        part.predictions.parent.mkdir(parents=True, exist_ok=True)
        record = Record(sha256, sum_of(part.model, part.model_name), made)
        self._records.save(part.predictions, content, record)

    def log_unsaved(self) -> None:
        """Log which slices were predicted from too few candles to be saved."""
        if self._unsaved:
            logger.warning(
                "%s: this command loads too few candles before %s, the first from %s UTC; "
                "candles whose averages or windows reach further back have no prediction, and "
                "nothing is saved; `freqtrade backtesting` with the same --timerange predicts them",
                self.pair,
                counted(len(self._unsaved), "slice"),
                utc_text(self._unsaved[0].begin),
            )

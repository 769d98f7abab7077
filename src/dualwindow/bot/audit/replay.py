"""Predicts a dry run's candles again, from the candle files and the models that it left."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.exceptions import FreqtradeException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.bot.candles.kitchen import CandleKitchen, SeenCandles, other_candles
from dualwindow.bot.candles.notices import CandleNotices
from dualwindow.bot.config_checks import as_loaded
from dualwindow.bot.freqai_frames import prediction_frame
from dualwindow.bot.why.candles import Place
from dualwindow.bot.why.market import RawCandles
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.data.features.other_candles import RowGrid
from dualwindow.errors import DataError, ModelFileError
from dualwindow.models.chain.former import FormerModel
from dualwindow.models.freqai_folders import find_models, is_saved
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptModel:
    """A model of a bot that is still there.

    Attributes:
        stamp: end of its training as FreqAI names it, seconds since 1970: a backtest predicts with
            it from then on.
        model: itself; `trained_until` is the date of its last candle.
    """

    stamp: int
    model: TrainedModel


@dataclass(frozen=True)
class LoadedStrategy:
    """The configuration of freqtrade, and the strategy that it names."""

    config: dict[str, Any]
    strategy: IStrategy

    @property
    def rule(self) -> DecisionRule | None:
        """The rule by which a backtest decides; None where the strategy has another form of it."""
        own = getattr(self.strategy, "decision_rule", None)
        return own if isinstance(own, DecisionRule) else None


class FileCandles:
    """Candles of files in place of freqtrade's data provider."""

    runmode = RunMode.OTHER

    def __init__(self, place: Place) -> None:
        self._place = place
        self._read: dict[tuple[str, str], pd.DataFrame] = {}

    def get_pair_dataframe(self, pair: str, timeframe: str, **_kwargs: Any) -> pd.DataFrame:
        """Candles of a pair and timeframe.

        Raises:
            DataError: when there is no file.
        """
        if (pair, timeframe) not in self._read:
            raw = self._place.read(pair, timeframe)
            if raw is None:
                raise DataError(
                    f"{self._place.datadir} has no candles of {pair} {timeframe}; download those "
                    "of the bot's time, or name another folder with --datadir"
                )
            self._read[pair, timeframe] = raw.frame
        return self._read[pair, timeframe].copy()


def load_strategy(files: Sequence[Path], userdir: Path) -> LoadedStrategy:
    """Freqtrade's configuration and the strategy that it names, as a backtest has them.

    Raises:
        DataError: when freqtrade refuses them.
    """
    disabled = logging.root.manager.disable
    # It logs every setting, and sends the log where a bot would.
    logging.disable(logging.INFO)
    try:
        arguments = {"config": [str(path) for path in files], "user_data_dir": str(userdir)}
        config = as_loaded(Configuration(arguments, RunMode.OTHER).get_config())
        strategy = StrategyResolver.load_strategy(config)
    except FreqtradeException as error:
        raise DataError(
            f"the strategy cannot be loaded: {error}; name the bot's configuration with -c"
        ) from None
    finally:
        logging.disable(disabled)
    strategy.freqai = SimpleNamespace()
    return LoadedStrategy(config, strategy)


class Replay:
    """Predictions of one pair's candles by the models that its bot left.

    Args:
        place: the bot's folder and candles.
        pair: as freqtrade names it.
        made: the strategy that makes the features.

    Raises:
        DataError: when there are no candles or no model.
    """

    def __init__(self, place: Place, pair: str, made: LoadedStrategy) -> None:
        self.raw = _read(place, pair)
        self.models = _models(place.folder, pair)
        if not self.models:
            raise DataError(
                f"{place.folder} holds no whole model of {pair} any more, so that nothing can be "
                "predicted again; raise freqai.purge_old_models"
            )
        self._arrays = _features(place, pair, made, self.raw)
        self._known: dict[int, pd.DataFrame] = {}

    def model_at(self, second: int, candle_seconds: int) -> KeptModel | None:
        """The model that a backtest predicts the candle of a date with; None before the first."""
        closed = second + candle_seconds
        return max(
            (kept for kept in self.models if kept.stamp <= closed),
            key=lambda kept: kept.stamp,
            default=None,
        )

    def model_until(self, trained_until: int) -> KeptModel | None:
        """The model with this last candle; None where it is not there any more."""
        return next(
            (kept for kept in self.models if kept.model.trained_until == trained_until), None
        )

    def decisions(
        self, kept: KeptModel, rule: DecisionRule, seconds: NDArray[np.int64]
    ) -> NDArray[np.int_]:
        """(N,) class codes of candles of (N,) dates; HOLD without a valid window."""
        rows = np.searchsorted(self._arrays.seconds, seconds)
        return rule.decide(self._predicted(kept).iloc[rows])

    def _predicted(self, kept: KeptModel) -> pd.DataFrame:
        if kept.stamp not in self._known:
            prediction = kept.model.predict(self._arrays)
            frame = prediction_frame(
                prediction, kept.model, DecisionRule.from_settings(kept.model.config)
            )
            flags = prediction.valid.astype(np.int_)
            self._known[kept.stamp] = frame.assign(do_predict=flags)
        return self._known[kept.stamp]

    def cut(self, first: int, last: int, window_size: int) -> None:
        """Forget the candles that no window between two dates, seconds since 1970, reaches."""
        begin, stop = np.searchsorted(self._arrays.seconds, [first, last + 1])
        rows = slice(max(int(begin) - window_size, 0), int(stop))
        whole = self._arrays
        self._arrays = CandleArrays(
            whole.names,
            whole.seconds[rows],
            np.ascontiguousarray(whole.features[rows]),
            whole.flat[rows],
        )


def _read(place: Place, pair: str) -> RawCandles:
    raw = place.read(pair, place.settings.timeframe)
    if raw is None:
        raise DataError(
            f"{place.datadir} has no candles of {pair} {place.settings.timeframe}; download those "
            "of the bot's time, or name another folder with --datadir"
        )
    return raw


def _models(folder: Path, pair: str) -> list[KeptModel]:
    found = []
    for saved in find_models(folder):
        if saved.base != base_coin(pair) or not is_saved(saved.path, saved.filename):
            continue
        try:
            model = FormerModel.load(saved.path, saved.filename).model
        except ModelFileError as error:
            logger.warning("%s is left out of the evaluation: %s", saved.path, error)
            continue
        found.append(KeptModel(saved.trained_until, model))
    return found


def _features(place: Place, pair: str, made: LoadedStrategy, raw: RawCandles) -> CandleArrays:
    """Features as a backtest makes them: by the strategy's own hooks."""
    settings = place.settings.config
    grid = RowGrid(place.candle_seconds, settings.window_size, settings.max_flat_candles)
    kitchen = CandleKitchen.instead_of(
        FreqaiDataKitchen(made.config, True, pair), SeenCandles(grid, CandleNotices())
    )
    made.strategy.dp = FileCandles(place)
    frame = kitchen.use_strategy_to_populate_indicators(
        made.strategy, prediction_dataframe=raw.frame.copy(), pair=pair
    )
    frame = kitchen.remove_special_chars_from_feature_names(frame)
    kitchen.find_features(frame)
    names = kitchen.training_features_list
    return read_candles(frame, names, pair, place.settings.timeframe, other_candles(kitchen))

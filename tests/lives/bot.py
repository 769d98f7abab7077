"""freqtrade's strategy and FreqAI's model as a bot starts them, driven by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import CandleType, RunMode
from freqtrade.resolvers import StrategyResolver

from tests.lives.exchange import TIMEFRAME, LivedExchange
from tests.lives.market import BEGIN, HOUR
from tests.makers.bot import REPOSITORY, freqtrade_config

#: Candles of a window and of its future; a period of the record is then one day.
WINDOW: Final = 6
FUTURE: Final = 2
PERIODS: Final = (4, 12)
EXPIRATION: Final = 30
RETRAINING: Final = 12
#: Hours that a model is trained on.
TRAINED: Final = 8 * 24

PARAMETERS: Final[dict[str, Any]] = {
    "window_size": WINDOW,
    "future_window": FUTURE,
    "patch_size": 2,
    "lstm_units": [2],
    "dense_units": [2],
    "epochs": 2,
    "batch_size": 64,
    "long_tp_pct": 0.02,
    "long_sl_pct": 0.01,
    "short_tp_pct": 0.02,
    "short_sl_pct": 0.01,
    "max_flat_candles": 3,
    "feature_set": "base",
    "device": "cpu",
    "class_balance": "undersample",
    # The likeliest class: a side for most candles, so that much is entered.
    "use_confidence_thresholding": False,
}


def base_config(folder: Path) -> dict[str, Any]:
    """The shipped configuration with a tiny network, hours for candles, and days for a year."""
    config = freqtrade_config(folder)
    config["timeframe"] = TIMEFRAME
    config["runmode"] = RunMode.DRY_RUN
    config["candle_type_def"] = CandleType.FUTURES
    config["dualwindow"]["evaluation_fee"] = 0.0005
    freqai = config["freqai"]
    freqai |= {
        "identifier": "lives",
        "train_period_days": TRAINED // 24,
        "live_retrain_hours": RETRAINING,
        "expiration_hours": EXPIRATION,
        "continual_learning": False,
        "activate_tensorboard": False,
        "data_split_parameters": {"test_size": 0.15},
        "model_training_parameters": dict(PARAMETERS),
    }
    freqai["feature_parameters"] |= {
        "indicator_periods_candles": list(PERIODS),
        "include_timeframes": [TIMEFRAME],
    }
    config["strategy_path"] = str(REPOSITORY / "strategies")
    config["freqaimodel_path"] = str(REPOSITORY / "freqaimodels")
    return config


@dataclass
class Analysis:
    """One look at a pair's newest candle.

    Attributes:
        pair: of the candle.
        row: number of the candle in the market.
        handed: the frame that freqtrade hands to the strategy.
        frame: what the strategy made of it; None after an error, or where there was nothing new.
        error: that freqtrade would log.
        enters: `long`, `short` or None, as freqtrade's bot asks for it.
        folder: of the model that predicted; None without one.
        trained_until: last candle of that model.
        is_first: whether it is the pair's first since the start.
        is_first_predicted: whether FreqAI begins to return predictions with it, of none.
        failed_writes: whether the disk was full meanwhile.
    """

    pair: str
    row: int
    handed: pd.DataFrame
    frame: pd.DataFrame | None = None
    error: BaseException | None = None
    enters: str | None = None
    folder: Path | None = None
    now: float = 0.0
    bot: Any = None
    trained_until: int = 0
    is_first: bool = False
    is_first_predicted: bool = False
    failed_writes: bool = False

    @property
    def do_predict(self) -> int:
        return -1 if self.frame is None else int(self.frame["do_predict"].iloc[-1])


class LivedBot:
    """A started bot.

    Raises:
        freqtrade's errors: when it refuses to start.
    """

    def __init__(
        self,
        config: dict[str, Any],
        exchange: LivedExchange,
        whitelist: Callable[[], list[str]],
        monotonic: Callable[[], float],
    ) -> None:
        self.config, self.exchange, self.whitelist = config, exchange, whitelist
        exchange._config = config
        strategy = StrategyResolver.load_strategy(copy.deepcopy(config))
        self.config = strategy.config
        self.dp = DataProvider(self.config, exchange, _Pairlists(whitelist))
        strategy.dp = self.dp
        strategy.load_freqAI_model()
        self.strategy, self.model = strategy, strategy.freqai
        self.model.start_scanning = lambda *_of: None
        for pauses in (self.model._pauses, self.model._refused._pauses):
            pauses._clock = monotonic
        strategy.bot_start()
        self.seen: set[str] = set()
        self._handed: pd.DataFrame | None = None
        self._error: Exception | None = None
        self._watch()

    def _watch(self) -> None:
        """Keep what a strategy is handed, and what freqtrade would only log."""
        real = self.strategy.analyze_ticker

        def analyze_ticker(dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
            self._handed = dataframe.copy()
            try:
                return real(dataframe, metadata)
            except Exception as error:
                self._error = error
                raise

        self.strategy.analyze_ticker = analyze_ticker

    @property
    def folder(self) -> Path:
        """`user_data/models/<identifier>`."""
        return Path(self.model.full_path)

    def analyse(self, pair: str) -> Analysis | None:
        """What freqtrade's loop does with a pair; None where there is no new candle."""
        self._handed = self._error = None
        self.model._predicted_by = 0
        is_first_predicted = pair not in self.model.dd.model_return_values
        self.strategy.analyze([pair])
        if self._handed is None:
            return None
        last = self._handed["date"].iloc[-1]
        row = (int(last.timestamp()) - BEGIN) // HOUR
        found = Analysis(pair, row, self._handed, error=self._error, is_first=pair not in self.seen)
        found.is_first_predicted = is_first_predicted
        self.seen.add(pair)
        frame, _ = self.dp.get_analyzed_dataframe(pair, TIMEFRAME)
        if self._error is None and len(frame) and frame["date"].iloc[-1] == last:
            # The frame of a chart has gaps where nothing is predicted.
            found.frame = self.strategy._newest[pair]
            found.enters = _direction(self.strategy.get_entry_signal(pair, TIMEFRAME, frame))
        found.trained_until = self.model._predicted_by
        if folders := found.trained_until and self.model.model_folders.get(pair):
            found.folder = folders[-1][1]
        return found

    def close(self) -> None:
        """Let go of what Python would keep open until it collects garbage."""
        record = getattr(self.strategy._track, "_record", None)
        if record is not None:
            record.close()
        writer = self.model.journal._writer
        if writer is not None:
            writer.close()

    def stop(self) -> None:
        """An ordinary stop."""
        self.model.shutdown()
        self.close()


class _Pairlists:
    """freqtrade's pairlist manager as the data provider sees it."""

    def __init__(self, whitelist: Callable[[], list[str]]) -> None:
        self._whitelist = whitelist

    @property
    def whitelist(self) -> list[str]:
        return self._whitelist()


def _direction(signal: tuple[Any, Any]) -> str | None:
    return None if signal[0] is None else str(signal[0].value)

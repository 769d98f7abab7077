"""The strategy of DualWindowLSTM: enters where it is confident, exits where its label ends.

Change it by deriving from it, or edit it: extra timeframes and correlated pairs come from
config.json, your own features are further `%-` columns in the `feature_engineering_*` methods.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.persistence import Trade

from dualwindow.bot import exits
from dualwindow.bot.backtest_candles import BacktestCandles
from dualwindow.bot.backtests.live_predictions import require_live_predictions
from dualwindow.bot.backtests.whole_verdict import BacktestVerdict
from dualwindow.bot.candles.future import ClosedCandlesStrategy
from dualwindow.bot.config_checks import is_live, read_settings, read_strategy_settings
from dualwindow.bot.decisions import EarlierModels, warn_of_silent_sides
from dualwindow.bot.drawer_files import model_folder
from dualwindow.bot.history import features_with_history
from dualwindow.bot.hyperopt import SPACE, ConfiguredStart, SearchedRule, require_own_spaces
from dualwindow.bot.live.evidence import track_of
from dualwindow.bot.live.stopping import end_with_main_thread
from dualwindow.columns import (
    CLASS_NAMES,
    DECISION_COLUMN,
    FEATURE_PREFIX,
    HOLD,
    LABEL_COLUMN,
    LONG,
    SHORT,
)
from dualwindow.confidence import Thresholds
from dualwindow.confidence.chart import PLOT_CONFIG, charted, plot_config
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.thresholds import confidence_tags
from dualwindow.data.features.base import change_features
from dualwindow.data.features.windows import label_frame

logger = logging.getLogger(__name__)


class DualWindowStrategy(ClosedCandlesStrategy):
    """Trades the decisions of DualWindowLSTM with exits that mirror its label."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    process_only_new_candles = True
    use_exit_signal = True
    use_custom_stoploss = True
    use_custom_roi = True
    ignore_roi_if_entry_signal = False
    trailing_stop = False
    # Both are out of reach: the barriers come from custom_roi and custom_stoploss.
    minimal_roi: ClassVar = {"0": 100.0}
    stoploss = -0.99
    # A stop that rested as a limit order could be left behind while the price runs away.
    order_types: ClassVar = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "stoploss": "market",
        "stoploss_on_exchange": False,
    }

    #: Set to True (and start backtests with --enable-protections) to use the example below.
    use_protections = False

    #: A derived strategy's own is kept; this one gets the active thresholds.
    plot_config: dict[str, Any] = PLOT_CONFIG

    def __init__(self, config: dict[str, Any]) -> None:
        settings = read_settings(config)
        self._settings = settings.training
        self._periods = settings.indicator_periods
        self._leverage = read_strategy_settings(config, self._settings).leverage
        BacktestCandles(config, self._settings, self._periods).require_readable()
        require_live_predictions(config)
        exits.require_own_exits(config, type(self))
        require_own_spaces(config, self._settings)
        # freqtrade writes the configuration's timeframe into the strategy only after this.
        self._candle_seconds = timeframe_to_seconds(config.get("timeframe", self.timeframe))
        self.can_short = config.get("trading_mode", "spot") != "spot"
        self.startup_candle_count = self._settings.window_size
        # freqtrade finds its hyperopt parameters among the attributes: threshold_long and the like.
        self._searched = SearchedRule(self._settings, can_short=self.can_short)
        for name, parameter in self._searched.parameters.items():
            setattr(self, name, parameter)
        if not hasattr(type(self), "HyperOpt"):
            self.HyperOpt = ConfiguredStart(self._searched.parameters)
        super().__init__(config)
        self._searched.choose(self._given_thresholds())
        if self.plot_config is PLOT_CONFIG:
            self.plot_config = plot_config(self.decision_rule)
        #: Of a pair, the newest candle with all that was predicted.
        self._newest: dict[str, pd.DataFrame] = {}
        self._thresholds_logged = False
        self._earlier_models = EarlierModels()
        self._verdict = BacktestVerdict()
        self._track = track_of(config, self._settings, self.timeframe)
        if is_live(config):
            end_with_main_thread(self)

    def load_freqAI_model(self) -> None:  # noqa: N802 - the name is freqtrade's
        """Load the model; live, let freqtrade download the pairs that the whitelist holds now.

        It would download those that `exchange.pair_whitelist` names or has patterns of.
        """
        if is_live(self.config):
            self.config["pairs"] = self.dp.current_whitelist()
        super().load_freqAI_model()

    def load_params_from_file(self) -> dict[str, Any]:
        """Hyperopt's best values, without exits: those stay the strategy's own."""
        content: dict[str, Any] = super().load_params_from_file()
        return exits.without_exits(content, self._parameter_file, type(self))

    def get_no_optimize_params(self) -> dict[str, dict[str, Any]]:
        """Values that a search of other spaces writes to its file: those of the active rule."""
        return self._searched.with_unsearched(super().get_no_optimize_params())

    @property
    def _parameter_file(self) -> str:
        """The file that freqtrade writes hyperopt's best values to, and reads at the next start."""
        return str(Path(getattr(self, "__file__", type(self).__name__)).with_suffix(".json"))

    def _given_thresholds(self) -> dict[str, dict[str, Any]]:
        """Values that replace the configuration's, by their origin, the strongest first."""
        return {
            f"hyperopt's {self._parameter_file}": self._ft_params_from_file.get(SPACE, {}),
            f"{SPACE}_params of {type(self).__name__}": getattr(self, f"{SPACE}_params", {}),
        }

    @property
    def thresholds(self) -> Thresholds:
        """The active thresholds; nothing reaches that of a side that is decided by a share."""
        return self.decision_rule.thresholds

    @property
    def decision_rule(self) -> DecisionRule:
        """The active decision rule; while hyperopt runs, that of the current epoch."""
        return self._searched.active

    @property
    def protections(self) -> list[dict[str, Any]]:
        """Pause a pair after three stop losses in two hours; off unless `use_protections`."""
        if not self.use_protections:
            return []
        return [
            {
                "method": "StoplossGuard",
                "lookback_period": 120,
                "trade_limit": 3,
                "stop_duration": 60,
                "only_per_pair": True,
            }
        ]

    def bot_start(self, **kwargs: Any) -> None:
        """Log, once, the active thresholds and their origins."""
        if not self._thresholds_logged:
            logger.info("%s", self._searched.line())
            self._thresholds_logged = True

    def feature_engineering_expand_basic(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        """Add change features: for every timeframe and every correlated pair."""
        for name, values in change_features(dataframe).items():
            dataframe[f"{FEATURE_PREFIX}{name}"] = values
        return dataframe

    def feature_engineering_standard(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        """Add moving averages, and the extended features: for the base pair and timeframe."""
        # A live bot passes only the newest few hundred candles; FreqAI keeps the older ones.
        drawer = getattr(self.freqai, "dd", None)
        history = drawer.historic_data.get(metadata["pair"], {}) if drawer is not None else {}
        features = features_with_history(
            dataframe,
            history.get(self.timeframe),
            self._periods,
            self._settings.feature_set,
            self._candle_seconds,
        )
        for name, values in features.items():
            dataframe[f"{FEATURE_PREFIX}{name}"] = values
        return dataframe

    def set_freqai_targets(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        """Add the label as class names; missing, never HOLD, where the future is unknown."""
        labels, _ = label_frame(dataframe, self._settings, self._candle_seconds)
        names = np.array([*CLASS_NAMES, None], dtype=object)  # index -1 is None
        dataframe[LABEL_COLUMN] = pd.Series(names[labels], index=dataframe.index, dtype=object)
        return dataframe

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Let FreqAI train and predict; hyperopt does this once, for all thresholds."""
        predicted = self.freqai.start(dataframe, metadata, self)
        self._track.note(predicted, metadata["pair"], self)
        self._verdict.predicted(metadata["pair"])
        return predicted

    def _decisions(self, dataframe: pd.DataFrame) -> np.ndarray:
        """(N,) class codes; HOLD where FreqAI has no current model or the window is not valid."""
        return self.decision_rule.decide(dataframe)

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Decide from the probabilities, and enter; the tag names side and confidence.

        A running bot's track record notes every decision, and may let none in.
        """
        rule, pair = self.decision_rule, metadata["pair"]
        self._earlier_models.look_for(rule, dataframe, pair, live=is_live(self.config))
        probabilities = rule.probabilities(dataframe)
        side = self._decisions(dataframe)
        dataframe[DECISION_COLUMN] = side.astype(np.int64) - HOLD
        entries = {LONG: "long", SHORT: "short"} if self.can_short else {LONG: "long"}
        entered = ~self._track.blocked(dataframe, pair, side, self)
        for code, name in entries.items():
            rows = (side == code) & entered
            dataframe.loc[rows, f"enter_{name}"] = 1
            dataframe.loc[rows, "enter_tag"] = confidence_tags(name, probabilities[rows, code])
        if self.config.get("runmode") == RunMode.BACKTEST:
            warn_of_silent_sides(rule, dataframe, side, entries, pair)
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add no exit signals: take profit, stop loss and time-out end a trade, as in its label."""
        return dataframe

    def advise_exit(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """Advise as freqtrade does; with the last pair of a backtest, tell its verdict."""
        advised = super().advise_exit(dataframe, metadata)
        if self.config.get("runmode") == RunMode.BACKTEST:
            folder, datadir = model_folder(self.config), Path(self.config["datadir"])
            self._verdict.decided(metadata["pair"], folder, datadir)
        return advised

    def analyze_ticker(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """Analyse a pair for a bot or a chart; what decides is replaced by what charts show."""
        analyzed = super().analyze_ticker(dataframe, metadata)
        self._newest[metadata["pair"]] = analyzed.iloc[-1:].copy()
        return charted(analyzed, self.decision_rule)

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> bool:
        """Log, in dry-run and live, the probabilities and limits behind the entry."""
        newest = self._newest.get(pair)
        if newest is not None and is_live(self.config):
            logger.info(
                "%s: entering %s at %s on the candle of %s: %s",
                pair,
                side,
                rate,
                newest["date"].iloc[0],
                self.decision_rule.text(newest),
            )
            if (journal := getattr(getattr(self, "freqai", None), "journal", None)) is not None:
                candle = int(newest["date"].iloc[0].timestamp())
                journal.note_entry(pair, candle, is_short=side == "short", rate=rate)
        return True

    def custom_roi(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        trade_duration: int,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Profit ratio, fees and leverage included, at the take profit price."""
        return exits.take_profit_ratio(trade, self._settings)

    def custom_stoploss(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        after_fill: bool,
        **kwargs: Any,
    ) -> float | None:
        """Stop at the stop loss price: set when the entry fills, and kept."""
        return exits.stop_loss_distance(trade, current_rate, self._settings)

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: Any,
    ) -> str | None:
        """End the trade when its future window is over."""
        over = exits.has_timed_out(trade, current_time, self._settings, self._candle_seconds)
        return "time_out" if over else None

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Leverage from the configuration (`dualwindow.leverage`), at most the exchange's."""
        return min(self._leverage, max_leverage)

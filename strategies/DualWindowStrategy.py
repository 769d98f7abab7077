"""The companion strategy: enters where DualWindowLSTM is confident, exits where its label ends.

Change it by deriving from it, or edit it: extra timeframes and correlated pairs come from
config.json, your own features are further `%-` columns in the `feature_engineering_*` methods.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy, stoploss_from_absolute

from dualwindow.backtest.exits import stop_loss_price, take_profit_price, time_out_at
from dualwindow.bot.config_checks import (
    is_live,
    read_settings,
    read_strategy_settings,
    require_own_exits,
)
from dualwindow.bot.decisions import DecisionRule, EarlierModels, usable
from dualwindow.bot.history import features_with_history
from dualwindow.bot.hyperopt import (
    SPACE,
    ConfiguredStart,
    require_own_spaces,
    search_parameters,
    without_exits,
)
from dualwindow.bot.thresholds import ChosenThresholds, deciding_sides, values_of, with_given
from dualwindow.columns import CLASS_NAMES, FEATURE_PREFIX, HOLD, LABEL_COLUMN, LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.thresholds import confidence_tags
from dualwindow.data.features.base import change_features
from dualwindow.data.features.windows import label_frame

logger = logging.getLogger(__name__)

#: calc_profit_ratio rounds to 1e-8 and freqtrade wants more than the ROI, the label at least it.
_HALF_A_STEP = 5e-9
#: What a stop that the price has passed is set at, as a fraction of the price: less than any tick,
#: and by freqtrade's own rounding the price itself. freqtrade does nothing about 0.
_PASSED = 1e-9


class DualWindowStrategy(IStrategy):
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

    plot_config: ClassVar = {
        "main_plot": {},
        "subplots": {
            "probability": {
                "LONG": {"color": "#1b9e77"},
                "SHORT": {"color": "#d95f02"},
                "HOLD": {"color": "#7f7f7f"},
            },
            "decision": {"decision": {"color": "#4c6faf", "type": "bar"}},
        },
    }

    def __init__(self, config: dict[str, Any]) -> None:
        settings = read_settings(config)
        self._settings = settings.training
        self._periods = settings.indicator_periods
        self._leverage = read_strategy_settings(config, self._settings).leverage
        require_own_exits(config, type(self))
        require_own_spaces(config, self._settings)
        # freqtrade writes the configuration's timeframe into the strategy only after this.
        self._candle_seconds = timeframe_to_seconds(config.get("timeframe", self.timeframe))
        self.can_short = config.get("trading_mode", "spot") != "spot"
        self.startup_candle_count = self._settings.window_size
        # freqtrade finds its hyperopt parameters among the attributes: threshold_long and the like.
        self._parameters = search_parameters(self._settings, can_short=self.can_short)
        for name, parameter in self._parameters.items():
            setattr(self, name, parameter)
        if not hasattr(type(self), "HyperOpt"):
            self.HyperOpt = ConfiguredStart(self._parameters)
        super().__init__(config)
        self._chosen = self._choose_thresholds()
        self._thresholds_logged = False
        self._earlier_models = EarlierModels()

    def load_params_from_file(self) -> dict[str, Any]:
        """What hyperopt found, of which the exits stay the strategy's own."""
        content: dict[str, Any] = super().load_params_from_file()
        return without_exits(content, self._parameter_file, type(self))

    def get_no_optimize_params(self) -> dict[str, dict[str, Any]]:
        """What a search of other spaces writes down unsearched: here, what decided while it ran."""
        left: dict[str, dict[str, Any]] = super().get_no_optimize_params()
        group = left.get(SPACE, {})
        if self._parameters.keys() & group.keys():
            others = {name: value for name, value in group.items() if name not in self._parameters}
            sides = deciding_sides(self._settings, can_short=self.can_short)
            left[SPACE] = {**others, **values_of(self._chosen.rule, sides)}
        return left

    @property
    def _parameter_file(self) -> str:
        """Where freqtrade writes what hyperopt found, and looks for it."""
        return str(Path(getattr(self, "__file__", type(self).__name__)).with_suffix(".json"))

    def _choose_thresholds(self) -> ChosenThresholds:
        sources = {
            f"hyperopt's {self._parameter_file}": self._ft_params_from_file.get(SPACE, {}),
            f"{SPACE}_params of {type(self).__name__}": getattr(self, f"{SPACE}_params", {}),
        }
        return ChosenThresholds.from_settings(self._settings, sources, can_short=self.can_short)

    @property
    def thresholds(self) -> Thresholds:
        """Thresholds that decide now; a side that goes by its rank has one that nothing reaches."""
        return self._rule.thresholds

    @property
    def _rule(self) -> DecisionRule:
        """What decides now; while hyperopt runs, what it tries in this epoch."""
        tried = {
            name: parameter.value
            for name, parameter in self._parameters.items()
            if parameter.in_space and parameter.optimize
        }
        return with_given(self._chosen.rule, tried)

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
        """Log, once, which thresholds decide and where they come from."""
        if not self._thresholds_logged:
            logger.info("%s", self._chosen.line())
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
        # A live bot hands over the newest few hundred candles only; FreqAI holds the older ones.
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
        return self.freqai.start(dataframe, metadata, self)

    def _warn_of_silence(self, dataframe: pd.DataFrame, decisions: np.ndarray, pair: str) -> None:
        """Say in a backtest when the thresholds let no signal of a side through at all."""
        if self.config.get("runmode") != RunMode.BACKTEST:
            return
        rows = usable(dataframe)
        for code in [LONG] + ([SHORT] if self.can_short else []):
            if rows.any() and not (decisions == code).any():
                logger.warning(
                    "%s: no %s signal in %d predicted candles, the highest probability is %.2f: "
                    "lower its threshold or choose another confidence_mode",
                    pair,
                    CLASS_NAMES[code],
                    rows.sum(),
                    self._rule.probabilities(dataframe)[rows, code].max(),
                )

    def _decisions(self, dataframe: pd.DataFrame) -> np.ndarray:
        """(N,) class codes; HOLD where FreqAI has no current model or the window is not valid."""
        return self._rule.decide(dataframe)

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Decide from the probabilities, and enter; the tag names side and confidence."""
        self._earlier_models.look_for(
            self._rule, dataframe, metadata["pair"], live=is_live(self.config)
        )
        probabilities = self._rule.probabilities(dataframe)
        side = self._decisions(dataframe)
        self._warn_of_silence(dataframe, side, metadata["pair"])
        # -1 SHORT, 0 HOLD, 1 LONG: what the plot shows as a bar.
        dataframe["decision"] = side.astype(np.int64) - HOLD
        entries = [(LONG, "long")] + ([(SHORT, "short")] if self.can_short else [])
        for code, name in entries:
            rows = side == code
            dataframe.loc[rows, f"enter_{name}"] = 1
            dataframe.loc[rows, "enter_tag"] = confidence_tags(name, probabilities[rows, code])
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add no exit signals: take profit, stop loss and time-out end a trade, as in its label."""
        return dataframe

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
        """Log, in dry-run and live, what the decision to enter rests on."""
        if is_live(self.config):
            frame, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
            newest = frame.iloc[-1:]
            short, hold, long = self._rule.probabilities(newest)[0]
            logger.info(
                "%s: entering %s at %s on the candle of %s: SHORT %.3f HOLD %.3f LONG %.3f (%s)",
                pair, side, rate, frame["date"].iloc[-1], short, hold, long,
                self._rule.text(newest),
            )  # fmt: skip
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
        target = take_profit_price(trade.open_rate, is_short=trade.is_short, config=self._settings)
        return float(trade.calc_profit_ratio(target)) - _HALF_A_STEP

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
        """Stop at the stop loss price: set when the entry fills, and kept.

        Reckoned anew from another rate it would now and then round to the next tick, which
        freqtrade takes for a trailing stop. A price that has passed the stop before it is set ends
        the trade: freqtrade takes no stop beyond the price, so it is set at the price, again with
        each price until one reaches it.
        """
        if trade.stop_loss_pct == -_PASSED:
            return _PASSED
        if trade.stop_loss_pct != trade.initial_stop_loss_pct:
            return None
        price = stop_loss_price(trade.open_rate, is_short=trade.is_short, config=self._settings)
        distance = stoploss_from_absolute(
            price, current_rate, is_short=trade.is_short, leverage=trade.leverage
        )
        return max(float(distance), _PASSED)

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
        filled = trade.date_entry_fill_utc or trade.open_date_utc
        end = time_out_at(filled, self._settings, self._candle_seconds)
        return "time_out" if current_time.astimezone(UTC) >= end else None

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

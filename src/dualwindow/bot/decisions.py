"""Decisions of a strategy: warnings, refusals, and the record of a backtest that traded them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.decision_rule import DecisionRule, usable
from dualwindow.confidence.measure import quantile_noun
from dualwindow.confidence.prediction_frame import quantile_levels
from dualwindow.data.candles.table_files import FEATHER
from dualwindow.data.candles.timerange import DateRange
from dualwindow.models.fingerprint import CONFIDENCE_SETTINGS
from dualwindow.models.identifier.saved_predictions import Extent
from dualwindow.models.identifier.traded import Traded
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import ON_EVIDENCE, ROOT_KEY, RootSettings

logger = logging.getLogger(__name__)

#: Settings that decide a side by its quantile level.
_BY_QUANTILE: Final = "a share (confidence_mode 'coverage', or hyperopt's coverage_short or _long)"
#: The strategy whose trades a report makes again, and the methods that they depend on.
_OURS: Final = "DualWindowStrategy"
_OF_TRADES: Final = (
    "populate_entry_trend",
    "populate_exit_trend",
    "confirm_trade_entry",
    "confirm_trade_exit",
    "custom_entry_price",
    "custom_exit_price",
    "custom_roi",
    "custom_stoploss",
    "custom_exit",
    "adjust_trade_position",
    "leverage",
)
#: They decide what `dualwindow train` trains on, and no backtest.
_DATES_OF_TRAINING: Final = ("train_days", "train_from", "train_to", "tail_fraction")


def warn_of_silent_sides(
    rule: DecisionRule,
    frame: pd.DataFrame,
    decisions: NDArray[np.integer],
    sides: Iterable[int],
    pair: str,
) -> None:
    """Log a warning for every traded side without a decision in a backtest.

    `frame` holds N predictions of the pair, `decisions` (N,) the class codes of the rule.
    """
    rows = usable(frame)
    for code in sides:
        if not rows.any() or (decisions == code).any():
            continue
        if code in rule.shares:
            noun = quantile_noun(rule.measure)
            level, needed = quantile_levels(frame, code)[rows].max(), least_level(rule.shares[code])
            highest = f"the highest {noun} is {level:.4f} of {needed:.4f}"
            way_out = "let a larger share through (confidence_coverage)"
        else:
            highest = (
                f"the highest probability is {rule.probabilities(frame)[rows, code].max():.2f}"
            )
            way_out = "lower its threshold"
        logger.warning(
            "%s: no %s signal in %s, %s: %s or choose another confidence_mode",
            pair,
            CLASS_NAMES[code],
            counted(int(rows.sum()), "predicted candle"),
            highest,
            way_out,
        )


class EarlierModels:
    """Predictions of earlier versions, which lack quantiles or calibration for a rule.

    A backtest refuses them; a running bot logs one warning a pair, and trades nothing until the
    pair has a new model.
    """

    def __init__(self) -> None:
        self._waiting: set[tuple[str, str]] = set()

    def look_for(self, rule: DecisionRule, frame: pd.DataFrame, pair: str, *, live: bool) -> None:
        """Check a pair's predictions before a rule decides; live, only the newest candle matters.

        Raises:
            OperationalException: in a backtest, with the way out.
        """
        for setting, noun, lacking in (
            (_BY_QUANTILE, "quantiles", rule.without_level(frame)),
            (f"calibration {rule.calibration!r}", "calibration", rule.uncalibrated(frame)),
        ):
            if live:
                self._warn(setting, noun, bool(lacking[-1:].any()), pair)
            elif lacking.any():
                raise OperationalException(
                    f"{pair}: {setting} needs {noun}, and "
                    f"{counted(int(lacking.sum()), 'prediction has', 'predictions have')} none, "
                    "made by an earlier version; delete backtesting_predictions in the folder of "
                    "freqai.identifier to predict again. Models of that version have none either: "
                    "if this comes again, set another identifier to train again"
                )

    def _warn(self, setting: str, noun: str, lacks: bool, pair: str) -> None:
        if not lacks:
            self._waiting.discard((pair, noun))
        elif (pair, noun) not in self._waiting:
            self._waiting.add((pair, noun))
            logger.warning(
                "%s: the model is of an earlier version and has no %s for %s: nothing is entered "
                "until its next training",
                pair,
                noun,
                setting,
            )


def traded_by(
    strategy: IStrategy, config: Mapping[str, Any], settings: TrainingConfig, dk: FreqaiDataKitchen
) -> Traded:
    """The record of a backtest: everything that its trades depend on beside the predictions.

    Args:
        strategy: that trades; another one than ours decides by the settings as far as is known.
        config: freqtrade's configuration.
        settings: of the model.
        dk: FreqAI's division of the time range into slices.
    """
    pairs = tuple(strategy.dp.current_whitelist())
    dates = TimeRange.parse_timerange(config["timerange"])
    parameters = {name: settings.to_dict()[name] for name in CONFIDENCE_SETTINGS}
    configuration: dict[str, Any] = {
        "fee": _fee(strategy, config, pairs),
        ROOT_KEY: RootSettings.from_config(config).model_dump(exclude=set(_DATES_OF_TRAINING)),
        "freqai": {"model_training_parameters": parameters},
    }
    candles = Path(config["datadir"]).resolve()
    usual = Path(config["user_data_dir"], "data", config["exchange"]["name"]).resolve()
    if candles != usual:
        configuration["datadir"] = str(candles)
    if (data_format := config.get("dataformat_ohlcv", FEATHER)) != FEATHER:
        configuration["dataformat_ohlcv"] = data_format
    rule = getattr(strategy, "decision_rule", None)
    overrides = [name for name in _OF_TRADES if _is_own(type(strategy), name)]
    if RootSettings.from_config(config).trade_only_on_evidence:
        # A report, which keeps no record, makes the trades that a backtest then leaves out.
        overrides.append(ON_EVIDENCE)
    return Traded(
        when=int(time.time()),
        strategy=type(strategy).__name__,
        rule=rule if isinstance(rule, DecisionRule) else DecisionRule.from_settings(settings),
        can_short=bool(strategy.can_short),
        overrides=tuple(overrides),
        extent=Extent(
            pairs,
            frozenset(int(trained.stopts) for trained in dk.training_timeranges),
            DateRange(dates.startts or None, dates.stopts or None),
        ),
        configuration=configuration,
    )


def _is_own(strategy: type[IStrategy], name: str) -> bool:
    """Whether a method is neither freqtrade's nor ours."""
    owner = getattr(getattr(strategy, name), "__qualname__", "").rpartition(".")[0]
    return owner not in ("IStrategy", _OURS)


def _fee(strategy: IStrategy, config: Mapping[str, Any], pairs: tuple[str, ...]) -> float | None:
    """The fee of one side that freqtrade's backtest takes; None where no market is known."""
    if config.get("fee") is not None or not pairs:
        return config.get("fee")
    market = strategy.dp.market(pairs[0]) or {}
    fees = [market.get(kind) for kind in ("taker", "maker")]
    return max((fee for fee in fees if fee is not None), default=None)

"""Settings by which a backtest's predictions are evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.table_files import FEATHER
from dualwindow.errors import ModelFileError
from dualwindow.models.fingerprint import BINDING_NAME, CONFIDENCE_SETTINGS, read_binding
from dualwindow.models.identifier.saved_predictions import ALL, Extent
from dualwindow.models.identifier.traded import Traded
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import RootSettings
from dualwindow.settings.timeframes import timeframe_seconds


@dataclass(frozen=True)
class WalkSettings:
    """Settings of a backtest's folder and of the configuration.

    Attributes:
        config: windows and labels of the folder's models, confidence of the configuration.
        rule: that decides.
        extent: the predictions that are evaluated.
        root: whether funding counts.
        terms: of the trades.
        exchange: name of its folder of candles.
        trading_mode: spot or futures.
        timeframe: of the candles.
        pairs: base coin to pair.
        data_format: of the candles' files, freqtrade's `dataformat_ohlcv`.
        warm_up_seconds: how far back the longest average reaches.
    """

    config: TrainingConfig
    rule: DecisionRule
    extent: Extent
    root: RootSettings
    terms: TradeTerms
    exchange: str
    trading_mode: str
    timeframe: str
    pairs: dict[str, str]
    data_format: str = FEATHER
    warm_up_seconds: int = 0

    @classmethod
    def from_config(
        cls, folder: Path, content: Mapping[str, Any], traded: Traded | None = None
    ) -> Self:
        """Read them.

        Args:
            folder: `user_data/models/<identifier>`.
            content: freqtrade's configuration; empty without one.
            traded: the backtest whose predictions and rule are meant; None: all predictions, and
                the rule of the configuration.

        Raises:
            ModelFileError: when the folder's file of the models' settings cannot be read.
            SettingsError: when the configuration holds a bad value.
        """
        path, bound = folder / BINDING_NAME, read_binding(folder)
        if bound is None:
            raise ModelFileError(
                f"{path} is missing or damaged; it holds the labels that the predictions were "
                "made with, run the backtest again"
            )
        settings: dict[str, Any] = bound["settings"]
        exchange, mode, timeframe = (
            str(settings[name]) for name in ("exchange", "trading_mode", "timeframe")
        )
        periods = settings.get("feature_parameters.indicator_periods_candles") or [0]
        warm_up = max(map(int, periods)) * timeframe_seconds(timeframe)
        pairs = {str(base): str(pair) for base, pair in bound["pairs"].items()}
        # A pretrained model that is used as it is needs no epoch, and no training follows here.
        fields = TrainingConfig.model_fields.keys() - {"pretrained", "epochs"}
        own = {name: value for name, value in settings.items() if name in fields}
        asked = (content.get("freqai") or {}).get("model_training_parameters") or {}
        calibrated = {name: asked[name] for name in CONFIDENCE_SETTINGS if name in asked}
        root, extent = RootSettings.from_config(content), traded.extent if traded else ALL
        config = TrainingConfig.from_parameters({**own, **calibrated})
        terms = trade_terms(root, content, mode)
        if traded is not None:
            terms = replace(terms, can_short=terms.can_short and traded.can_short)
        return cls(
            config=config,
            rule=traded.rule if traded else DecisionRule.from_settings(config),
            extent=extent,
            root=root,
            terms=terms,
            exchange=exchange,
            trading_mode=mode,
            timeframe=timeframe,
            pairs={base: pair for base, pair in pairs.items() if extent.has_base(base)},
            data_format=content.get("dataformat_ohlcv", FEATHER),
            warm_up_seconds=warm_up,
        )

    @property
    def candle_seconds(self) -> int:
        """Seconds between two candles."""
        return timeframe_seconds(self.timeframe)

"""Which track record a strategy keeps: a running bot's, a backtest's, or none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.backtest.terms import trade_terms
from dualwindow.bot.backtests.evidence import BacktestTrack, ShownTrack
from dualwindow.bot.config_checks import is_live, refusing
from dualwindow.bot.drawer_files import model_folder
from dualwindow.bot.live.track_record import LiveTrack
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import RootSettings
from dualwindow.track.periods import Scoring
from dualwindow.track.record_file import RECORD_NAME

logger = logging.getLogger(__name__)

#: Runs that show what a backtest decided.
_CHARTS: Final = (RunMode.WEBSERVER, RunMode.PLOT)


class Track(Protocol):
    """A track record as a strategy sees it."""

    def note(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Take notice of N candles of a pair with their predictions."""

    def blocked(
        self, frame: pd.DataFrame, pair: str, sides: NDArray[np.integer], strategy: IStrategy
    ) -> NDArray[np.bool_]:
        """(N,) where `trade_only_on_evidence` lets nothing in, by (N,) decisions."""


class NoTrack:
    """Keeps nothing and lets everything in."""

    def note(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Nothing."""

    def blocked(
        self, frame: pd.DataFrame, _pair: str, _sides: NDArray[np.integer], _strategy: IStrategy
    ) -> NDArray[np.bool_]:
        """(N,) false."""
        return np.zeros(len(frame), dtype=np.bool_)


def track_of(config: Mapping[str, Any], settings: TrainingConfig, timeframe: str) -> Track:
    """The track record of a strategy; a bot keeps one always, a backtest where it decides."""
    with refusing():
        root = RootSettings.from_config(config)
        mode = config.get("trading_mode", "spot")
        terms = trade_terms(root, config, mode)
    demand = root.trade_only_on_evidence
    seconds = timeframe_to_seconds(config.get("timeframe", timeframe))
    scoring = Scoring(settings, terms.fee + terms.slippage, seconds, terms.can_short)
    if is_live(config):
        return LiveTrack(config, scoring, demand)
    if demand and config.get("runmode") == RunMode.BACKTEST:
        own = config.get("freqai_backtest_live_models", False)
        return BacktestTrack(scoring, demand, model_folder(config) / RECORD_NAME if own else None)
    if demand and config.get("runmode") in _CHARTS:
        return ShownTrack(model_folder(config))
    if demand and config.get("runmode") == RunMode.HYPEROPT:
        logger.info(
            "hyperopt enters without regard to trade_only_on_evidence, whose record would be "
            "another one for every threshold; a backtest of the result honours it"
        )
    return NoTrack()

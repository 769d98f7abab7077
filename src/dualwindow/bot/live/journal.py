"""A running bot's journal of its candles; a write that fails never keeps it from trading."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from freqtrade.strategy.interface import IStrategy

from dualwindow.columns import CANDLE_COLUMNS, CLASS_NAMES, CONFIDENCE_COLUMNS, LONG, SHORT
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.evaluation.evidence.drift import FeatureSpread
from dualwindow.models.identifier.journal import Awaited, JournalRow, JournalWriter, TriedEntry
from dualwindow.models.identifier.rules import rule_to_dict
from dualwindow.models.model_files import read_spread
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import ON_EVIDENCE, ROOT_KEY, RootSettings

logger = logging.getLogger(__name__)

#: Models whose training is remembered.
_SPREADS: Final = 200
#: Seconds between two warnings that nothing can be written.
_QUIET: Final = 3600.0
#: Parts of freqtrade's configuration that trades depend on, and that hold no secret.
_OF_TRADES: Final = (
    "max_open_trades",
    "stake_amount",
    "stake_currency",
    "tradable_balance_ratio",
    "available_capital",
    "dry_run",
    "dry_run_wallet",
    "amend_last_stake_amount",
    "last_stake_amount_min_ratio",
    "unfilledtimeout",
    "entry_pricing",
    "exit_pricing",
    "order_types",
)


@dataclass(frozen=True)
class Met:
    """How a candle was met.

    Attributes:
        first: whether it was the pair's first after a start.
        awaited: candles that were waited for.
        arrived: whether one of them had just arrived.
        model: end of the training of the model that predicted; 0: none did.
    """

    first: bool
    awaited: Awaited = field(default_factory=dict)
    arrived: bool = False
    model: int = 0


class BotJournal:
    """The journal of one start.

    Args:
        folder: `user_data/models/<identifier>`.
        config: freqtrade's configuration.
        settings: of the models.
        candle_seconds: between two candles.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        settings: TrainingConfig,
        candle_seconds: int,
    ) -> None:
        self._folder, self._config, self._settings = folder, config, settings
        self._candle_seconds = candle_seconds
        self._writer: JournalWriter | None = None
        self._warned = -_QUIET
        #: Date of the last candle that could not be written.
        self._failed = -1
        self._spreads: dict[Path, FeatureSpread | None] = {}
        self._bins: bytes | None = None

    def see(self, folder: Path, candles: CandleArrays) -> None:
        """Take the features of the newest candle, which the model in a folder predicts."""
        if folder not in self._spreads:
            # A pair has one model at a time; more are kept than a bot has pairs.
            if len(self._spreads) >= _SPREADS:
                self._spreads.clear()
            self._spreads[folder] = read_spread(folder)
        spread = self._spreads[folder]
        if spread is not None and spread.names == candles.names and len(candles):
            self._bins = spread.bins(candles.features[-1])

    def note(self, pair: str, result: pd.DataFrame, met: Met, strategy: IStrategy) -> None:
        """Note the newest candle of a pair, with what the strategy gets of it."""
        if not len(result):
            return
        newest = result.iloc[-1:]
        row = JournalRow(
            second=int(utc_seconds(newest["date"])[0]),
            decided=time.time(),
            model=met.model,
            do_predict=int(newest["do_predict"].iloc[0]),
            first=met.first,
            arrived=met.arrived,
            awaited=met.awaited,
            candle=_numbers(newest, CANDLE_COLUMNS[1:]),
            predicted=_numbers(newest, (*CLASS_NAMES, *CONFIDENCE_COLUMNS)),
            bins=self._bins if met.model else None,
        )
        # Where the file is locked, a bot waits once a candle, and not once for each pair.
        if row.second <= self._failed:
            return
        try:
            if self._writer is None:
                content = self._session(strategy)
                self._writer = JournalWriter(self._folder, content, time.time())
            self._writer.note(pair, row, self._candle_seconds)
        except (sqlite3.Error, OSError) as error:
            self._failed = row.second
            self._warn(error)

    def note_entry(self, pair: str, second: int, *, is_short: bool, rate: float) -> None:
        """Note that an entry on the candle of a date, seconds since 1970, has begun."""
        if self._writer is None:
            return
        try:
            side = SHORT if is_short else LONG
            self._writer.note_entry(pair, TriedEntry(second, side, rate, time.time()))
        except (sqlite3.Error, OSError) as error:
            self._warn(error)

    def _session(self, strategy: IStrategy) -> dict[str, Any]:
        """The configuration that the trades of this start depend on."""
        rule = getattr(strategy, "decision_rule", None)
        if not isinstance(rule, DecisionRule):
            rule = DecisionRule.from_settings(self._settings)
        root = RootSettings.from_config(self._config)
        return {
            "strategy": type(strategy).__name__,
            "rule": rule_to_dict(rule),
            "can_short": bool(strategy.can_short),
            "freqai": {
                name: self._config["freqai"].get(name)
                for name in ("expiration_hours", "live_retrain_hours")
            },
            ROOT_KEY: {
                "leverage": root.leverage,
                ON_EVIDENCE: root.trade_only_on_evidence,
            },
            **{name: self._config[name] for name in _OF_TRADES if name in self._config},
        }

    def _warn(self, error: Exception) -> None:
        """Warn that `why` and `audit` will know less; the next candle is the next attempt."""
        if time.monotonic() - self._warned >= _QUIET:
            self._warned = time.monotonic()
            logger.warning(
                "the journal of decisions in %s cannot be written (%s): the bot goes on, but "
                "`dualwindow why` and `dualwindow audit` will know less",
                self._folder,
                error,
            )


def _numbers(row: pd.DataFrame, names: tuple[str, ...]) -> tuple[float, ...]:
    """Values of one row; 0 where a column is not there or empty."""
    values = [pd.to_numeric(row[name]).iloc[0] if name in row else 0.0 for name in names]
    return tuple(np.nan_to_num(np.array(values, dtype=np.float64), nan=0.0).tolist())

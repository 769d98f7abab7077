"""Predictions of models that lack what the settings need, because an earlier version made them."""

from __future__ import annotations

import logging
from typing import Final

import pandas as pd
from freqtrade.exceptions import OperationalException

from dualwindow.bot.decisions import DecisionRule

logger = logging.getLogger(__name__)

#: What makes a side go by its rank; the log's line on thresholds says which.
_BY_RANK: Final = "a share (confidence_mode 'coverage', or hyperopt's coverage_short or _long)"


class EarlierModels:
    """Refuses such predictions in a backtest, and warns once a pair in a running bot."""

    def __init__(self) -> None:
        self._waiting: set[tuple[str, str]] = set()

    def look_for(self, rule: DecisionRule, frame: pd.DataFrame, pair: str, *, live: bool) -> None:
        """Look through what is to be decided.

        Args:
            rule: that decides.
            frame: predictions of a pair.
            pair: its name.
            live: whether this is a running bot, in which only the newest candle matters.

        Raises:
            OperationalException: in a backtest, with the way out.
        """
        for setting, noun, lacking in (
            (_BY_RANK, "ranks", rule.unranked(frame)),
            (f"calibration {rule.calibration!r}", "calibration", rule.uncalibrated(frame)),
        ):
            if live:
                self._warn(setting, noun, bool(lacking[-1:].any()), pair)
            elif lacking.any():
                raise OperationalException(
                    f"{pair}: {setting} needs {noun}, and {lacking.sum()} predictions of an "
                    "earlier version have none; delete backtesting_predictions in the folder of "
                    "freqai.identifier to predict anew. Models of that version have none either: "
                    "if this comes again, set another identifier to train anew"
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

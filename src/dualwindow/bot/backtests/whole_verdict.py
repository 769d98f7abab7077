"""The verdict with which a backtest ends: on all its trainings and pairs together."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from dualwindow.backtest.figures import verdict_sentence
from dualwindow.errors import DualWindowError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_sources import profits_of
from dualwindow.models.identifier.traded import read_traded
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)


class BacktestVerdict:
    """Logs it once the last pair of a backtest is decided, before freqtrade trades.

    freqtrade lets every pair be predicted before the first is decided.
    """

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._pairs = 0
        self._since = int(time.time())

    def predicted(self, pair: str) -> None:
        """A pair that is going to be decided."""
        self._waiting.add(pair)
        self._pairs = len(self._waiting)

    def decided(self, pair: str, folder: Path, datadir: Path) -> None:
        """Log the verdict if this was the last pair.

        It is that of `dualwindow evaluate` and of the report, on the same predictions. A backtest
        does not end because of what keeps it from being told.

        Args:
            pair: that is decided now.
            folder: `user_data/models/<identifier>`.
            datadir: of the exchange's candles.
        """
        if pair not in self._waiting:
            return
        self._waiting.remove(pair)
        traded = None if self._waiting else read_traded(folder)
        if traded is None or traded.when < self._since:
            # A bot's own predictions are in no file of a backtest's.
            return
        try:
            settings = WalkSettings.from_config(folder, traded.configuration, traded)
            figures = profits_of(folder, settings, datadir)
        except DualWindowError as error:
            logger.warning("the verdict of the whole backtest is not known: %s", error)
            return
        which = counted(self._pairs, "pair")
        if traded.overrides:
            which += f", without what {traded.strategy} decides in {', '.join(traded.overrides)}"
        logger.info("The whole backtest, %s: %s", which, verdict_sentence(figures))

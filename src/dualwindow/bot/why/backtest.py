"""The facts of a backtest's candles: from the folder of its identifier, candles and results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.bot.trades.account import Account
from dualwindow.bot.why.candles import Place, market_of
from dualwindow.bot.why.evidence import backtested_gate
from dualwindow.bot.why.facts import CandleFacts, MarketFacts, ModelFacts
from dualwindow.bot.why.market import PairMarket
from dualwindow.bot.why.predictions import SavedDecisions
from dualwindow.columns import HOLD
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.timerange import DateRange, utc_text
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_sources import saved_of
from dualwindow.models.identifier.made_from import MadeFrom, series_name
from dualwindow.models.identifier.records import Records
from dualwindow.models.identifier.saved_predictions import read_saved
from dualwindow.models.identifier.traded import GateSpan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Slices:
    """A pair's saved predictions: rows in time order, and where each comes from.

    Attributes:
        frame: N rows.
        trained_until: (N,) end of the training of the row's model, seconds since 1970.
        loaded_from: (N,) date of the first candle that its features were made of; -1: not known.
    """

    frame: pd.DataFrame
    trained_until: NDArray[np.int64]
    loaded_from: NDArray[np.int64]


class BacktestFacts:
    """Everything that a backtest left of one pair, to be asked about candle by candle.

    Args:
        place: its folder, with the rule that traded.
        pair: as freqtrade names it.
        account: what its result holds; None without one.
        no_account: words on why there is none.
        gate: of `trade_only_on_evidence`; None where the backtest did not regard it.

    Raises:
        DataError: when the folder holds no prediction of the pair that can be read.
    """

    def __init__(
        self,
        place: Place,
        pair: str,
        account: Account | None,
        no_account: str = "",
        gate: Sequence[GateSpan] | None = None,
    ) -> None:
        self.pair, self._place = pair, place
        self._step = place.candle_seconds
        self._can_short = place.settings.terms.can_short
        self._account, self._no_account, self._gate = account, no_account, gate
        slices = _read_slices(place, pair)
        self._saved = SavedDecisions(slices.frame, place.settings.rule)
        self._trained, self._loaded = slices.trained_until, slices.loaded_from
        known = self._loaded[self._loaded >= 0]
        first = int(known.min()) if len(known) else None
        within = DateRange(first, int(self._saved.seconds[-1]) + self._step)
        self._market = market_of(place, pair, within)

    @cached_property
    def _whole_market(self) -> PairMarket:
        """All candles of the files, of which the backtest loaded a part."""
        return market_of(self._place, self.pair)

    def _market_at(self, second: int, row: int | None) -> MarketFacts:
        if row is None and not self._saved.seconds[0] <= second <= self._saved.seconds[-1]:
            return self._whole_market.at(second)
        return self._market.at(second, self._loaded_from(row))

    @property
    def seconds(self) -> NDArray[np.int64]:
        """(N,) dates of the candles between the first and the last that were predicted."""
        first, last = int(self._saved.seconds[0]), int(self._saved.seconds[-1])
        return np.arange(first, last + self._step, self._step, dtype=np.int64)

    def at(self, second: int) -> CandleFacts:
        """The facts of the candle of a date, seconds since 1970."""
        row = self._saved.row(second)
        prediction = None if row is None else self._saved.at(row)
        side = None
        if prediction is not None and prediction.usable and prediction.decision != HOLD:
            side = prediction.decision
        account = self._account
        return CandleFacts(
            pair=self.pair,
            second=second,
            candle_seconds=self._step,
            market=self._market_at(second, row),
            model=self._model(row),
            prediction=prediction,
            evidence=backtested_gate(self._gate, second),
            can_short=self._can_short,
            trading=None if account is None else account.at(self.pair, second, side),
            no_trading=self._no_account,
        )

    def _loaded_from(self, row: int | None) -> int | None:
        if row is None or self._loaded[row] < 0:
            return None
        return int(self._loaded[row])

    def _model(self, row: int | None) -> ModelFacts:
        if row is not None:
            return ModelFacts(trained_until=int(self._trained[row]))
        first, last = (utc_text(int(self._saved.seconds[at])) for at in (0, -1))
        return ModelFacts(
            none_because=f"no model of the backtest predicted it; its predictions go from {first} "
            f"to {last}"
        )


def _read_slices(place: Place, pair: str) -> _Slices:
    """The saved predictions of a pair; where models overlap, the newer one counts."""
    folder, settings = place.folder, place.settings
    records = Records(folder)
    base = next(base for base, named in settings.pairs.items() if named == pair)
    frames, trained, loaded = [], [], []
    for saved in saved_of(folder, base, settings.extent):
        try:
            frame = read_saved(saved.path)
            _, record = records.read(saved.path)
            frame = frame[settings.extent.rows(utc_seconds(frame["date"]))]
        except (ModelFileError, KeyError, ValueError) as error:
            logger.warning("%s is left out of the evaluation: %s", saved.path, error)
            continue
        made = None if record is None else record.made_from
        frames.append(frame)
        trained.append(np.full(len(frame), saved.trained_until, np.int64))
        loaded.append(np.full(len(frame), _begin(made, pair, settings), np.int64))
    if not sum(map(len, frames)):
        raise DataError(
            f"{folder} holds no predictions of {pair} that can be read; run the backtest again, or "
            "name the folder of another freqai.identifier"
        )
    whole = pd.concat(frames, ignore_index=True)
    rows = whole.assign(_row=np.arange(len(whole))).drop_duplicates("date", keep="last")
    order = rows.sort_values("date")["_row"].to_numpy()
    return _Slices(whole.iloc[order], np.concatenate(trained)[order], np.concatenate(loaded)[order])


def _begin(made: MadeFrom | None, pair: str, settings: WalkSettings) -> int:
    begin = None if made is None else made.begin(series_name(pair, settings.timeframe))
    return -1 if begin is None else begin

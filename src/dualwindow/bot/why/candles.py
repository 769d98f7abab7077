"""Finds a pair's candles, and those of the pairs and timeframes that its features come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from dualwindow.bot.why.market import OtherSeries, PairMarket, RawCandles, WindowNeeds
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.timerange import EVERYTHING, DateRange
from dualwindow.data.features.other_candles import OtherCandles, RowGrid
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.models.fingerprint import BINDING_NAME, read_binding
from dualwindow.models.identifier.made_from import series_name
from dualwindow.settings.timeframes import timeframe_seconds

_FEATURES: Final = "feature_parameters"


@dataclass(frozen=True)
class Place:
    """A folder of an identifier, and where the candles beside it lie.

    Attributes:
        folder: `user_data/models/<identifier>`.
        settings: of its models, with the rule that decides.
        datadir: of the exchange's candles.
    """

    folder: Path
    settings: WalkSettings
    datadir: Path

    @property
    def candle_seconds(self) -> int:
        """Seconds between two candles."""
        return self.settings.candle_seconds

    def read(self, pair: str, timeframe: str, within: DateRange = EVERYTHING) -> RawCandles | None:
        """Candles of a pair and timeframe; None where there are none that can be read."""
        settings = self.settings
        try:
            (source,) = find_sources(
                [pair],
                self.datadir,
                trading_mode=settings.trading_mode,
                exchange=settings.exchange,
                timeframe=timeframe,
                timerange=within,
                data_format=settings.data_format,
            )
            return RawCandles.read(source, timeframe_seconds(timeframe))
        except DataError:
            return None


def bound_settings(folder: Path) -> Mapping[str, Any]:
    """Settings that the models of `user_data/models/<identifier>` depend on, flat.

    Raises:
        ModelFileError: when the file of them cannot be read.
    """
    bound = read_binding(folder)
    if bound is None:
        raise ModelFileError(
            f"{folder / BINDING_NAME} is missing or damaged; it holds the settings of the models: "
            "run the backtest or the bot again"
        )
    settings: dict[str, Any] = bound["settings"]
    return settings


def needs_of(place: Place) -> WindowNeeds:
    """The candles that a window of the folder's models needs."""
    config = place.settings.config
    periods = bound_settings(place.folder).get(f"{_FEATURES}.indicator_periods_candles") or ()
    return WindowNeeds(
        window_size=config.window_size,
        max_flat_candles=config.max_flat_candles,
        candle_seconds=place.candle_seconds,
        periods=tuple(map(int, periods)),
        feature_set=config.feature_set,
    )


def market_of(place: Place, pair: str, within: DateRange = EVERYTHING) -> PairMarket:
    """A pair's candles with those of the pairs and timeframes that its features come from."""
    needs, bound = needs_of(place), bound_settings(place.folder)
    grid = RowGrid(needs.candle_seconds, needs.window_size, needs.max_flat_candles)
    own = place.settings.timeframe
    pairs = [pair, *(bound.get(f"{_FEATURES}.include_corr_pairlist") or ())]
    timeframes = [own, *(bound.get(f"{_FEATURES}.include_timeframes") or ())]
    others = []
    for name, timeframe in product(dict.fromkeys(pairs), dict.fromkeys(timeframes)):
        if (name, timeframe) == (pair, own):
            continue
        raw, seconds = place.read(name, timeframe, within), timeframe_seconds(timeframe)
        joined = None
        if raw is not None:
            joined = OtherCandles.from_frame(raw.frame, name, timeframe, seconds, grid)
        others.append(OtherSeries(series_name(name, timeframe), name != pair, joined, raw))
    return PairMarket(place.read(pair, own, within), needs, others)

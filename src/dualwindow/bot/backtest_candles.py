"""Whether a backtest has the candles that it needs, before its first training.

freqtrade leaves out a pair without candles, and FreqAI finds out that a slice has none, or too few
to train on, after it has trained all pairs before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from freqtrade.configuration import TimeRange
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, RunMode, TradingMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.backtests.sound_files import SoundFiles
from dualwindow.bot.backtests.spans import Span
from dualwindow.bot.config_checks import named_pairs, refusing
from dualwindow.columns import candles_looked_at
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.split import fewest_candles
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.pairs import matches, shared_bases, shared_models
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

logger = logging.getLogger(__name__)

_LEAVING_OUT: Final = f"{ROOT_KEY}.leave_out_untrainable_pairs"
#: The last one is that of freqtrade's look-ahead and recursive analysis.
_CHECKED: Final = (RunMode.BACKTEST, RunMode.HYPEROPT, RunMode.UTIL_NO_EXCHANGE)


class UntrainablePairError(OperationalException):
    """A pair of a backtest cannot be trained or predicted, whatever the settings of the others."""


class BacktestCandles:
    """The candles of a backtest, a search or an analysis; other run modes are not checked.

    Args:
        config: freqtrade's.
        training: the model's settings.
        periods: of the moving averages (candles).
    """

    def __init__(
        self, config: Mapping[str, Any], training: TrainingConfig, periods: Sequence[int]
    ) -> None:
        features = config["freqai"]["feature_parameters"]
        mode = TradingMode(config.get("trading_mode", "spot"))
        self._config = config
        self._training = training
        self._warm_up = max(*periods, candles_looked_at(training.feature_set))
        self._timeframes = list(
            dict.fromkeys([config["timeframe"], *features["include_timeframes"]])
        )
        self._correlated: list[str] = features.get("include_corr_pairlist", [])
        self._datadir = Path(config["datadir"])
        self._type = CandleType.SPOT if mode == TradingMode.SPOT else CandleType.FUTURES
        self._handler = get_datahandler(self._datadir, config.get("dataformat_ohlcv", "feather"))
        self._sound = SoundFiles(config, training, self._timeframes)
        #: Whether an untrainable pair is left out, instead of ending the run.
        self.leaves_out = RootSettings.from_config(config).leave_out_untrainable_pairs
        self._is_checked = config.get("runmode") in _CHECKED
        #: The pairs of this run; empty until `require_range`.
        self.whitelist: tuple[str, ...] = ()
        #: Pairs without predictions in this run, with the reason.
        self.left_out: dict[str, str] = {}

    def require_readable(self) -> None:
        """Refuse a named pair with a damaged file; before freqtrade loads it, as one without data.

        Raises:
            OperationalException: naming the file and the cause.
        """
        sound = SoundFiles(self._config, self._training, self._timeframes)
        for pair in self._named if self._is_checked and not self.leaves_out else ():
            with refusing():
                sound.require(pair, traded=False)

    def require_files(self) -> None:
        """Refuse a pair that the configuration names and whose candles are missing or damaged.

        Raises:
            OperationalException: naming pairs, timeframes, folder and the command that downloads
                them; or the file and the cause.
        """
        if not self._is_checked:
            return
        missing = self._missing([*([] if self.leaves_out else self._named), *self._correlated])
        if missing:
            raise OperationalException(self._files_are_missing(missing))
        for pair in self._correlated:
            self._require_sound(pair)
        if not self.leaves_out:
            for pair in self._named:
                self._require_sound(pair)

    def require_range(self, strategy: IStrategy) -> None:
        """Refuse pairs whose candles do not reach over the time range, or leave them out.

        Looked at once: what patterns and dynamic pairlists stand for is known when the first pair
        is predicted. Of those pairs, freqtrade itself leaves out the ones without a file.

        Raises:
            OperationalException: naming every such pair with its dates, and the ways out.
        """
        if not self._is_checked or self.whitelist:
            return
        self.whitelist = tuple(strategy.dp.current_whitelist())
        for one, other in shared_bases(self.whitelist):
            raise OperationalException(
                f"the whitelist holds {one} and {other}: {shared_models(one)}"
            )
        if self._config.get("freqai_backtest_live_models", False):
            return
        base = self._config["timeframe"]
        wanted = [
            pair
            for pair in self.whitelist
            if pair in self._named or self._path(pair, base).is_file()
        ]
        for pair in wanted:
            self._require_sound(pair)
        rest = [pair for pair in wanted if pair not in self.left_out]
        bad = {pair: problem for pair in rest for problem in self._problems(pair)}
        correlated = [
            f"{pair} of include_corr_pairlist: {problem}"
            for pair in self._correlated
            for problem in self._problems(pair)
        ]
        if correlated or (bad and not self.leaves_out):
            named = [f"{pair}: {problem}" for pair, problem in bad.items()]
            raise OperationalException(self._range_is_not_covered([*correlated, *named]))
        for pair, problem in bad.items():
            self.leave_out(pair, problem)
        self._warn_of_early_ends(rest)

    def leave_out(self, pair: str, reason: str) -> None:
        """Leave a pair out of this run, with one warning.

        Raises:
            UntrainablePairError: when that is not wanted, or no pair would be left.
        """
        if not self.leaves_out:
            raise UntrainablePairError(f"{pair}: {reason}; {_way_out()}")
        self.left_out[pair] = reason
        logger.warning("%s is left out, it is neither trained nor traded: %s", pair, reason)
        if self.whitelist and not set(self.whitelist) - self.left_out.keys():
            raise UntrainablePairError(
                f"no pair is left to backtest; the last one was {pair}: {reason}"
            )

    def _require_sound(self, pair: str) -> None:
        """Refuse a pair whose candles cannot be traded, or leave it out."""
        try:
            self._sound.require(pair, traded=pair not in self._correlated or pair in self._named)
        except DataError as error:
            if pair in self._correlated or not self.leaves_out:
                raise OperationalException(str(error)) from error
            self.leave_out(pair, str(error))

    @cached_property
    def _named(self) -> list[str]:
        """The pairs that the whitelist names; one that only matches others is their pattern."""
        there = [pair for pair, _, _ in self._available]
        return [
            pair
            for pair in named_pairs(self._config)
            if not self._missing([pair])
            or not any(matches(pair, other) for other in there if other != pair)
        ]

    @cached_property
    def _available(self) -> list[tuple[str, str, CandleType]]:
        mode = TradingMode(self._config.get("trading_mode", "spot"))
        return list(self._handler.ohlcv_get_available_data(self._datadir, mode))

    def _missing(self, pairs: Sequence[str]) -> list[tuple[str, str]]:
        # By their files, because a file's name does not hold every character of a pair.
        return [
            (pair, timeframe)
            for pair in dict.fromkeys(pairs)
            for timeframe in self._timeframes
            if not self._path(pair, timeframe).is_file()
        ]

    def _path(self, pair: str, timeframe: str) -> Path:
        name = partial(self._handler._pair_data_filename, self._datadir, pair, timeframe)
        path = Path(name(self._type))
        # Earlier versions of freqtrade wrote the timeframe of months otherwise.
        return path if path.is_file() else Path(name(self._type, no_timeframe_modify=True))

    def _problems(self, pair: str) -> Iterator[str]:
        """Sentences about a pair's candles that do not reach over the trainings and the slices."""
        for timeframe in self._timeframes:
            span = self._span(pair, timeframe)
            if span is None:
                yield f"there are no {timeframe} candles of it in {self._datadir}"
            else:
                yield from self._range_problems(span, timeframe)

    def _span(self, pair: str, timeframe: str) -> Span | None:
        first, last, count = self._handler.ohlcv_data_min_max(pair, timeframe, self._type)
        seconds = timeframe_to_seconds(timeframe)
        return Span(int(first.timestamp()), int(last.timestamp()), seconds) if count else None

    def _warn_of_early_ends(self, pairs: Sequence[str]) -> None:
        """Warn of pairs whose last slice is predicted in part only, one line for each."""
        stop = int(self._ranges[1][-1].stopts)
        for pair in dict.fromkeys([*pairs, *self._correlated]):
            spans = {timeframe: self._span(pair, timeframe) for timeframe in self._timeframes}
            ends = [
                f"its {timeframe} candles end at {utc_text(span.last)}"
                for timeframe, span in spans.items()
                if span is not None and span.ends_before(stop)
            ]
            if ends and pair not in self.left_out:
                logger.warning(
                    "%s: %s, before the time range does (%s): nothing is predicted or traded after "
                    "them%s",
                    pair,
                    ", ".join(ends),
                    utc_text(stop),
                    ", of any pair (include_corr_pairlist)" if pair in self._correlated else "",
                )

    def _range_problems(self, span: Span, timeframe: str) -> Iterator[str]:
        trainings, slices = self._ranges
        begins = f"its {timeframe} candles begin at {utc_text(span.first)}"
        ends = f"its {timeframe} candles end at {utc_text(span.last)}"
        for part in slices:
            if not span.within(part):
                where = begins if span.first >= part.stopts else ends
                yield f"{where}, and the backtest from {_dates(part)} needs some"
                return
        # A training looks at the slowest averages in the base timeframe alone.
        warm_up = self._warm_up if timeframe == self._config["timeframe"] else 0
        lost = self._training.window_size + self._training.future_window if warm_up else 0
        for part in trainings if self._training.epochs else trainings[:0]:
            most = (part.stopts - part.startts) // span.seconds - lost
            if span.within(part, warm_up) - lost < fewest_candles(most, span.seconds):
                since = utc_text(part.startts - warm_up * span.seconds)
                yield (
                    f"{begins}, and the training from {_dates(part)} needs them from {since} on; "
                    "download an earlier start"
                )
                return

    @cached_property
    def _ranges(self) -> tuple[list[TimeRange], list[TimeRange]]:
        """FreqAI's time ranges: of the trainings, and of the slices that they predict."""
        kitchen = FreqaiDataKitchen(dict(self._config), False, "")
        return kitchen.training_timeranges, kitchen.backtesting_timeranges

    def _files_are_missing(self, missing: Sequence[tuple[str, str]]) -> str:
        named = ", ".join(f"{pair} {timeframe}" for pair, timeframe in missing)
        only, timeframes = (" ".join(dict.fromkeys(names)) for names in zip(*missing, strict=True))
        return (
            f"there are no candles for {named} in {self._datadir}; download them with freqtrade "
            f"download-data --pairs {only} --timeframes {timeframes} --timerange ... or remove the "
            f"pair from exchange.pair_whitelist; {_way_out()}"
        )

    def _range_is_not_covered(self, problems: Sequence[str]) -> str:
        listing = "\n".join(f"  - {problem}" for problem in problems)
        return (
            f"the candles do not reach over the time range {self._config['timerange']}:\n{listing}"
            f"\ndownload the candles, choose another timerange, or remove the pair; {_way_out()}"
        )


def _way_out() -> str:
    return f"{_LEAVING_OUT} true leaves out a pair that cannot be trained, with a warning"


def _dates(part: TimeRange) -> str:
    return f"{utc_text(part.startts)} to {utc_text(part.stopts)}"

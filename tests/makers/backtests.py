"""FreqAI's backtests in one process: real hooks and files, candles from memory."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exchange import timeframe_to_seconds

from dualwindow.bot.live.evidence import track_of
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.markets import PRICES, START, random_candles

OTHER_PAIR = "ETH/USDT:USDT"
BASE = (PAIR, "1m")
IDENTIFIER = "bound"
DAY = pd.Timedelta(days=1)
#: Six hours a slice, a day and a half of training, averages of half an hour and four hours.
PERIODS = (30, 240)
SLICE = pd.Timedelta(hours=6)
TRAINING = DAY
QUICK: dict[str, Any] = {
    "epochs": 1,
    "lstm_units": [8],
    "dense_units": [4],
    "window_size": 60,
    "use_confidence_thresholding": False,
}
Frames = dict[tuple[str, str], pd.DataFrame]


class Provider:
    """freqtrade's data provider in a backtest."""

    runmode = RunMode.BACKTEST

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self._frames[pair, timeframe].copy()

    def current_whitelist(self) -> list[str]:
        return [PAIR]

    def market(self, _pair: str) -> dict[str, float]:
        return {"taker": 0.0005}


@dataclass(frozen=True)
class Done:
    """A finished backtest of one pair.

    Attributes:
        frame: what the strategy got.
        log: every message.
        trained: beginnings of the slices whose model was trained, hours after the first.
        predicted: the same of those that were predicted.
    """

    frame: pd.DataFrame
    log: list[str]
    trained: list[int]
    predicted: list[int]

    def lines(self, part: str) -> list[str]:
        """The messages that have this part."""
        return [line for line in self.log if part in line]

    def line(self, part: str) -> str:
        """The one message that has this part."""
        (line,) = self.lines(part)
        return line

    @property
    def reused(self) -> bool:
        return not self.trained and not self.predicted


class Backtests:
    """One identifier whose backtests may be run with other candles, ranges and commands."""

    def __init__(self, folder: Path, frames: Frames, **freqai: Any) -> None:
        self.folder = folder
        self.frames = frames
        self.freqai = freqai
        #: Settings of the training beside those of `QUICK`.
        self.parameters: dict[str, Any] = {}
        #: Settings of the root key `dualwindow`; with any the strategy decides as well.
        self.root: dict[str, Any] = {}

    @property
    def models(self) -> Path:
        return self.folder / "models" / IDENTIFIER

    @property
    def predictions(self) -> Path:
        return self.models / "backtesting_predictions"

    def sums(self) -> dict[str, str]:
        """SHA-256 of every model and saved prediction."""
        paths = [*self.predictions.glob("*"), *self.models.glob("sub-train-*/*_model.zip")]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def run(
        self,
        *,
        slices: float = 4,
        mode: RunMode = RunMode.BACKTEST,
        begin: pd.Timestamp | None = None,
        frames: Frames | None = None,
    ) -> Done:
        """Backtest a pair; other modes load nothing before the time range but one window.

        Args:
            slices: how many, from `begin` on.
            mode: of the command.
            begin: of the time range; two days after the candles' own begin unless given.
            frames: candles in place of those of the identifier.
        """
        begin = begin or begin_at(0)
        with messages() as log:
            return self._run(begin, begin + slices * SLICE, mode, frames or self.frames, log)

    def _run(
        self,
        begin: pd.Timestamp,
        end: pd.Timestamp,
        mode: RunMode,
        frames: Frames,
        log: list[str],
    ) -> Done:
        bot = self.bot(begin, end, mode)
        before = TRAINING + pd.Timedelta(minutes=max(PERIODS))
        if mode not in (RunMode.BACKTEST, RunMode.HYPEROPT):
            before = pd.Timedelta(minutes=60)
        loaded = {
            (pair, timeframe): part(frame, begin - before, end)
            for (pair, timeframe), frame in frames.items()
        }
        bot.strategy.dp = Provider(loaded)
        trained = noted(bot.model, "train")
        predicted = noted(bot.model, "predict")
        frame = bot.model.start(loaded[BASE].copy(), {"pair": PAIR}, bot.strategy)
        if self.root:
            bot.strategy._track.note(frame, PAIR, bot.strategy)
            tagged = frame.assign(enter_tag="")
            frame = bot.strategy.populate_entry_trend(tagged, {"pair": PAIR})
        return Done(frame, log, trained, predicted)

    def bot(self, begin: pd.Timestamp, end: pd.Timestamp, mode: RunMode = RunMode.BACKTEST) -> Bot:
        """Strategy and model for a time range."""
        timeframes = sorted({timeframe for _, timeframe in self.frames}, key=timeframe_to_seconds)
        others = sorted({pair for pair, _ in self.frames} - {PAIR})
        features = {"include_timeframes": timeframes, "include_corr_pairlist": others}

        def configure(config: dict[str, Any]) -> None:
            config["freqai"] |= {
                "identifier": IDENTIFIER,
                "train_period_days": 1,
                "backtest_period_days": 0.25,
                **self.freqai,
            }
            config["exchange"]["pair_whitelist"] = [PAIR]
            config["dualwindow"] |= self.root
            config["timerange"] = f"{int(begin.timestamp())}-{int(end.timestamp())}"

        parameters = QUICK | self.parameters
        bot = make_bot(self.folder, parameters, PERIODS, features=features, configure=configure)
        bot.config["runmode"] = mode
        bot.strategy._track = track_of(bot.config, bot.strategy._settings, bot.strategy.timeframe)
        return bot


def begin_at(hour: float) -> pd.Timestamp:
    """A moment, in hours after the first slice begins unless another time range is given."""
    return START + 2 * DAY + pd.Timedelta(minutes=round(60 * hour))


def at_hour(frames: Frames, series: tuple[str, str], hour: float, factor: float = 1.001) -> Frames:
    """Prices and volume of one candle multiplied, at hours after the first slice began."""
    frame = frames[series].copy()
    (row,) = frame.index[frame["date"] == begin_at(hour)]
    frame.loc[row, [*PRICES, "volume"]] *= factor
    return frames | {series: frame}


def noted(model: Any, name: str) -> list[int]:
    """Note the slice of every call of a method, in hours as in `begin_at`."""
    calls: list[int] = []
    method = getattr(model, name)

    def noting(*args: Any, **kwargs: Any) -> Any:
        # FreqAI names a model after the end of its training, where its slice begins.
        stamp = int(args[-1].data_path.name.rpartition("_")[2])
        calls.append((stamp - int(begin_at(0).timestamp())) // 3600)
        return method(*args, **kwargs)

    setattr(model, name, noting)
    return calls


@contextmanager
def messages() -> Iterator[list[str]]:
    """Every message that is logged in the block."""
    found: list[str] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield found
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def part(frame: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The candles of a stretch of time, as a candle file's reader hands them over."""
    rows = (frame["date"] >= begin) & (frame["date"] < end)
    return frame[rows].reset_index(drop=True)


def market(days: float = 4) -> Frames:
    """Candles of two pairs in two timeframes."""
    frames: Frames = {}
    for number, pair in enumerate((PAIR, OTHER_PAIR)):
        frames[pair, "1m"] = random_candles(int(days * 1440), seed=number)
        frames[pair, "5m"] = resampled(frames[pair, "1m"], 5)
    return frames


def resampled(candles: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """Candles of a longer timeframe."""
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    grouped = candles.resample(f"{minutes}min", on="date").agg(rules)
    return grouped.reset_index()

"""Track records of bots on synthetic candles, without freqtrade."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.settings import TrainingConfig
from dualwindow.track.entries import Claim, Decision
from dualwindow.track.periods import Scoring
from dualwindow.track.record import Settled, TrackRecord
from dualwindow.track.record_file import RECORD_NAME, RecordFile

#: Midnight (UTC) on 2026-01-05.
BEGIN = 1_767_571_200
STEP = 300
PAIRS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
RULE = "SHORT 0.60, LONG 0.60"


def scoring_of(*, can_short: bool = True, step: int = STEP, **settings: object) -> Scoring:
    """Candles of five minutes, unless given, a future of twelve of them, and near barriers."""
    values = {
        "future_window": 12,
        "long_tp_pct": 0.004,
        "short_tp_pct": 0.004,
        "long_sl_pct": 0.002,
        "short_sl_pct": 0.002,
        **settings,
    }
    return Scoring(TrainingConfig.model_validate(values), 0.0005, step, can_short)


def candles_of(
    seed: int, count: int, begin: int = BEGIN, step: int = STEP, volatility: float = 0.001
) -> pd.DataFrame:
    """A random walk in freqtrade's columns; the volatility is that of a candle."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, volatility, count)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(random.normal(0.0, volatility / 2.0, count)) * close
    return pd.DataFrame(
        {
            "date": pd.to_datetime(begin + step * np.arange(count), unit="s", utc=True),
            "open": opened,
            "high": np.maximum(opened, close) + reach,
            "low": np.minimum(opened, close) - reach,
            "close": close,
            "volume": 1.0,
        }
    )


@dataclass
class PaperBot:
    """A bot that decides at random, candle by candle, and keeps a record."""

    path: Path
    scoring: Scoring = field(default_factory=scoring_of)
    pairs: tuple[str, ...] = PAIRS
    days: int = 3
    seed: int = 0
    promised: float | None = 0.0002

    def __post_init__(self) -> None:
        count = self.days * 86_400 // STEP + 20
        self.candles = {pair: candles_of(at + 1, count) for at, pair in enumerate(self.pairs)}
        random = np.random.default_rng(self.seed)
        self.sides = {
            pair: random.choice([SHORT, HOLD, LONG], p=[0.05, 0.9, 0.05], size=count)
            for pair in self.pairs
        }

    def open(self) -> TrackRecord:
        """The record, begun or gone on with."""
        return TrackRecord(RecordFile.for_writing(self.path / RECORD_NAME), self.scoring, BEGIN)

    def run(self, record: TrackRecord, first: int = 0, last: int | None = None) -> list[Settled]:
        """Decide the candles from one to before another."""
        settled = []
        for row in range(first, len(self.sides[self.pairs[0]]) if last is None else last):
            for pair in self.pairs:
                if done := self.decide(record, pair, row):
                    settled.append(done)
        return settled

    def decide(self, record: TrackRecord, pair: str, row: int) -> Settled | None:
        """Decide one candle."""
        seconds, model = BEGIN + STEP * row, f"model-{row // 200}"
        if record.is_decided(pair, seconds):
            return None
        settled = record.settle(seconds, lambda name, _: self.candles[name].iloc[: row + 1])
        claim = None
        if not record.is_claimed(pair, model, RULE):
            claim = self.claim(pair, seconds, model)
        decision = Decision(0, seconds, 0.25, 0.5, int(self.sides[pair][row]), 1, blocked=False)
        record.decide(pair, decision, claim)
        return settled

    def claim(self, pair: str, seconds: int, model: str) -> Claim:
        """What its models promise."""
        return Claim(
            pair=pair,
            number=0,
            seconds=seconds,
            model=model,
            sums={"manifest.json": "ab" * 32},
            rule=RULE,
            thresholds={"SHORT": 0.6, "LONG": 0.6},
            firing=0.1,
            precision={"SHORT": 0.3, "LONG": 0.4},
            profit=self.promised,
            interval=None if self.promised is None else (-0.001, 0.002),
        )

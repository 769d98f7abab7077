"""What the pages need before they begin: candles, and settings that let a test end in minutes.

A page is a story: its blocks run from top to bottom in one folder, which holds what a clone of the
repository holds. Its `config.json` is the shipped one with the addresses of the demo exchange, and
with what `SHORTER` and the page's own entry set over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

FUTURES: Final = ("BTC/USDT:USDT", "ETH/USDT:USDT")
SPOT: Final = ("BTC/USDT", "ETH/USDT")

#: A training of every page is one pass over few windows of a small network.
SHORTER: Final[dict[str, Any]] = {
    "freqai": {
        "train_period_days": 4,
        "model_training_parameters": {"epochs": 1, "lstm_units": [8, 4], "dense_units": [8, 4]},
    }
}


@dataclass(frozen=True)
class Story:
    """A page's market and its shortened settings.

    Attributes:
        start: the first day of the market; averages need 30 days before the first training.
        days: length of the market.
        pairs: of the exchange.
        settings: merged over `SHORTER`.
        variables: of the environment, where a file of the page would undo the shortened settings.
        has_candles: the candles are downloaded before the page begins.
        has_record: a bot has kept a track record.
    """

    start: datetime = datetime(2026, 7, 8, tzinfo=UTC)
    days: int = 40
    pairs: tuple[str, ...] = (*FUTURES, *SPOT)
    settings: Mapping[str, Any] = field(default_factory=lambda: {"timerange": "20260812-20260815"})
    variables: Mapping[str, str] = field(default_factory=dict)
    has_candles: bool = False
    has_record: bool = False


#: Pages that run programs; all others have none, or have only checks that need no market.
STORIES: Final[Mapping[str, Story]] = {
    "README.md": Story(),
    "docs/backtesting.md": Story(),
    "docs/bot.md": Story(),
    "docs/how-to/existing-bot.md": Story(
        pairs=FUTURES,
        variables={
            "FREQTRADE__FREQAI__TRAIN_PERIOD_DAYS": "4",
            "FREQTRADE__FREQAI__MODEL_TRAINING_PARAMETERS__EPOCHS": "1",
        },
    ),
    "docs/how-to/own-features.md": Story(pairs=FUTURES),
    # A choice of thresholds wants 30 trades in the validation of a training.
    "docs/how-to/thresholds.md": Story(
        start=datetime(2026, 5, 30, tzinfo=UTC),
        days=80,
        pairs=FUTURES,
        settings={
            "timerange": "20260812-20260815",
            "freqai": {"model_training_parameters": {"sample_every": 5}},
        },
    ),
    "docs/how-to/dynamic-pair-lists.md": Story(pairs=FUTURES),
    "docs/how-to/short-history.md": Story(pairs=FUTURES),
    "docs/migration.md": Story(pairs=FUTURES, has_candles=True),
    "docs/track-record.md": Story(pairs=FUTURES, has_record=True),
    "docs/user-guide.md": Story(
        start=datetime(2025, 5, 4, tzinfo=UTC),
        days=52,
        pairs=FUTURES,
        settings={
            "timerange": "20250613-20250616",
            # Trainings of the page are its own, with five epochs; each takes a part of the windows.
            "freqai": {"model_training_parameters": {"sample_every": 5}},
        },
    ),
}

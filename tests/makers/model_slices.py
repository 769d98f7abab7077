"""Candles of a backtest that are predicted by one model after another.

The fixtures build on the `bot` of the test module that takes them.
"""

from __future__ import annotations

import pandas as pd
import pytest

from dualwindow.models.trained_model import TrainedModel
from tests.makers.bot import Bot


@pytest.fixture(scope="module")
def featured(bot: Bot, btc_futures: pd.DataFrame) -> pd.DataFrame:
    return bot.features(btc_futures.iloc[:3000].reset_index(drop=True))


@pytest.fixture(scope="module")
def slices(bot: Bot, featured: pd.DataFrame) -> list[tuple[TrainedModel, pd.DataFrame]]:
    """Two models, each with what it says of the candles after its training."""
    said = []
    for first in (0, 800):
        model = bot.train(featured.iloc[first : first + 1800].reset_index(drop=True))
        rows = featured.iloc[first + 1800 : first + 2200].reset_index(drop=True)
        frame, usable = bot.model.predict(rows, bot.kitchen())
        said.append((model, frame.assign(do_predict=usable)))
    return said


def whole(slices: list[tuple[TrainedModel, pd.DataFrame]]) -> pd.DataFrame:
    return pd.concat([frame for _, frame in slices], ignore_index=True)

"""`--freqai-backtest-live-models`: trades of a running bot's own predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.markets import random_candles

OTHER = "ETH/USDT:USDT"


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    bot = make_bot(tmp_path)
    bot.config["freqai_backtest_live_models"] = True
    return bot


def predictions(candles: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """What the bot saved of some candles; `columns` are those beside the probabilities."""
    frame = pd.DataFrame(0.2, index=range(len(candles)), columns=[*CLASS_NAMES, *columns])
    frame["LONG"] = 0.7
    more = {"&-side": "LONG", "do_predict": 1, "date_pred": candles["date"].to_numpy()}
    return frame.assign(close_price=candles["close"].to_numpy(), **more)


def traded(bot: Bot, candles: pd.DataFrame, pair: str = PAIR) -> pd.DataFrame:
    frame = bot.model.start_backtesting_from_historic_predictions(
        candles.copy(), {"pair": pair}, bot.kitchen(pair)
    ).return_dataframe
    return bot.strategy.populate_entry_trend(frame, {"pair": pair})


@pytest.mark.parametrize("known", [{}, {OTHER: None}, {PAIR: pd.DataFrame()}])
def test_a_pair_that_never_got_a_model_is_left_alone_with_one_line(
    known: dict[str, pd.DataFrame | None], bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    candles = random_candles(50)
    given = {pair: predictions(candles) if own is None else own for pair, own in known.items()}
    bot.model.dd.historic_predictions = given
    frame = traded(bot, candles)
    assert len(frame) == len(candles)
    assert not {"enter_long", "enter_short"} & set(frame.columns[frame.notna().any()])
    assert caplog.text.count("has saved no prediction of this pair") == 1
    assert PAIR in caplog.text


def test_a_pair_with_predictions_trades_them_beside_it(bot: Bot) -> None:
    candles = random_candles(50)
    bot.model.dd.historic_predictions = {OTHER: predictions(candles[10:30], *CONFIDENCE_COLUMNS)}
    frame = traded(bot, candles, OTHER)
    entered = np.flatnonzero(frame["enter_long"] == 1)
    assert entered.tolist() == list(range(10, 30))


def test_predictions_without_newer_columns_are_read(bot: Bot) -> None:
    candles = random_candles(50)
    bot.model.dd.historic_predictions = {PAIR: predictions(candles[10:30])}
    frame = bot.model.start_backtesting_from_historic_predictions(
        candles.copy(), {"pair": PAIR}, bot.kitchen()
    ).return_dataframe
    assert (frame[list(CONFIDENCE_COLUMNS)] == 0).all(axis=None)


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_predictions_on_other_prices_are_named(
    rows: int, bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    candles = random_candles(50)
    own = predictions(candles[10:30], *CONFIDENCE_COLUMNS)
    own.loc[own.index[:rows], "close_price"] *= 1.01
    bot.model.dd.historic_predictions = {PAIR: own}
    traded(bot, candles)
    assert (f"{rows} of 20 candles with another close" in caplog.text) == bool(rows)

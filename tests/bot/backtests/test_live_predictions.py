"""`--freqai-backtest-live-models`: trades of a running bot's own predictions."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.utils import get_timerange_backtest_live_models
from freqtrade.resolvers import StrategyResolver

from dualwindow.bot.backtests.live_predictions import require_live_predictions
from dualwindow.bot.drawer_files import HISTORIES, METADATA, model_folder
from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS
from tests.makers.bot import PAIR, Bot, freqtrade_config, make_bot
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


@pytest.mark.parametrize(
    "spoil",
    [
        lambda saved: pd.concat([saved, saved]),
        lambda saved: pd.concat([saved.assign(LONG=0.0), saved], ignore_index=True),
        lambda saved: saved.assign(date_pred=saved["date_pred"].dt.tz_localize(None)),
        lambda saved: saved.assign(date_pred=saved["date_pred"].astype(str)),
        lambda saved: saved.assign(date_pred=saved["date_pred"].astype(object)),
        lambda saved: pd.concat([saved, saved.head(3).assign(date_pred=pd.NaT)]),
        lambda saved: saved.sample(frac=1.0, random_state=1),
    ],
)
def test_doubled_unsorted_and_naive_predictions_trade_each_candle_once(
    spoil: Any, bot: Bot
) -> None:
    candles = random_candles(50)
    saved = predictions(candles[10:30].reset_index(drop=True), *CONFIDENCE_COLUMNS)
    saved["date_pred"] = candles["date"][10:30].reset_index(drop=True)
    bot.model.dd.historic_predictions = {PAIR: spoil(saved)}
    frame = traded(bot, candles)
    assert len(frame) == len(candles)
    assert np.flatnonzero(frame["enter_long"] == 1).tolist() == list(range(10, 30))


def test_dates_that_are_none_are_refused_by_the_pair(bot: Bot) -> None:
    candles = random_candles(50)
    saved = predictions(candles[10:30]).assign(date_pred="tomorrow")
    bot.model.dd.historic_predictions = {PAIR: saved}
    with pytest.raises(OperationalException, match=f"{PAIR}: the dates .* cannot be read"):
        traded(bot, candles)


def test_predictions_of_other_days_are_named(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    candles = random_candles(50)
    saved = predictions(candles[10:30], *CONFIDENCE_COLUMNS)
    saved["date_pred"] += pd.Timedelta(days=9)
    bot.model.dd.historic_predictions = {PAIR: saved}
    traded(bot, candles)
    assert caplog.text.count("none of 50 candles of the backtest") == 1


# --- a bot's folder before FreqAI reads the time range from it ------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The configuration of a backtest of predictions that a bot has saved in its folder."""
    config = freqtrade_config(tmp_path) | {"freqai_backtest_live_models": True}
    folder = model_folder(config)
    folder.mkdir(parents=True)
    saved = pickle.dumps({PAIR: predictions(random_candles(50))})
    for name in HISTORIES:
        (folder / name).write_bytes(saved)
    (folder / METADATA).write_text('{"start_dry_live_date": 1735689600}')
    return config


def has_time_range(config: dict[str, Any]) -> bool:
    require_live_predictions(config)
    return get_timerange_backtest_live_models(config).startswith("20250101-")


def test_a_whole_folder_passes(config: dict[str, Any]) -> None:
    assert has_time_range(config)


def test_nothing_is_asked_of_another_backtest(config: dict[str, Any]) -> None:
    require_live_predictions(config | {"freqai_backtest_live_models": False, "freqai": {}})


def test_a_damaged_file_is_restored_from_its_copy(config: dict[str, Any]) -> None:
    (model_folder(config) / HISTORIES[0]).write_bytes(b"no pickle")
    assert has_time_range(config)


@pytest.mark.parametrize(
    "saved",
    [
        None,
        b"no pickle",
        pickle.dumps(["no dictionary"]),
        pickle.dumps({PAIR: "no frame"}),
        pickle.dumps({PAIR: pd.DataFrame({"LONG": [0.5]})}),
        pickle.dumps({PAIR: pd.DataFrame({"date_pred": ["tomorrow"]})}),
        pickle.dumps({PAIR: pd.DataFrame({"date_pred": [5.0]})}),
        pickle.dumps({}),
        pickle.dumps({PAIR: pd.DataFrame({"date_pred": pd.to_datetime([])})}),
    ],
)
def test_a_folder_without_predictions_is_refused(
    saved: bytes | None, config: dict[str, Any]
) -> None:
    for name in HISTORIES:
        (model_folder(config) / name).unlink()
        if saved is not None:
            (model_folder(config) / name).write_bytes(saved)
    with pytest.raises(OperationalException, match=r"pkl holds (no )?predictions .*let the bot"):
        require_live_predictions(config)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"start_dry_live_date": null}'])
def test_the_begin_of_a_bot_that_was_lost_can_be_written_again(
    content: str | None, config: dict[str, Any]
) -> None:
    path = model_folder(config) / METADATA
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(OperationalException, match=r"global_metadata\.json .* write") as refused:
        require_live_predictions(config)
    path.write_text(str(refused.value).partition("write ")[2].partition(" into")[0])
    assert has_time_range(config)


def test_it_is_refused_before_freqtrade_looks(config: dict[str, Any]) -> None:
    """freqtrade loads the strategy, then asks for the time range, then loads the model."""
    (model_folder(config) / HISTORIES[0]).unlink()
    with pytest.raises(OperationalException, match="holds no predictions"):
        StrategyResolver.load_strategy(config)

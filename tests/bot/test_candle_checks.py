"""What a backtest and a running bot look at in candles before they trade on them."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import CandleType, RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers import StrategyResolver

from dualwindow.bot.backtest_candles import BacktestCandles
from dualwindow.bot.exits import LivePriceSteps
from dualwindow.data.candles.table_files import SUFFIXES
from dualwindow.settings import TrainingConfig
from tests.data.candles.test_table_files import PAIR, damaged, store, store_funding
from tests.makers.bot import freqtrade_config
from tests.makers.live_bot import Exchange, Provider
from tests.makers.markets import random_candles, stepped

#: Step, share of a barrier of half a percent at a price of 1.8e-06, and what becomes of it.
STEPS = [(1e-08, "refused"), (2e-09, "warned"), (1e-10, "silent")]


def config_of(folder: Path, form: str = "feather", **changes: Any) -> dict[str, Any]:
    config = freqtrade_config(folder)
    datadir = folder / "data" / "binance"
    (datadir / "futures").mkdir(parents=True, exist_ok=True)
    config |= {"runmode": RunMode.BACKTEST, "datadir": datadir, "dataformat_ohlcv": form}
    config |= {"timerange": None, **changes}
    config["exchange"]["pair_whitelist"] = [PAIR]
    return config


def require_sound_candles(config: dict[str, Any]) -> None:
    """What the model does with its pairs when a backtest starts."""
    BacktestCandles(config, TrainingConfig(), [30]).require_files()


def cheap_candles(step: float, rows: int = 2000) -> pd.DataFrame:
    return stepped(random_candles(rows, price=1.8e-06, volatility=5e-4), step)


@pytest.mark.parametrize(("step", "outcome"), STEPS)
def test_a_backtest_looks_at_the_price_step_of_its_pairs(
    step: float, outcome: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(tmp_path, "parquet")
    store(config["datadir"], cheap_candles(step), "parquet", CandleType.FUTURES, "1m")
    if outcome == "refused":
        with pytest.raises(OperationalException, match=r"BTC/USDT:USDT.*1e-08.*barriers above"):
            require_sound_candles(config)
        return
    with caplog.at_level(logging.WARNING):
        require_sound_candles(config)
    assert ("label_price_step" in caplog.text) == (outcome == "warned")


def test_candles_outside_of_the_backtest_do_not_count(tmp_path: Path) -> None:
    config = config_of(tmp_path, timerange="20250104-20250106")
    config["freqai"]["train_period_days"] = 1
    coarse, fine = cheap_candles(1e-08), cheap_candles(1e-11, rows=2880)
    fine["date"] += pd.Timedelta(days=2)
    store(config["datadir"], pd.concat([coarse, fine]), "feather", CandleType.FUTURES, "1m")
    require_sound_candles(config)
    config["timerange"] = "20250102-20250103"
    with pytest.raises(OperationalException, match="from 2025-01-01 prices near"):
        require_sound_candles(config)


@pytest.mark.parametrize("form", sorted(SUFFIXES))
def test_a_damaged_file_is_refused_at_the_start_of_a_backtest(form: str, tmp_path: Path) -> None:
    """freqtrade would log a traceback and take it for a file without candles."""
    config = config_of(tmp_path, form)
    candles = store(config["datadir"], random_candles(300), form, CandleType.FUTURES, "1m")
    paths = [candles, *store_funding(config["datadir"], form)]
    whole = {path: path.read_bytes() for path in paths}
    random = np.random.default_rng(8)
    for path, content in whole.items():
        refused = 0
        for _ in range(40):
            path.write_bytes(damaged(content, random))
            try:
                require_sound_candles(config)
            except OperationalException as error:
                refused += path.name in str(error) and "download" in str(error)
        path.write_bytes(b"")
        with pytest.raises(OperationalException, match=f"{path.name}.*download the pair again"):
            require_sound_candles(config)
        path.write_bytes(content)
        assert refused > 5
    require_sound_candles(config)


def test_a_damaged_file_of_the_only_pair_is_refused_before_freqtrade_looks(tmp_path: Path) -> None:
    """freqtrade loads the strategy, then candles, then the model, and ends without any candles."""
    config = config_of(tmp_path)
    path = store(config["datadir"], random_candles(300), "feather", CandleType.FUTURES, "1m")
    StrategyResolver.load_strategy(config)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OperationalException, match=f"{path.name}.*download the pair again"):
        StrategyResolver.load_strategy(config)


@pytest.mark.parametrize(("step", "outcome"), STEPS)
@pytest.mark.parametrize("mode", ["tick", "decimals", "digits", "candles"])
def test_a_running_bot_asks_the_exchange_for_the_step(
    mode: str, step: float, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    if mode in ("decimals", "digits") and step == 2e-09:
        step = 1e-09  # Its share is a tenth and a bit.
    frame = cheap_candles(step)
    exchange = Exchange(frame)
    places = round(-np.log10(step))
    precision, exchange.precision_mode_price = {
        "tick": (step, 4),
        "decimals": (places, 2),
        "digits": (places - 5, 3),
        "candles": (None, 4),
    }[mode]
    exchange.price_precision = precision
    check = LivePriceSteps(TrainingConfig())
    # The closes alone would show nothing.
    close = frame["close"].to_numpy()
    close = close if mode == "candles" else close[-5:]

    def checked() -> None:
        check.check(PAIR, close, Provider(exchange))

    if outcome == "refused":
        for _ in range(2):
            with pytest.raises(OperationalException, match="BTC/USDT:USDT: prices near"):
                checked()
        return
    with caplog.at_level(logging.WARNING):
        checked()
        checked()
    assert caplog.text.count("stop losses are rounded") == (outcome == "warned")


@pytest.mark.parametrize(
    ("precision", "mode", "is_refused"),
    [
        (0, 2, True),
        (-1, 2, True),
        (2, 2, False),
        (2, 3, True),
        # Such exchanges round nothing, so the closes decide.
        (0.0, 4, False),
        (None, 2, False),
        (2, None, False),
        (float("nan"), 2, False),
        (float("nan"), 4, False),
    ],
)
def test_whole_prices_are_a_step_and_no_precision_is_none(
    precision: float | None, mode: int | None, is_refused: bool
) -> None:
    frame = random_candles(300)
    exchange = Exchange(frame)
    exchange.price_precision, exchange.precision_mode_price = precision, mode
    refusal = pytest.raises(OperationalException, match="move in steps of")
    with refusal if is_refused else nullcontext():
        LivePriceSteps(TrainingConfig()).check(PAIR, frame["close"].to_numpy(), Provider(exchange))

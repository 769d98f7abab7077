"""Candles are found where freqtrade keeps them, and where users put them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from freqtrade.data.history.datahandlers.featherdatahandler import FeatherDataHandler
from freqtrade.enums import CandleType, TradingMode
from freqtrade.misc import pair_to_filename
from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist

from dualwindow.data.candles.pairs import CandleFileName, stem_of
from dualwindow.data.candles.sources import (
    CandleSource,
    available_pairs,
    find_sources,
    newest_candle,
)
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange
from dualwindow.errors import DataError
from tests.makers.markets import START, random_candles

START_SECONDS = int(START.timestamp())


def put(path: Path, rows: int = 10, after: int = 0) -> Path:
    """A candle file whose first candle lies `after` minutes after the start of all markets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = random_candles(max(rows, 1)).iloc[:rows].reset_index(drop=True)
    frame["date"] += pd.Timedelta(minutes=after)
    frame.to_feather(path)
    return path


def store(datadir: Path, pair: str, kind: CandleType) -> Path:
    """What freqtrade itself writes."""
    path = FeatherDataHandler._pair_data_filename(datadir, pair, "1m", kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    FeatherDataHandler(datadir).ohlcv_store(pair, "1m", random_candles(10), kind)
    return path


@pytest.fixture
def binance(tmp_path: Path) -> Path:
    """A user's folder of an exchange, with both markets and what else freqtrade keeps there."""
    datadir = tmp_path / "user_data" / "data" / "binance"
    for coin in ("BTC", "ETH"):
        store(datadir, f"{coin}/USDT", CandleType.SPOT)
        for kind in (CandleType.FUTURES, CandleType.MARK):
            store(datadir, f"{coin}/USDT:USDT", kind)
    put(datadir / "BTC_USDT-5m.feather")
    put(datadir / "BTC_USDT-trades.feather")
    return datadir


@pytest.mark.parametrize("pair", ["BTC_USDT", "BTC/USDT", "BTC-USDT", "btc_usdt", " BTC/USDT "])
def test_a_pair_is_of_the_market_that_is_traded(pair: str, binance: Path) -> None:
    (spot,) = find_sources([pair], binance, trading_mode="spot")
    assert spot == CandleSource("BTC/USDT", binance / "BTC_USDT-1m.feather")
    (futures,) = find_sources([pair], binance, trading_mode="futures")
    path = binance / "futures" / "BTC_USDT_USDT-1m-futures.feather"
    assert futures == CandleSource("BTC/USDT:USDT", path)


@pytest.mark.parametrize("pair", ["BTC_USDT_USDT", "BTC/USDT:USDT"])
def test_a_futures_pair_is_one_in_futures_only(pair: str, binance: Path) -> None:
    assert find_sources([pair], binance, trading_mode="futures")[0].pair == "BTC/USDT:USDT"
    with pytest.raises(DataError, match=r"BTC/USDT:USDT: .* futures pair, and .* is spot"):
        find_sources([pair], binance, trading_mode="spot")


def test_order_and_period_are_kept_and_doubles_are_one(binance: Path) -> None:
    timerange = DateRange(5, 9)
    pairs = ["ETH/USDT", "BTC_USDT", "ETH-USDT"]
    found = find_sources(pairs, binance, trading_mode="spot", timerange=timerange)
    assert [source.pair for source in found] == ["ETH/USDT", "BTC/USDT"]
    assert {source.timerange for source in found} == {timerange}


@pytest.mark.parametrize("pattern", [".*/USDT:USDT", "(btc|eth)/.*", "[A-Z]+/USDT:USDT"])
def test_a_pattern_brings_what_is_there_as_freqtrades_does(pattern: str, binance: Path) -> None:
    there = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    found = find_sources([pattern], binance, trading_mode="futures")
    assert [each.pair for each in found] == expand_pairlist([pattern], there) == there
    without = find_sources([pattern], binance, trading_mode="futures", excluded=["ETH/.*"])
    assert [each.pair for each in without] == ["BTC/USDT:USDT"]
    # One that is named itself is wanted.
    named = find_sources(["ETH/USDT:USDT"], binance, trading_mode="futures", excluded=["ETH/.*"])
    assert [each.pair for each in named] == ["ETH/USDT:USDT"]


@pytest.mark.parametrize("written", ["BTC/USD.", "BTC/U..T", "btc/usdt.?"])
def test_a_dot_alone_makes_a_pattern_as_in_freqtrade(written: str, binance: Path) -> None:
    found = find_sources([written], binance, trading_mode="spot")
    there = ["BTC/USDT", "ETH/USDT"]
    assert [each.pair for each in found] == expand_pairlist([written], there) == ["BTC/USDT"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (".*/BUSD", r"no 1m candles of a pair like '\.\*/BUSD' .*BTC/USDT, ETH/USDT are there"),
        ("*/USDT", r"'\*/USDT' is neither a pair nor a pattern .* like \.\*/USDT"),
    ],
)
def test_a_pattern_that_brings_nothing_is_refused(
    pattern: str, message: str, binance: Path
) -> None:
    with pytest.raises(DataError, match=message):
        find_sources(["BTC/USDT", pattern], binance, trading_mode="spot")


@pytest.mark.parametrize("up", ["", "..", "../.."])
@pytest.mark.parametrize("exchange", [None, "binance"])
def test_the_folder_may_be_the_exchanges_or_one_above(
    up: str, exchange: str | None, binance: Path
) -> None:
    folder = (binance / up).resolve()
    for mode, pair in (("spot", "BTC/USDT"), ("futures", "BTC/USDT:USDT")):
        (found,) = find_sources(["BTC_USDT"], folder, trading_mode=mode, exchange=exchange)
        assert found.pair == pair
        assert found.path.is_relative_to(binance)


def test_the_folder_may_be_that_of_futures(binance: Path) -> None:
    (found,) = find_sources(["ETH_USDT"], binance / "futures", trading_mode="futures")
    assert found.path.name == "ETH_USDT_USDT-1m-futures.feather"


def test_several_exchanges_are_told_apart(binance: Path) -> None:
    put(binance.parent / "kraken" / "BTC_USDT-1m.feather")
    (found,) = find_sources(["BTC_USDT"], binance.parent, trading_mode="spot", exchange="kraken")
    assert found.path.parent.name == "kraken"
    with pytest.raises(DataError, match=r"\(binance, kraken\), and no exchange is named"):
        find_sources(["BTC_USDT"], binance.parent.parent, trading_mode="spot")
    with pytest.raises(DataError, match=r"none for exchange 'okx'.*--exchange okx"):
        find_sources(["BTC_USDT"], binance.parent, trading_mode="spot", exchange="okx")


def test_freqtrades_own_file_wins_over_copies(binance: Path) -> None:
    put(binance / "backup" / "BTC_USDT-1m.feather")
    put(binance / "BTC_USDT-1m-2024.feather")
    (found,) = find_sources(["BTC_USDT"], binance, trading_mode="spot")
    assert found.paths == (binance / "BTC_USDT-1m.feather",)


def test_files_of_several_years_follow_one_another(tmp_path: Path) -> None:
    later = put(tmp_path / "2025" / "BTC_USDT-1m.feather", after=10)
    first = put(tmp_path / "2026" / "BTC_USDT-1m.feather")
    last = put(tmp_path / "BTC_USDT-1m-2027.feather", after=500)
    put(tmp_path / "BTC_USDT-1m-2028.feather", rows=0)
    (found,) = find_sources(["BTC_USDT"], tmp_path, trading_mode="spot")
    assert found.paths == (first, later, last)
    (there,) = available_pairs(tmp_path)
    assert (there.paths, there.rows, there.problem) == (found.paths, 30, None)
    assert (there.first, there.last) == (START_SECONDS, START_SECONDS + 509 * 60)


def test_files_that_overlap_are_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path / "a" / "BTC_USDT-1m.feather")
    put(tmp_path / "b" / "BTC_USDT-1m.feather", after=9)
    with pytest.raises(DataError, match=r"a/BTC_USDT-1m\.feather until .*b/BTC_USDT-1m\.feather"):
        find_sources(["BTC_USDT"], tmp_path, trading_mode="spot")
    (there,) = available_pairs(tmp_path)
    assert "which of them is right" in str(there.problem)


def test_names_from_before_futures_were_settled_and_coins_of_their_own(tmp_path: Path) -> None:
    put(tmp_path / "futures" / "BTC_USDT-1m-futures.feather")
    put(tmp_path / "futures" / "ETH_USD_ETH-1m-futures.feather")
    put(tmp_path / "futures" / "SOL_USDT_USDT-250627-1m-futures.feather")
    put(tmp_path / "BTC_D_USDT-1m.feather")
    pairs = ["BTC/USDT", "ETH_USD", "SOL/USDT:USDT-250627"]
    found = find_sources(pairs, tmp_path, trading_mode="futures")
    named = [source.pair for source in found]
    assert named == ["BTC/USDT:USDT", "ETH/USD:ETH", "SOL/USDT:USDT-250627"]
    assert find_sources(["BTC.D/USDT"], tmp_path, trading_mode="spot")[0].pair == "BTC.D/USDT"


def test_what_is_missing_is_named_with_the_way_to_get_it(binance: Path) -> None:
    january = DateRange(1_735_689_600, 1_738_368_000)
    with pytest.raises(DataError) as caught:
        find_sources(
            ["BTC_USDT", "SOL_USDT", "XRP/USDT"],
            binance,
            trading_mode="futures",
            timerange=january.begun_earlier(33 * DAY_SECONDS),
        )
    said = str(caught.value)
    for part in (
        f"{binance} has no 1m candles of SOL/USDT:USDT, XRP/USDT:USDT (futures)",
        "those of BTC/USDT:USDT, ETH/USDT:USDT are there",
        "freqtrade download-data --exchange binance --pairs SOL/USDT:USDT XRP/USDT:USDT "
        "--timeframes 1m --trading-mode futures --timerange 20241129-20250201",
    ):
        assert part in said


def test_another_market_that_is_there_is_pointed_at(tmp_path: Path) -> None:
    put(tmp_path / "BTC_USDT-1m.feather")
    with pytest.raises(DataError, match="BTC_USDT is there as spot: set trading_mode spot"):
        find_sources(["BTC_USDT"], tmp_path, trading_mode="futures")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data folder .*/nowhere; .*download-data.*SOL/USDT"):
        find_sources(["SOL_USDT"], tmp_path / "nowhere", trading_mode="spot")
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="none yet"):
        available_pairs(tmp_path)


def test_what_is_there_is_listed_and_damage_is_a_remark(binance: Path) -> None:
    (binance / "ETH_USDT-1m.feather").write_bytes(b"no feather")
    found = available_pairs(binance)
    assert [(each.pair, each.market) for each in found] == [
        ("BTC/USDT", "spot"),
        ("ETH/USDT", "spot"),
        ("BTC/USDT:USDT", "futures"),
        ("ETH/USDT:USDT", "futures"),
    ]
    assert (found[0].first, found[0].last) == (START_SECONDS, START_SECONDS + 540)
    assert found[0].rows == 10
    assert "no readable feather file" in str(found[1].problem)


def test_days_end_with_the_newest_candle_of_any_pair(tmp_path: Path) -> None:
    put(tmp_path / "BTC_USDT-1m.feather")
    put(tmp_path / "ETH_USDT-1m.feather", after=5)
    sources = find_sources(["BTC_USDT", "ETH_USDT"], tmp_path, trading_mode="spot")
    assert newest_candle(sources) == START_SECONDS + 14 * 60
    put(tmp_path / "BTC_USDT-1m.feather", rows=0)
    with pytest.raises(DataError, match="holds no candle"):
        newest_candle(sources[:1])


def test_names_are_freqtrades(tmp_path: Path) -> None:
    kinds = {"spot": CandleType.SPOT, "futures": CandleType.FUTURES}
    for pair in ("BTC/USDT", "BTC/USDT:USDT", "1000SHIB/USDT:USDT", "ETH/USDT:USDT-250627"):
        market = "futures" if ":" in pair else "spot"
        assert stem_of(pair) == pair_to_filename(pair)
        path = FeatherDataHandler._pair_data_filename(tmp_path, pair, "1m", kinds[market])
        assert CandleFileName.parse(path.stem) == CandleFileName(stem_of(pair), "1m", market, "")
        store(tmp_path, pair, kinds[market])
    for market, mode in (("spot", TradingMode.SPOT), ("futures", TradingMode.FUTURES)):
        theirs = FeatherDataHandler.ohlcv_get_available_data(tmp_path, mode)
        mine = [each.pair for each in available_pairs(tmp_path) if each.market == market]
        assert mine == sorted(pair for pair, _, _ in theirs)

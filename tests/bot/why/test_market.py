"""The candle that is to blame is named where a window is not valid, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dualwindow.bot.why.facts import CandleFacts, PredictionFacts
from dualwindow.bot.why.gates import answer_of
from dualwindow.bot.why.market import OtherSeries, PairMarket, RawCandles, WindowNeeds
from dualwindow.data.candles.impossible import KnownCandles, known_frame
from dualwindow.data.features.base import change_features
from dualwindow.data.features.candle_arrays import read_candles
from dualwindow.data.features.feature_sets import standard_features
from dualwindow.data.features.other_candles import OtherCandles, RowGrid
from dualwindow.data.features.windows import valid_windows
from tests.makers.backtests import resampled
from tests.makers.bot import PAIR
from tests.makers.candle_files import read_futures, write_futures
from tests.makers.markets import PRICES, random_candles

OTHER = "ETH/USDT:USDT"
NEEDS = WindowNeeds(
    window_size=60, max_flat_candles=10, candle_seconds=60, periods=(30, 240), feature_set="base"
)
GRID = RowGrid(NEEDS.candle_seconds, NEEDS.window_size, NEEDS.max_flat_candles)
ROWS = 10_000


def planted(seed: int, *, rows: int = ROWS, kinds: tuple[str, ...]) -> pd.DataFrame:
    """A market with stretches of trouble, apart from one another more often than not."""
    random = np.random.default_rng(seed)
    candles = random_candles(rows, seed)
    gone = np.zeros(rows, np.bool_)
    for _ in range(rows // 250):
        kind, first = random.choice(kinds), int(random.integers(400, rows - 100))
        stretch = np.arange(first, first + int(random.integers(1, 25)))
        if kind == "hole":
            gone[stretch] = True
        elif kind == "flat run":
            candles.loc[stretch, PRICES] = candles["close"].iloc[first - 1]
            candles.loc[stretch, "volume"] = 0.0
        else:
            candles.loc[first, random.choice(["low", "volume"])] = -1.0
    return candles[~gone]


def market_of(
    tmp_path: Path, own: pd.DataFrame, others: dict[tuple[str, str], pd.DataFrame]
) -> PairMarket:
    write_futures(tmp_path, PAIR, own)
    series = []
    for (pair, timeframe), candles in others.items():
        write_futures(tmp_path, pair, candles, timeframe)
        raw = read_futures(tmp_path, pair, timeframe)
        seconds = {"1m": 60, "5m": 300}[timeframe]
        joined = OtherCandles.from_frame(raw.frame, pair, timeframe, seconds, GRID)
        series.append(OtherSeries(f"{pair} {timeframe}", pair != PAIR, joined, raw))
    return PairMarket(read_futures(tmp_path, PAIR), NEEDS, series)


def valid_rows(raw: RawCandles, others: list[OtherSeries]) -> NDArray[np.bool_]:
    """The adapters' decision on these candles: features as they make them, then the windows."""
    _known, unknown = KnownCandles().update(raw.frame)
    frame = known_frame(raw.frame)
    features = {
        **change_features(frame),
        **standard_features(frame, NEEDS.periods, NEEDS.feature_set),
    }
    columns = {f"%-{name}": np.where(unknown, np.nan, values) for name, values in features.items()}
    for other in others:
        assert other.candles is not None
        columns[f"%-x{other.candles.column_end}"] = np.ones(len(frame))
    whole = raw.frame.assign(**columns)
    arrays = read_candles(
        whole, list(columns), PAIR, "1m", [o.candles for o in others if o.candles is not None]
    )
    return valid_windows(
        arrays.features,
        arrays.seconds,
        arrays.flat,
        window_size=NEEDS.window_size,
        max_flat_candles=NEEDS.max_flat_candles,
    )


def cause(market: PairMarket, second: int) -> str:
    facts = CandleFacts(
        PAIR, second, 60, market.at(second), prediction=PredictionFacts(usable=False)
    )
    return answer_of(facts).cause


@pytest.mark.parametrize("seed", [0, 1])
def test_a_cause_in_the_market_is_named_exactly_where_a_window_is_not_valid(
    seed: int, tmp_path: Path
) -> None:
    """Ten thousand candles with every kind of trouble, of the pair's own and of others."""
    kinds = ("hole", "flat run", "impossible candle")
    own = planted(seed, kinds=kinds)
    other = planted(seed + 50, kinds=kinds)
    others = {(OTHER, "1m"): other, (PAIR, "5m"): resampled(random_candles(ROWS, seed), 5)}
    market = market_of(tmp_path, own, others)
    raw = market.raw
    assert raw is not None
    valid = valid_rows(raw, list(market._others))
    found = [market.at(second) for second in raw.seconds.tolist()]
    explained = np.array(
        [bool(facts.broken_by or facts.outage or facts.warm_up or facts.other) for facts in found]
    )
    np.testing.assert_array_equal(explained, ~valid)
    assert 0.1 < valid.mean() < 0.95


@pytest.mark.parametrize(
    ("kind", "name"),
    [("hole", "hole"), ("flat run", "flat run"), ("impossible candle", "impossible candle")],
)
def test_the_kind_of_trouble_is_the_one_that_was_planted(
    kind: str, name: str, tmp_path: Path
) -> None:
    market = market_of(tmp_path, planted(3, rows=3000, kinds=(kind,)), {})
    raw = market.raw
    assert raw is not None
    broken = np.flatnonzero(~valid_rows(raw, []))
    causes = {cause(market, int(raw.seconds[row])) for row in broken[broken >= 400]}
    assert causes == {name}


def test_a_window_with_too_few_candles_before_it_is_in_its_warm_up(tmp_path: Path) -> None:
    market = market_of(tmp_path, random_candles(600), {})
    raw = market.raw
    assert raw is not None
    valid = valid_rows(raw, [])
    first = int(np.flatnonzero(valid)[0])
    causes = [cause(market, int(second)) for second in raw.seconds[: first + 1]]
    assert causes == ["warm-up"] * first + ["feature"]
    facts = market.at(int(raw.seconds[first - 1]))
    assert facts.warm_up == (first + 1, first)
    # A backtest's features begin where its candles were loaded from, later than the file.
    later = market.at(int(raw.seconds[first]), loaded_from=int(raw.seconds[5]))
    assert later.warm_up == (first + 1, first - 4)


@pytest.mark.parametrize("kind", ["hole", "flat run", "impossible candle"])
def test_a_correlated_pairs_trouble_is_its_own(kind: str, tmp_path: Path) -> None:
    other = planted(5, rows=3000, kinds=(kind,))
    market = market_of(tmp_path, random_candles(3000, 1), {(OTHER, "1m"): other})
    raw = market.raw
    assert raw is not None
    broken = np.flatnonzero(~valid_rows(raw, list(market._others)))
    causes = {cause(market, int(raw.seconds[row])) for row in broken[broken >= 400]}
    assert causes == {"correlated pair"}


def test_a_hole_in_another_timeframe_is_named_by_its_timeframe(tmp_path: Path) -> None:
    own = random_candles(3000)
    coarse = resampled(own, 5).drop(index=range(200, 215))
    market = market_of(tmp_path, own, {(PAIR, "5m"): coarse})
    facts = market.at(int(own["date"].iloc[1100].timestamp()))
    assert facts.other is not None
    assert facts.other.name == f"{PAIR} 5m"
    assert not facts.other.is_pair
    assert "hole" in facts.other.reason


@pytest.mark.parametrize(
    ("minute", "cause", "words"),
    [
        (-10, "no candle", "goes from"),
        (1500, "hole", "lacks it"),
        (100_000, "no candle", "goes from"),
    ],
)
def test_a_candle_that_no_file_has_is_named_as_such(
    minute: int, cause: str, words: str, tmp_path: Path
) -> None:
    candles = random_candles(3000)
    market = market_of(tmp_path, candles.drop(index=range(1495, 1510)), {})
    second = int(candles["date"].iloc[0].timestamp()) + 60 * minute
    facts = CandleFacts(PAIR, second, 60, market.at(second))
    answer = answer_of(facts)
    assert answer.cause == cause
    assert answer.closing is not None
    assert words in answer.closing.words


def test_what_is_missing_can_be_asked_for_by_series(tmp_path: Path) -> None:
    own, other = random_candles(300), random_candles(300, 1)
    market = market_of(tmp_path, own.drop(index=100), {(OTHER, "1m"): other.drop(index=200)})
    second = [int(own["date"].iloc[row].timestamp()) for row in (100, 200)]
    assert [market.lacks(f"{PAIR} 1m", at) for at in second] == [True, False]
    assert [market.lacks(f"{OTHER} 1m", at) for at in second] == [False, True]
    assert not market.lacks(f"{PAIR} 1m", second[0] + 10**6)

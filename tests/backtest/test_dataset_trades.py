"""Profits of a training's decisions equal those of trading them by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.dataset_trades import TradeVenue, newest_rows, trade_rows
from dualwindow.backtest.equity import with_equity
from dualwindow.backtest.price_files import read_trade_candles
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, trade_decisions
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import decide
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.errors import DataError
from dualwindow.report.trainings import read_after_fees
from dualwindow.settings import TrainingConfig
from dualwindow.training import evaluation_rows
from dualwindow.training.session import DatasetFacts, TrainingSession
from dualwindow.training.train import train_dataset
from tests.makers.bot import QUICK
from tests.makers.datasets import dataset_of
from tests.makers.stores import write

CONFIG = TrainingConfig.from_parameters(
    {**QUICK, "epochs": 1, "use_confidence_thresholding": False}
)
TERMS = TradeTerms(fee=0.0005, slippage=0.0001)


@pytest.fixture(scope="module")
def sources(
    tmp_path_factory: pytest.TempPathFactory, btc_futures: pd.DataFrame
) -> list[CandleSource]:
    """Two pairs of the same days."""
    parts = [btc_futures.iloc[:3000], btc_futures.iloc[200:3200]]
    frames = [part.reset_index(drop=True) for part in parts]
    return write(tmp_path_factory.mktemp("evaluated"), frames)


@pytest.fixture(scope="module")
def stored(sources: list[CandleSource]) -> Dataset:
    """The two pairs, mapped."""
    return prepare_store(sources, CONFIG, sources[0].path.parent, periods=(10, 200)).dataset


def market(sources: list[CandleSource]) -> TradeVenue:
    by_pair = {source.pair: source for source in sources}

    def prices(pair: str, timerange: DateRange) -> TradeCandles:
        return read_trade_candles(replace(by_pair[pair], timerange=timerange))

    return TradeVenue(prices, TERMS)


@pytest.mark.parametrize("tail", [0.0, 0.2])
def test_a_training_earns_what_its_decisions_traded_by_hand_earn(
    stored: Dataset,
    sources: list[CandleSource],
    tail: float,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    path = tmp_path / "evaluation.json"
    finished = train_dataset(
        stored,
        CONFIG,
        name="two",
        session=TrainingSession(figures_path=path),
        facts=DatasetFacts(venue=market(sources)),
        tail_fraction=tail,
    )
    part = finished.split.tail if tail else finished.split.validation
    rows = part.all_rows()
    decisions = decide(finished.model.probabilities(stored.features, rows), CONFIG.thresholds)
    by_hand = []
    for source, pair in zip(sources, stored.pairs, strict=True):
        own = (rows >= pair.start) & (rows < pair.stop)
        dates = stored.seconds[rows[own]]
        end = int(dates[-1]) + 60 * (CONFIG.future_window + 2)
        whole = read_trade_candles(replace(source, timerange=DateRange(int(dates[0]), end)))
        signals = np.full(len(whole), HOLD)
        for date, decision in zip(dates, decisions[own], strict=True):
            signals[whole.seconds == date] = decision
        trades = trade_decisions(whole, signals, CONFIG, TERMS, turns=False)
        compared = ComparedTrades.from_trades(whole, trades, CONFIG, TERMS)
        by_hand.append(replace(compared, pair=pair.name))
    expected = with_equity(after_fees(by_hand, TERMS), by_hand, TERMS)
    assert expected.equity is not None
    assert expected.trades > 0
    assert finished.after_fees == expected
    assert read_after_fees(path) == expected
    assert "edge over a coin flip" in caplog.text


def test_missing_prices_hide_no_other_figure(
    stored: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def none(_pair: str, _timerange: DateRange) -> TradeCandles:
        raise DataError("the file has gone")

    path = tmp_path / "evaluation.json"
    finished = train_dataset(
        stored,
        CONFIG,
        name="two",
        session=TrainingSession(figures_path=path),
        facts=DatasetFacts(venue=TradeVenue(none, TERMS)),
    )
    assert finished.evaluation is not None
    assert finished.after_fees is None
    assert read_after_fees(path) is None
    assert json.loads(path.read_text(encoding="utf-8"))["validation"]["rows"] > 0
    assert "there are no figures after fees: the file has gone" in caplog.text


def test_prices_of_the_evaluated_stretch_alone_are_read(
    stored: Dataset, sources: list[CandleSource]
) -> None:
    asked = []

    def prices(pair: str, timerange: DateRange) -> TradeCandles:
        asked.append((pair, timerange))
        return market(sources).prices(pair, timerange)

    second = stored.pairs[1]
    rows = np.arange(second.start + 500, second.start + 520)
    found = trade_rows(stored, rows, np.full(20, LONG), CONFIG, TradeVenue(prices, TERMS))
    assert found is not None
    assert found.pairs == 1
    begin, end = (int(stored.seconds[row]) for row in (rows[0], rows[-1]))
    assert asked == [(second.name, DateRange(begin, end + 60 * (CONFIG.future_window + 2)))]


def test_prices_of_other_dates_are_refused(
    stored: Dataset, sources: list[CandleSource], caplog: pytest.LogCaptureFixture
) -> None:
    shifted = TradeVenue(
        lambda pair, timerange: market(sources).prices(
            pair, DateRange(timerange.first + 60, timerange.stop)
        ),
        TERMS,
    )
    rows = np.arange(500, 510)
    assert trade_rows(stored, rows, np.full(10, LONG), CONFIG, shifted) is None
    assert "1 of 10 evaluated candles without a price" in caplog.text


def test_shorts_are_no_trades_on_spot(stored: Dataset, sources: list[CandleSource]) -> None:
    spot = TradeVenue(market(sources).prices, replace(TERMS, can_short=False))
    found = trade_rows(stored, np.arange(500, 900), np.full(400, SHORT), CONFIG, spot)
    assert found is not None
    assert found.trades == 0


def test_the_newest_rows_of_every_stretch_follow_one_another() -> None:
    dataset = dataset_of([1, -1, 1, 1, 1, 1, 1, 1], lengths=[4, 4])
    assert newest_rows(dataset.labelled(), 4).tolist() == [2, 3, 6, 7]
    assert newest_rows(dataset.labelled(), 20).tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert newest_rows(dataset.labelled(), 0).tolist() == []


def test_of_too_many_rows_the_newest_that_follow_one_another_are_traded(
    stored: Dataset, sources: list[CandleSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_rows, "EVALUATION_ROWS", 200)
    facts = DatasetFacts(venue=market(sources))
    finished = train_dataset(stored, CONFIG, name="two", facts=facts)
    validation = finished.split.validation
    assert len(validation) > 400
    rows = newest_rows(validation, 200)
    decisions = decide(finished.model.probabilities(stored.features, rows), CONFIG.thresholds)
    assert finished.after_fees == trade_rows(stored, rows, decisions, CONFIG, market(sources))
    assert finished.after_fees is not None
    # A hundred candles of each, and the future of the last one, where the file ends.
    assert finished.after_fees.days == pytest.approx((100 + CONFIG.future_window) / 1440)

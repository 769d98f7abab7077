"""A contest: same rows, nothing of the future, and who can learn a planted signal wins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.columns import LONG, UNKNOWN
from dualwindow.confidence.measure import ConfidenceMeasure
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.candles.timerange import DAY_SECONDS
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.model_selection.contest.cells import KeptCells
from dualwindow.model_selection.contest.drawn_sums import by_week
from dualwindow.model_selection.contest.forecasts import PRIOR_NAME, TABLE_NAME, Forecast
from dualwindow.model_selection.contest.league import _earners, compared, league_of
from dualwindow.model_selection.contest.market import Fold, Market
from dualwindow.model_selection.contest.notes import notes_of
from dualwindow.model_selection.contest.rivals import LIGHTGBM_NAME, LOGISTIC_NAME, stride_of
from dualwindow.model_selection.contest.scoring import SUMS, preferred_sides, require_same_rows
from dualwindow.model_selection.contest.walk import RIVALS, ContestPlan, Scored, walk
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles

NAMES = ("close_change", "scaled_return60", "log_rms_change60")
CONFIG = TrainingConfig(window_size=10, patch_size=1, future_window=20)
HOUR_ROWS = 60


def market(days: int, *, planted: bool, seed: int = 1) -> Market:
    """Hourly blocks of one label each; planted, a column tells it four times in five."""
    random = np.random.default_rng(seed)
    candles = random_candles(1440 * days, seed=seed)
    rows = len(candles)
    labels = np.repeat(random.integers(0, 3, -(-rows // HOUR_ROWS)), HOUR_ROWS)[:rows]
    told = np.where(np.repeat(random.random(len(labels) // 20 + 1) < 0.8, 20)[:rows], labels, 1)
    features = random.normal(size=(rows, len(NAMES))).astype(np.float32)
    if planted:
        features[:, 1] += 2 * (told - 1)
    arrays = CandleArrays(NAMES, utc_seconds(candles["date"]), features, flat_candles(candles))
    dataset = Dataset.from_candles(arrays, labels.astype(np.int8), CONFIG, name="BTC/USDT")
    prices = TradeCandles.from_frame(candles)
    return Market("BTC/USDT", dataset, lambda: prices, CONFIG)


def plan(days: Sequence[int] = (2,)) -> ContestPlan:
    return ContestPlan({}, {}, RIVALS, tuple(days), 1, (1,), TradeTerms(fee=0.001), False)


def league(found: Sequence[Scored], of: ContestPlan) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["contender"], row["days"]): row for row in league_of(found, of)["league"]}


def test_a_planted_signal_is_won_by_those_that_can_learn_it() -> None:
    found = league(walk([market(8, planted=True)], plan(), KeptCells(None, "1")), plan())
    for name in (LOGISTIC_NAME, LIGHTGBM_NAME):
        assert found[name, 2]["skill"]["low"] > 0.05, found[name, 2]
        assert found[name, 2]["direction"]["low"] > 0.05
        assert found[name, 2]["windows_above"] == 6
    assert found[TABLE_NAME, 2]["skill"]["value"] == 0.0


def test_of_random_labels_no_contender_makes_anything() -> None:
    found = league(walk([market(8, planted=False)], plan(), KeptCells(None, "1")), plan())
    for row in found.values():
        assert row["skill"]["value"] < 0.02, row
        assert row["direction"]["low"] is None or row["direction"]["low"] <= 0.0, row


def test_training_rows_lie_before_what_is_evaluated_and_all_lengths_evaluate_the_same() -> None:
    place = market(6, planted=False)
    stops = place.stops(3, 1)
    assert len(stops) == 3
    for stop in stops:
        folds = [place.fold(stop, days, 1) for days in (1, 3)]
        assert folds[0].test_key == folds[1].test_key
        assert folds[0].rows_key != folds[1].rows_key
        for fold in folds:
            assert fold.train.max() + CONFIG.future_window < fold.validation.min()
            assert fold.validation.max() + CONFIG.future_window < fold.stop <= fold.test.min()


@pytest.mark.parametrize("field", ["features", "labels"])
def test_what_lies_after_a_window_changes_nothing_of_its_training(field: str) -> None:
    place = market(4, planted=False)
    fold = place.fold(place.stops(2, 1)[0], 2, 1)
    getattr(place.dataset, field)[fold.stop :] = 0
    again = place.fold(fold.stop, 2, 1)
    np.testing.assert_array_equal(again.training.features, fold.training.features)
    np.testing.assert_array_equal(again.training.labels, fold.training.labels)
    np.testing.assert_array_equal(again.train, fold.train)


def test_a_stopped_contest_ends_as_one_that_was_not(tmp_path: Path) -> None:
    place, wanted = market(5, planted=True), plan((1, 2))
    asked: list[bool] = []

    def stops() -> bool:
        asked.append(True)
        return len(asked) > 7

    with pytest.raises(TrainingStoppedError):
        walk([place], wanted, KeptCells(tmp_path, "1"), should_stop=stops)
    assert len(list(tmp_path.iterdir())) == 7
    resumed = walk([place], wanted, KeptCells(tmp_path, "1"))
    assert [scored.cell.kept for scored in resumed] == [True] * 7 + [False] * (len(resumed) - 7)
    whole = league_of(walk([place], wanted, KeptCells(None, "1")), wanted)
    found = league_of(resumed, wanted)
    for content in (whole, found):
        for row in content["league"]:
            del row["seconds"]
    assert found == whole


@pytest.mark.parametrize(
    "damage",
    [
        lambda _content: b"{",
        lambda _content: b"",
        lambda _content: b"[" * 100_000,
        lambda content: content.replace(b"0.25", b"0.75"),
        lambda content: content.replace(b"0.25", b"NaN"),
        lambda content: content.replace(b"0.25", b"null"),
        lambda content: content.replace(b'"sums"', b'"sumz"'),
        lambda content: content.replace(b'"sha256"', b'"sha257"'),
        lambda content: content.replace(b'"seconds": ', b'"seconds": 9'),
        lambda content: content.replace(b'"seed": 1', b'"seed": 2'),
    ],
)
def test_a_damaged_or_foreign_cell_is_made_anew(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    cells = KeptCells(tmp_path, "1")
    cells.make({"seed": 1}, lambda: {"sums": [0.25, 1.0]})
    kept = cells.find({"seed": 1})
    assert kept is not None
    assert kept.figures == {"sums": [0.25, 1.0]}
    assert KeptCells(tmp_path, "2").find({"seed": 1}) is None
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert file.read_bytes() != content
    assert cells.find({"seed": 1}) is None
    cells.make({"seed": 1}, lambda: {"sums": [0.25, 1.0]})
    assert cells.find({"seed": 1}) is not None


def test_a_cell_in_the_place_of_another_is_not_taken_for_it(tmp_path: Path) -> None:
    cells = KeptCells(tmp_path, "1")
    for seed in (1, 2):
        cells.make({"seed": seed}, lambda seed=seed: {"sums": [seed]})  # type: ignore[misc]
    one, other = sorted(tmp_path.iterdir())
    other.write_bytes(one.read_bytes())
    assert sum(cells.find({"seed": seed}) is not None for seed in (1, 2)) == 1


def test_too_few_days_are_refused_before_anything_is_fitted() -> None:
    with pytest.raises(DataError, match="needs 30 days to train on"):
        walk([market(4, planted=False)], plan((30,)), KeptCells(None, "1"))


def test_a_window_that_cannot_be_evaluated_or_trained_on_is_named_with_the_way_out() -> None:
    place = market(4, planted=False)
    stop = place.stops(2, 1)[0]
    place.dataset.labels[stop : stop + 1440] = UNKNOWN
    with pytest.raises(DataError, match=r"BTC/USDT, 2 days until .*: none of the next 1 days can"):
        place.fold(stop, 2, 1)
    place = market(4, planted=False)
    place.dataset.labels[:stop] = UNKNOWN
    with pytest.raises(DataError, match="BTC/USDT, 2 days until 20"):
        place.fold(stop, 2, 1)


def test_candles_without_a_price_are_counted_and_refused() -> None:
    place = market(4, planted=False)
    fold = place.fold(place.stops(2, 1)[0], 2, 1)
    whole = place.read_prices()
    gone = np.delete(np.arange(len(whole)), fold.test[5:8])
    for rows in (gone, np.arange(fold.test[-3])):
        prices = whole.at(rows)
        with pytest.raises(DataError, match=r"3 of [0-9]+ evaluated candles have no price"):
            replace(fold, market=replace(place, read_prices=lambda of=prices: of)).test_prices()


def test_funding_is_part_of_what_figures_depend_on() -> None:
    place = market(4, planted=False)
    fold, prices = place.fold(place.stops(2, 1)[0], 2, 1), place.read_prices()
    dates = prices.seconds[::480]
    keys = {fold.content_key()}
    for rate in (0.0, 1e-4):
        paid = replace(prices, funding=Funding(dates, np.full(len(dates), rate)))
        own = replace(fold, market=replace(place, read_prices=lambda of=paid: of))
        keys.add(own.content_key())
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.03, "better by"),
        (-0.03, -0.01, "worse ("),
        (-0.01, 0.01, "not distinguishable ("),
        (None, None, "in too few days to be told from"),
    ],
)
def test_a_comparison_is_told_by_its_interval(
    low: float | None, high: float | None, words: str
) -> None:
    assert compared({"value": 0.02, "low": low, "high": high}).startswith(words)


@pytest.mark.parametrize(
    ("lows", "words"),
    [
        ((None, None), "Too few days or trades to tell"),
        ((None, -0.01), "No contender's trades earned their fees"),
        ((0.01, -0.01), "on these days: LSTM (2 days); of 2 rows some may by luck"),
    ],
)
def test_contenders_that_earned_their_fees_are_named(
    lows: tuple[float | None, ...], words: str
) -> None:
    rows = [{"contender": "LSTM", "days": 2, "profit": {"low": low}} for low in lows]
    assert words in _earners(rows)


def test_few_weeks_are_told() -> None:
    found = league_of(walk([market(4, planted=False)], plan(), KeptCells(None, "1")), plan())
    assert found["blocks"] == "day"
    assert any("weeks were evaluated, fewer than 8" in line for line in found["verdict"])


def test_weeks_begin_on_monday() -> None:
    # 2025-01-05 was a Sunday.
    sunday = int(np.datetime64("2025-01-05").astype(int))
    days = {sunday + step: np.full(len(SUMS), 1.0) for step in (0, 1, 7, 8)}
    assert [sums[0] for _, sums in sorted(by_week(days).items())] == [1.0, 2.0, 1.0]


def test_rivals_take_no_more_rows_than_fit() -> None:
    assert stride_of(10_000, 1) == 1
    assert stride_of(10_000, 10) == 10
    assert stride_of(450_000, 1) == 9


def test_a_contender_without_rivals_is_compared_with_the_baselines() -> None:
    of = ContestPlan({}, {}, {}, (2,), 1, (1,), TradeTerms(fee=0.001), False)
    found = league(walk([market(4, planted=False)], of, KeptCells(None, "1")), of)
    assert {name for name, _ in found} == {PRIOR_NAME, TABLE_NAME}


def test_the_preferred_side_has_the_higher_probability_over_its_prior() -> None:
    probabilities = np.array([[0.30, 0.5, 0.20], [0.29, 0.5, 0.21], [0.1, 0.5, 0.4]])
    assert preferred_sides(probabilities, np.array([0.2, 0.6, 0.2])).tolist() == [0, 0, 2]
    # Where SHORT is common, the same 0.30 says less than 0.20 of a rare LONG.
    assert preferred_sides(probabilities, np.array([0.3, 0.6, 0.1])).tolist() == [2, 2, 2]


@pytest.mark.parametrize("place", range(3))
def test_a_row_without_a_prediction_prefers_no_side(place: int) -> None:
    probabilities = np.array([[0.3, 0.3, 0.4]] * 3, np.float32)
    probabilities[1, place] = math.nan
    found = preferred_sides(probabilities, np.array([0.3, 0.4, 0.3]))
    assert found.tolist() == [LONG, UNKNOWN, LONG]
    assert found.dtype == np.int8


def test_contenders_of_other_rows_are_not_compared() -> None:
    require_same_rows({"one": [{"key": "a"}], "two": [{"key": "a"}, {"key": "a"}]}, "key")
    with pytest.raises(ValueError, match="two and one were not evaluated on the same rows"):
        require_same_rows({"one": [{"key": "a"}], "two": [{"key": "b"}]}, "key")


def restless_or_leaning(fold: Fold, _seed: int) -> Forecast:
    """Every other day either both sides are likely, or only one is, and that a little."""
    random = np.random.default_rng(7)

    def forecast(rows: np.ndarray) -> np.ndarray:
        restless = fold.market.dataset.seconds[rows] // DAY_SECONDS % 2 == 0
        swing = random.uniform(0.3, 0.35, len(rows))
        lean = random.uniform(0.2, 0.25, len(rows)) * random.choice([-1, 1], len(rows))
        sides = [np.where(restless, swing, (0.25 + sign * lean) / 2) for sign in (-1, 1)]
        return np.stack([sides[0], 1 - sides[0] - sides[1], sides[1]], axis=1)

    even = (1 / 3, 1 / 3, 1 / 3)
    return Forecast(forecast(fold.validation), forecast(fold.test), even)


@pytest.mark.parametrize("measure", ["probability", "lead"])
def test_the_surest_candles_of_every_contender_are_those_of_its_measure(
    measure: ConfidenceMeasure,
) -> None:
    """Rivals are ranked as the configured networks are; a network by its own setting."""
    other: ConfidenceMeasure = "lead" if measure == "probability" else "probability"
    place = market(12, planted=False)
    config = CONFIG.replace(confidence_measure=measure, validation_fraction=0.5)
    place = replace(place, config=config)
    of = replace(
        plan((4,)),
        rivals={"rival": restless_or_leaning},
        networks={"network": config, "other": config.replace(confidence_measure=other)},
        contenders={"network": restless_or_leaning, "other": restless_or_leaning},
        step_days=2,
    )
    entered: dict[str, set[bool]] = {}
    for found in walk([place], of, KeptCells(None, "1")):
        days, sums = found.cell.figures["days"], np.array(found.cell.figures["sums"])
        entries = sums[:, SUMS.index("sides")]
        restless = {day % 2 == 0 for day, count in zip(days, entries, strict=True) if count}
        entered.setdefault(found.contender, set()).update(restless)
    by_lead, by_probability = {False}, {True}
    expected = by_lead if measure == "lead" else by_probability
    assert entered["rival"] == entered["network"] == expected
    assert entered["other"] == (by_probability if measure == "lead" else by_lead)
    (note,) = (text for text in notes_of(of, [place]) if "Edge where surest" in text)
    assert f"confidence_measure {measure!r}" in note
    assert f"of other by {other!r}" in note

"""Contenders on real candles get the same rows, nothing of the future, and a fair verdict."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from dualwindow.backtest.terms import TradeTerms
from dualwindow.columns import CLASS_NAMES
from dualwindow.errors import DataError
from dualwindow.model_selection.contest.drawn_sums import pooled
from dualwindow.model_selection.contest.forecasts import PRIOR_NAME as PRIOR
from dualwindow.model_selection.contest.forecasts import TABLE_NAME as TABLE
from dualwindow.model_selection.contest.forecasts import Forecast, learned_shares, prior
from dualwindow.model_selection.contest.market import Fold
from dualwindow.model_selection.contest.scoring import require_same_rows, scored
from dualwindow.settings import TrainingConfig
from studies.__main__ import main
from studies.contest import figures_of
from studies.part import Progress
from studies.real_candles import NETWORK, Scale, Source, lines, run
from studies.real_market import FOLDER_VARIABLE, CandleMarket
from studies.real_page import verdict
from studies.rivals import RIVALS
from tests.makers.markets import random_candles

DAY_ROWS = 1440
CONFIG = TrainingConfig()
TERMS = TradeTerms(fee=0.0005)


@pytest.fixture(scope="module")
def market() -> CandleMarket:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.real_market.PERIODS", (30,))
        return CandleMarket.from_frame("BTC/USDT", random_candles(7 * DAY_ROWS, seed=3), CONFIG)


@pytest.fixture(scope="module")
def folds(market: CandleMarket) -> list[Fold]:
    return list(market.folds(3, 1))


def leaking(fold: Fold) -> Forecast:
    random = np.random.default_rng(1)

    def known(rows: np.ndarray) -> np.ndarray:
        # Never as sure twice: of candles that are alike none is among the most confident. One in
        # 200 is mistaken, or the calibration would make all of them certain, and alike.
        sure = random.uniform(0.98, 0.998, len(rows))
        said = np.repeat((1 - sure[:, None]) / 2, len(CLASS_NAMES), axis=1)
        mistaken = random.random(len(rows)) < 0.005
        said[np.arange(len(rows)), (fold.market.labels[rows] + mistaken) % 3] = sure
        return said

    return Forecast(known(fold.validation), known(fold.test), learned_shares(fold))


def test_folds_are_purged_and_do_not_overlap(folds: list[Fold]) -> None:
    assert len(folds) == 3
    for fold in folds:
        assert fold.train.min() >= fold.first
        assert fold.train.max() + CONFIG.future_window < fold.validation.min()
        assert fold.validation.max() + CONFIG.future_window < fold.stop
        assert fold.test.min() >= fold.stop
    for fold, following in itertools.pairwise(folds):
        assert fold.test.max() < following.test.min()
        assert following.stop - fold.stop == DAY_ROWS


def test_training_does_not_know_what_comes_after_its_window(
    market: CandleMarket, folds: list[Fold], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.real_market.PERIODS", (30,))
    fold = folds[0]
    other = market.candles.copy()
    columns = ["open", "high", "low", "close"]
    other.loc[fold.stop :, columns] *= 1.5
    again = next(CandleMarket.from_frame(market.name, other, CONFIG).folds(3, 1))
    np.testing.assert_array_equal(again.training.labels, fold.training.labels)
    np.testing.assert_array_equal(again.training.features, fold.training.features)
    np.testing.assert_array_equal(again.train, fold.train)
    np.testing.assert_array_equal(again.validation, fold.validation)


def test_who_sees_the_label_has_a_skill_near_one_and_who_knows_nothing_none(
    folds: list[Fold],
) -> None:
    sums = {
        name: pooled([scored(fold, contender(fold), TERMS, temperature=True) for fold in folds])
        for name, contender in {
            "leak": leaking,
            PRIOR: lambda fold: prior(fold, 1),
            "blind": lambda fold: Forecast(
                np.full((len(fold.validation), 3), 1 / 3),
                np.full((len(fold.test), 3), 1 / 3),
                (1 / 3,) * 3,
            ),
        }.items()
    }
    found = figures_of(sums, dict.fromkeys(sums, 1), (PRIOR,), ["leak"])["contenders"]
    assert found["leak"]["skill"][PRIOR]["total"]["value"] > 0.9
    assert found["leak"]["edge"]["value"] > 0.005
    assert found["leak"]["common"]["value"] > 0.001
    for name in (PRIOR, "blind"):
        # Whoever has learned nothing ends at the class prior, however it was balanced.
        assert found[name]["skill"][PRIOR]["total"]["value"] == pytest.approx(0, abs=1e-9)
        assert found[name]["trades"] == 0
        assert found[name]["edge"]["value"] is None


def test_a_contender_does_not_differ_from_itself(folds: list[Fold]) -> None:
    rival = RIVALS["logistic regression"]
    cells = [scored(fold, rival(fold, 1), TERMS, temperature=True) for fold in folds]
    # Two seeds that say the same count as one.
    both = {"one": pooled(cells), "other": pooled([*cells, *cells])}
    found = figures_of(both, {"one": 1, "other": 2}, ("other",), ["one"])
    by = found["differences"]["one"]["other"]
    for key in ("skill", "edge", "common"):
        assert by[key]["value"] == pytest.approx(0, abs=1e-12)
    assert found["contenders"]["one"]["trades"] > 0


def test_other_rows_are_not_compared() -> None:
    both = {"one": [{"rows_key": "a"}], "two": [{"rows_key": "a"}, {"rows_key": "a"}]}
    require_same_rows(both, "rows_key")
    with pytest.raises(ValueError, match="two and one were not evaluated on the same rows"):
        require_same_rows({"one": [{"rows_key": "a"}], "two": [{"rows_key": "b"}]}, "rows_key")


def test_the_study_runs_with_the_same_rows_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.real_market.PERIODS", (30,))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    random_candles(4 * DAY_ROWS, seed=4).to_feather(tmp_path / "candles.feather")
    files = {"BTC/USDT": "candles.feather"}
    source = Source("made up", "", files, 2, 1, 0.001, (NETWORK,))
    scale = Scale((source,), (1, 2), 1, (("epochs", 1), ("patch_size", 60)))
    figures = json.loads(json.dumps(run(scale, Progress("real", tmp_path / "cells"))))
    cells = [json.loads(path.read_text()) for path in (tmp_path / "cells" / "real").iterdir()]
    keys: dict[str, set[str]] = {}
    for cell in cells:
        keys.setdefault(cell["inputs"]["contender"], set()).add(cell["figures"]["rows_key"])
    assert set(keys) == {*RIVALS, NETWORK}
    assert all(found == keys[TABLE] for found in keys.values())
    assert len(keys[TABLE]) == 1
    text = "\n".join(lines(figures))
    assert "### Made up" in text
    assert "network, log loss against the volatility table: " in text
    assert "0.20% a round trip" in text
    for name in keys:
        # Losses, trades and windows; what is not the network stands in the differences, too.
        assert text.count(f"\n| {name} |") == (3 if name == NETWORK else 4)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.03, "better (+2.0% [+1.0%, +3.0%])"),
        (-0.01, 0.05, "not distinguishable (+2.0% [-1.0%, +5.0%])"),
        (None, None, "too few days to tell (+2.0%)"),
    ],
)
def test_a_verdict_says_what_the_interval_says(
    low: float | None, high: float | None, said: str
) -> None:
    assert verdict({"value": 0.02, "low": low, "high": high}, 1) == said


def test_a_missing_folder_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(DataError, match=f"name one in {FOLDER_VARIABLE}"):
        run(Scale(()), Progress("real"))
    paths = [f"--{name}={tmp_path / name}" for name in ("results", "cache", "page")]
    assert main(["real", "--small", *paths]) == 1
    assert FOLDER_VARIABLE in capsys.readouterr().err
    assert "Not yet run: `python -m studies real`" in (tmp_path / "page").read_text()

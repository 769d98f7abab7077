"""Rivals of the studies beside those of a contest, fitted on the same rows of the same folds."""

from __future__ import annotations

import itertools
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dualwindow.evaluation.losses import row_losses
from dualwindow.model_selection.contest.forecasts import (
    PRIOR_NAME,
    TABLE_NAME,
    Contender,
    Forecast,
    learned_shares,
    prior,
    volatility_table,
)
from dualwindow.model_selection.contest.market import Fold
from dualwindow.model_selection.contest.rivals import complete
from studies.real_market import CandleMarket

#: Candles that trailing returns and volatilities look back.
TRAILING: Final = (5, 15, 30, 60, 120, 240, 480, 1440)
#: FreqAI's `include_shifted_candles`.
SHIFTS: Final = 2
#: Tried for the tuned LightGBM; the best by the validation rows' log loss is kept.
GRID: Final = {"num_leaves": (7, 31), "min_child_samples": (20, 200)}
RATE: Final = 0.05
MOST_TREES: Final = 300
PATIENCE: Final = 20
#: Every so manyth training row: neighbours' labels overlap by all but one candle.
STRIDE: Final = 3
#: Threads of LightGBM wait for one another without sleeping: on busy cores two take far longer.
_THREADS: Final = 1


def logistic(fold: Fold, _seed: int) -> Forecast:
    """Logistic regression on trailing returns, volatilities and time of day."""
    table = trailing_table(fold)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(table[fold.train], fold.market.labels[fold.train])
    return _forecast(model, table, fold)


def freqai_lightgbm(fold: Fold, seed: int) -> Forecast:
    """What FreqAI's LightGBMClassifier fits with its example configuration.

    That sets `model_training_parameters` to {}, so that LightGBM's own defaults hold. The features
    are those of the row and of the candles before it. FreqAI gives the evaluation rows for watching
    only, with no callback that stops early, so that they are left out here.
    """
    table = shifted_table(fold)
    model = lightgbm.LGBMClassifier(random_state=seed, n_jobs=_THREADS, verbose=-1)
    model.fit(table[fold.train], fold.market.labels[fold.train])
    return _forecast(model, table, fold)


def tuned_lightgbm(fold: Fold, seed: int) -> Forecast:
    """The best of `GRID` on the validation rows, with the trailing table or without."""
    shifted = shifted_table(fold)
    training = fold.train[::STRIDE]
    best: Any = None
    seen: NDArray[Any] = shifted
    least = np.inf
    for table in (shifted, np.column_stack([shifted, trailing_table(fold)])):
        rows, answers = _known_to_both(table, fold)
        for leaves, least_rows in itertools.product(*GRID.values()):
            model = lightgbm.LGBMClassifier(
                n_estimators=MOST_TREES,
                learning_rate=RATE,
                random_state=seed,
                n_jobs=_THREADS,
                verbose=-1,
                num_leaves=leaves,
                min_child_samples=least_rows,
            )
            model.fit(
                table[training],
                fold.market.labels[training],
                eval_X=rows,
                eval_y=answers,
                callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
            )
            loss = float(row_losses(answers, complete(model, rows))[:, 0].sum())
            if loss < least:
                best, seen, least = model, table, loss
    return _forecast(best, seen, fold)


RIVALS: Final[dict[str, Contender]] = {
    PRIOR_NAME: prior,
    TABLE_NAME: volatility_table,
    "logistic regression": logistic,
    "LightGBM (FreqAI's default)": freqai_lightgbm,
    "LightGBM (tuned)": tuned_lightgbm,
}


def trailing_table(fold: Fold) -> NDArray[np.float64]:
    """(N, 18) returns and volatilities over `TRAILING` and the time of day, 0 where unknown."""
    market = fold.market
    assert isinstance(market, CandleMarket)
    price = np.log(market.candles["close"].to_numpy(np.float64))
    squares = np.concatenate([[0.0], np.cumsum(np.diff(price, prepend=price[0]) ** 2)])
    columns = []
    for span in TRAILING:
        change, spread = np.zeros(len(price)), np.zeros(len(price))
        change[span:] = price[span:] - price[:-span]
        spread[span:] = np.sqrt(np.maximum(squares[span + 1 :] - squares[1:-span], 0.0) / span)
        columns += [change, np.log(np.maximum(spread, 1e-8))]
    angle = 2 * np.pi * (market.dataset.seconds % 86_400) / 86_400
    return np.column_stack([*columns, np.sin(angle), np.cos(angle)])


def shifted_table(fold: Fold) -> NDArray[np.float32]:
    """(N, F (1 + SHIFTS)) features of each row and of the candles before it, NaN before them."""
    features = fold.market.dataset.features
    parts = [features]
    for shift in range(1, SHIFTS + 1):
        moved = np.full_like(features, np.nan)
        moved[shift:] = features[:-shift]
        parts.append(moved)
    return np.column_stack(parts)


def _known_to_both(table: NDArray[Any], fold: Fold) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """Validation rows of classes that the training rows have: LightGBM refuses others."""
    answers = fold.market.labels[fold.validation]
    known = np.isin(answers, fold.market.labels[fold.train[::STRIDE]])
    return table[fold.validation[known]], answers[known]


def _forecast(model: Any, table: NDArray[Any], fold: Fold) -> Forecast:
    return Forecast(
        complete(model, table[fold.validation]),
        complete(model, table[fold.test]),
        learned_shares(fold),
    )

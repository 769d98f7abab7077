"""Rivals of the networks: regression and boosted trees on a candle's columns, mirrored rows too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.evaluation.losses import row_losses
from dualwindow.model_selection.contest.forecasts import Forecast, learned_shares, prior
from dualwindow.model_selection.contest.market import Fold
from dualwindow.models.mirror import Mirror, mirror_for

LOGISTIC_NAME: Final = "logistic regression"
LIGHTGBM_NAME: Final = "LightGBM"
#: Most training rows of a rival, evenly spaced, before they are mirrored: neighbours' labels share
#: all candles but one, and the table is the one copy of features that a contest makes.
MOST_ROWS: Final = 50_000
#: Inverse penalties of the regression. Weaker ones lost to the class prior on 30 and 50 days, as
#: overlapping labels are far fewer than rows.
STRENGTHS: Final = (0.0001, 0.001)
RATE: Final = 0.05
LEAVES: Final = 15
LEAST_ROWS: Final = 200
MOST_TREES: Final = 300
#: Trees without a gain on the validation rows after which no more are grown.
PATIENCE: Final = 20
#: Standard deviations beyond which a column counts no more, as extremes would rule a regression.
_CLIPPED: Final = 8.0
#: Threads of LightGBM wait for one another without sleeping: on busy cores two take far longer.
_THREADS: Final = 1
#: Rows that are predicted at a time.
_ROWS_AT_ONCE: Final = 16_384


def stride_of(rows: int, sample_every: int) -> int:
    """Every so manyth of the training rows is one of a rival's."""
    return max(sample_every, -(-rows // MOST_ROWS))


def lightgbm_problem() -> str | None:
    """Why LightGBM cannot take part; None where it can."""
    try:
        import lightgbm  # noqa: F401, PLC0415 - an optional part of freqtrade
    except (ImportError, OSError) as error:
        return f"LightGBM is left out, it cannot be imported ({error}); pip install lightgbm"
    return None


def logistic(fold: Fold, _seed: int) -> Forecast:
    """Multinomial logistic regression on the standardised columns of the newest candle.

    Of its penalties the one with the smaller log loss on the validation rows is taken.
    """
    table = _Table.of(fold)
    if not table.has_classes:
        return prior(fold, _seed)
    labels = fold.market.labels[fold.validation]
    found = []
    for strength in STRENGTHS:
        clipped = FunctionTransformer(np.clip, kw_args={"a_min": -_CLIPPED, "a_max": _CLIPPED})
        regression = LogisticRegression(C=strength, max_iter=300)
        model = make_pipeline(StandardScaler(), clipped, regression)
        found.append(table.forecast(model.fit(table.features, table.labels)))
    return min(found, key=lambda each: float(row_losses(labels, each.validation)[:, 0].sum()))


def lightgbm(fold: Fold, seed: int) -> Forecast:
    """Boosted trees on the columns of the newest candle, their number from the validation rows."""
    # A second to import, and not everybody has it.
    from lightgbm import LGBMClassifier, early_stopping  # noqa: PLC0415

    table = _Table.of(fold)
    if not table.has_classes:
        return prior(fold, seed)
    model = LGBMClassifier(
        n_estimators=MOST_TREES,
        learning_rate=RATE,
        num_leaves=LEAVES,
        min_child_samples=LEAST_ROWS,
        random_state=seed,
        n_jobs=_THREADS,
        verbose=-1,
    )
    rows, labels = table.validation()
    stopping: dict[str, Any] = (
        {
            "eval_X": rows,
            "eval_y": labels,
            "callbacks": [early_stopping(PATIENCE, verbose=False)],
        }
        if len(rows)
        else {}
    )
    return table.forecast(model.fit(table.features, table.labels, **stopping))


@dataclass(frozen=True)
class _Table:
    """Training rows of a fold as rivals see them, with their mirror images where there are any.

    Attributes:
        fold: of the rows.
        mirror: of the columns; None where rows have no image.
        features: (R, C) float32.
        labels: (R,) classes.
    """

    fold: Fold
    mirror: Mirror | None
    features: NDArray[np.float32]
    labels: NDArray[np.int8]

    @classmethod
    def of(cls, fold: Fold) -> _Table:
        dataset, config = fold.market.dataset, fold.market.config
        rows = fold.train[:: stride_of(len(fold.train), config.sample_every)]
        features, labels = dataset.features[rows], dataset.labels[rows]
        mirror = mirror_for(config, dataset.names)
        if mirror is not None:
            features = np.concatenate([features, _mirrored(features, mirror)])
            labels = np.concatenate([labels, SHORT + LONG - labels]).astype(np.int8)
        return cls(fold, mirror, features, labels)

    @property
    def has_classes(self) -> bool:
        """Whether there is anything to tell apart."""
        return len(np.unique(self.labels)) > 1

    def validation(self) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Validation rows of classes that the training rows have: LightGBM refuses others."""
        fold = self.fold
        rows = fold.validation[:: stride_of(len(fold.validation), 1)]
        labels = fold.market.labels[rows]
        known = np.isin(labels, self.labels)
        return fold.market.dataset.features[rows[known]], labels[known]

    def forecast(self, model: Any) -> Forecast:
        """What a fitted model predicts, each row averaged with its mirror image like a network."""
        fold = self.fold
        validation, test = (self._predict(model, rows) for rows in (fold.validation, fold.test))
        return Forecast(validation, test, learned_shares(fold, mirrored=self.mirror is not None))

    def _predict(self, model: Any, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        found = np.zeros((len(rows), len(CLASS_NAMES)))
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            features = self.fold.market.dataset.features[rows[part]]
            found[part] = complete(model, features)
            if self.mirror is not None:
                image = complete(model, _mirrored(features, self.mirror))
                found[part] = (found[part] + image[:, ::-1]) / 2
        return found


def _mirrored(features: NDArray[np.float32], mirror: Mirror) -> NDArray[np.float32]:
    return features[:, mirror.source] * np.array(mirror.sign, np.float32)


def complete(model: Any, table: NDArray[Any]) -> NDArray[np.float64]:
    """(N, 3) probabilities of a fitted classifier, 0 for a class that training did not hold."""
    found = np.zeros((len(table), len(CLASS_NAMES)))
    found[:, model.classes_.astype(int)] = model.predict_proba(table)
    return found

"""The package's networks as contenders, trained as the package trains them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from dualwindow.data.datasets.statistics import trained_prior
from dualwindow.model_selection.contest.forecasts import Contender, Forecast
from dualwindow.model_selection.contest.market import Fold
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import QUIET, TrainingSession
from dualwindow.training.train import train_dataset


def network(
    fold: Fold, seed: int, *, config: TrainingConfig, session: TrainingSession = QUIET
) -> Forecast:
    """A network of the settings, trained on the window of the fold.

    Raises:
        DualWindowError: as `train_dataset`.
    """
    config = config.replace(seed=seed)
    finished = train_dataset(fold.training, config, name=fold.market.name, session=session)
    counts = finished.split.train.counts
    trained = trained_prior(counts, config.class_balance, mirrored=finished.model.mirrors)
    validation, test = (
        finished.model.probabilities(
            fold.market.dataset.features, rows, should_stop=session.should_stop
        )
        for rows in (fold.validation, fold.test)
    )
    return Forecast(validation, test, trained)


def networks(
    configs: Mapping[str, TrainingConfig], should_stop: Callable[[], bool] = lambda: False
) -> dict[str, Contender]:
    """Contenders of settings by name; a training ends where `should_stop` returns true."""
    session = TrainingSession(should_stop=should_stop)
    return {
        name: partial(network, config=config, session=session) for name, config in configs.items()
    }

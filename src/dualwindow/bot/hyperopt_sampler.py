"""freqtrade's optimiser, begun at the configured thresholds. Needs optuna, as hyperopt does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from freqtrade.optimize.hyperopt.hyperopt_optimizer import INITIAL_POINTS
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import NSGAIIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class FirstAsConfigured(NSGAIIISampler):
    """freqtrade's default, but the first epoch tries given values instead of random ones.

    Args:
        first: parameter name to the value of the first epoch.
        random_state: seed of the others.
    """

    def __init__(self, first: Mapping[str, float], random_state: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(seed=random_state, population_size=INITIAL_POINTS)
        self._first = dict(first)

    def __str__(self) -> str:
        return "NSGAIIISampler, first epoch as configured"

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The configured value in the first epoch, else NSGA-III's."""
        if trial.number == 0 and param_name in self._first:
            return self._first[param_name]
        return super().sample_independent(study, trial, param_name, param_distribution)

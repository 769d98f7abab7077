"""freqtrade's hyperopt on the decision rule: thresholds and shares as its parameters.

freqtrade writes the best epoch to a JSON file beside the strategy and applies it over everything
else at the next start; `thresholds` decides which of its values count.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any, Final

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy import DecimalParameter

from dualwindow.bot.thresholds import (
    SIDES,
    ChosenThresholds,
    deciding_sides,
    share_name,
    threshold_name,
    values_of,
    with_given,
)
from dualwindow.confidence.coverage import STEPS, allowed_steps
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

SPACE: Final = "buy"
#: Trades of an epoch below which its profit is mostly luck; freqtrade's own default is one.
FEWEST_TRADES: Final = 30
#: Searched range of a threshold, widened where the start lies outside. Balanced classes spread the
#: probabilities around a third; with natural shares, or calibrated, SHORT and LONG are rare.
_BALANCED: Final = (0.3, 0.9)
_NATURAL: Final = (0.02, 0.6)
#: Shares of the candles of a side: from one or two a day (of a minute each) to one in ten.
_SHARES: Final = (0.001, 0.1)
#: Spaces that search the exits, alone or among others.
_EXIT_SPACES: Final = ("all", "default", "roi", "stoploss", "trailing")


def require_own_spaces(config: Mapping[str, Any], settings: TrainingConfig) -> None:
    """Refuse a hyperopt that would search exits, or has no threshold to search.

    One whose thresholds a few trades may choose is warned of.

    Raises:
        OperationalException: naming the spaces and the way out.
    """
    if config.get("runmode") != RunMode.HYPEROPT:
        return
    spaces = config.get("spaces") or ["default"]
    exits = [space for space in spaces if space in _EXIT_SPACES]
    if exits:
        raise OperationalException(
            f"hyperopt --spaces {' '.join(spaces)}: {', '.join(exits)} would search other exits, "
            f"and trades end where their labels do; use --spaces {SPACE}, which searches the "
            "thresholds"
        )
    if not settings.use_confidence_thresholding:
        raise OperationalException(
            "use_confidence_thresholding is false, so that hyperopt has no thresholds to search; "
            "set it to true"
        )
    fewest = int(config.get("hyperopt_min_trades", 1))
    if SPACE in spaces and fewest < FEWEST_TRADES:
        logger.warning(
            "hyperopt may choose thresholds by the profit of %s: the mean of so few is mostly "
            "luck; add --min-trades %d, or more",
            counted(fewest, "trade"),
            FEWEST_TRADES,
        )


def search_parameters(settings: TrainingConfig, *, can_short: bool) -> dict[str, DecimalParameter]:
    """Parameters of the sides that can change a trade, starting at the configured values.

    In mode coverage a side's share is searched in place of a threshold, which would end the purpose
    of the mode: a threshold for every model.

    Returns:
        By `threshold_name` or `share_name`.
    """
    balanced = settings.class_balance != "none" and settings.calibration == "none"
    parameters = {}
    for side in deciding_sides(settings, can_short=can_short):
        if SIDES[side] in settings.coverage_sides:
            # Rounded to the nearest it could let more through than is configured.
            start = allowed_steps(settings.confidence_coverage) / STEPS
            parameters[share_name(side)] = _around(start, _SHARES, decimals=4)
        else:
            start = float(getattr(settings.thresholds, side))
            usual = _BALANCED if balanced else _NATURAL
            parameters[threshold_name(side)] = _around(start, usual, decimals=3)
    return parameters


def _around(start: float, usual: tuple[float, float], *, decimals: int) -> DecimalParameter:
    low, high = min(usual[0], start), max(usual[1], start)
    return DecimalParameter(low, high, default=start, decimals=decimals, space=SPACE)


class SearchedRule:
    """The active decision rule of a strategy, whose values hyperopt may search.

    It is that of the settings until `choose`; `parameters` are those of `search_parameters`.
    """

    def __init__(self, settings: TrainingConfig, *, can_short: bool) -> None:
        self._settings, self._can_short = settings, can_short
        self.parameters = search_parameters(settings, can_short=can_short)
        self.choose({})

    def choose(self, given: Mapping[str, Mapping[str, Any]]) -> None:
        """Let given values replace those of the settings, see `ChosenThresholds.from_settings`."""
        self._chosen = ChosenThresholds.from_settings(
            self._settings, given, can_short=self._can_short
        )

    @property
    def active(self) -> DecisionRule:
        """The rule in use; while hyperopt runs, that of the current epoch."""
        tried = {
            name: parameter.value
            for name, parameter in self.parameters.items()
            if parameter.in_space and parameter.optimize
        }
        return with_given(self._chosen.rule, tried)

    def line(self) -> str:
        """The chosen values and their origins, for the log."""
        return self._chosen.line()

    def with_unsearched(
        self, unsearched: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Values that a search of other spaces writes to its file, with those of the chosen rule.

        `unsearched` maps a space to its parameters by name, as freqtrade gives them.
        """
        group = unsearched.get(SPACE, {})
        if not self.parameters.keys() & group.keys():
            return dict(unsearched)
        others = {name: value for name, value in group.items() if name not in self.parameters}
        sides = deciding_sides(self._settings, can_short=self._can_short)
        return {**unsearched, SPACE: {**others, **values_of(self._chosen.rule, sides)}}


class ConfiguredStart:
    """The `HyperOpt` of a strategy, which freqtrade asks for an optimiser of named parameters."""

    def __init__(self, parameters: Mapping[str, DecimalParameter]) -> None:
        self._first = {name: parameter.value for name, parameter in parameters.items()}

    def generate_estimator(self, *, random_state: int, **_kwargs: Any) -> Any:
        """The default optimiser of freqtrade, whose first epoch tries the configured values.

        The best epoch is therefore never worse than the configuration. `random_state` is the seed
        of the other epochs.
        """
        # optuna is installed with freqtrade's hyperopt only; a bot runs without it.
        from freqtrade.optimize.hyperopt.hyperopt_optimizer import (  # noqa: PLC0415
            INITIAL_POINTS,
        )
        from optuna.exceptions import ExperimentalWarning  # noqa: PLC0415
        from optuna.samplers import NSGAIIISampler  # noqa: PLC0415

        first = dict(self._first)

        class FirstAsConfigured(NSGAIIISampler):
            """NSGA-III after the first epoch."""

            def __str__(self) -> str:
                return "NSGAIIISampler, first epoch as configured"

            def sample_independent(
                self, study: Any, trial: Any, param_name: str, param_distribution: Any
            ) -> Any:
                """Value of one parameter."""
                if trial.number == 0 and param_name in first:
                    return first[param_name]
                return super().sample_independent(study, trial, param_name, param_distribution)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return FirstAsConfigured(seed=random_state, population_size=INITIAL_POINTS)

"""What decides as freqtrade's hyperopt parameters, and what a parameter file may set.

freqtrade writes the best epoch to a JSON file beside the strategy and puts it over everything else
at the next start. Whatever was searched, the file holds exits too: found ones, or those of its day.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy import DecimalParameter

from dualwindow.bot.config_checks import plain_exit
from dualwindow.bot.thresholds import SIDES, deciding_sides, share_name, threshold_name
from dualwindow.confidence.coverage import STEPS, allowed_steps
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

SPACE: Final = "buy"
#: What is searched, as long as the start does not lie outside. Balanced classes spread the
#: probabilities around a third; in their natural shares, as calibrated, SHORT and LONG are rare.
_BALANCED: Final = (0.3, 0.9)
_NATURAL: Final = (0.02, 0.6)
#: Shares of the candles of a side: from one or two a day (of a minute each) to one in ten.
_SHARES: Final = (0.001, 0.1)
#: Spaces that search the exits, alone or among others.
_EXIT_SPACES: Final = ("all", "default", "roi", "stoploss", "trailing")
#: Groups of a parameter file that hold exits.
_EXIT_GROUPS: Final = ("roi", "stoploss", "trailing")


def require_own_spaces(config: Mapping[str, Any], settings: TrainingConfig) -> None:
    """Refuse a hyperopt that would search exits, or has no threshold to search.

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


def search_parameters(settings: TrainingConfig, *, can_short: bool) -> dict[str, DecimalParameter]:
    """What decides as configured, by `threshold_name` and `share_name`, where it changes trades.

    In mode coverage a side's share is searched in place of a threshold, which would take away what
    the mode is for: each model's own.
    """
    return dict(
        _share(settings, side)
        if SIDES[side] in settings.coverage_sides
        else _threshold(settings, side)
        for side in deciding_sides(settings, can_short=can_short)
    )


def _threshold(settings: TrainingConfig, side: str) -> tuple[str, DecimalParameter]:
    balanced = settings.class_balance != "none" and settings.calibration == "none"
    start = float(getattr(settings.thresholds, side))
    return threshold_name(side), _around(start, _BALANCED if balanced else _NATURAL, decimals=3)


def _share(settings: TrainingConfig, side: str) -> tuple[str, DecimalParameter]:
    # Rounded to the nearest it could let more through than is configured.
    start = allowed_steps(settings.confidence_coverage) / STEPS
    return share_name(side), _around(start, _SHARES, decimals=4)


def _around(start: float, usual: tuple[float, float], *, decimals: int) -> DecimalParameter:
    low, high = min(usual[0], start), max(usual[1], start)
    return DecimalParameter(low, high, default=start, decimals=decimals, space=SPACE)


class ConfiguredStart:
    """What freqtrade looks for as `HyperOpt` of a strategy, to have its optimiser from.

    Args:
        parameters: that are searched, by name; they hold what is configured.
    """

    def __init__(self, parameters: Mapping[str, DecimalParameter]) -> None:
        self._first = {name: each.value for name, each in parameters.items()}

    def generate_estimator(self, *, random_state: int, **_kwargs: Any) -> Any:
        """The optimiser; what it finds is never worse than what is configured."""
        from dualwindow.bot.hyperopt_sampler import FirstAsConfigured  # noqa: PLC0415 - needs optuna

        return FirstAsConfigured(self._first, random_state)


def without_exits(content: dict[str, Any], file: str, strategy: type) -> dict[str, Any]:
    """What a parameter file holds without exits; those that are not the strategy's earn a warning.

    Args:
        content: of the file.
        file: its name.
        strategy: class that has the exits as attributes.

    Raises:
        OperationalException: when the file holds something else than groups of values.
    """
    params = content.get("params", {})
    groups = params.values() if isinstance(params, Mapping) else [params]
    if not all(isinstance(group, Mapping) for group in groups):
        raise OperationalException(f"{file} is no parameter file of hyperopt; delete it")
    exits = {"minimal_roi": params["roi"]} if params.get("roi") else {}
    exits |= {**params.get("stoploss", {}), **params.get("trailing", {})}
    replaced = [
        f"{name} {value!r}"
        for name, value in exits.items()
        if plain_exit(value) != plain_exit(getattr(strategy, name, None))
    ]
    if replaced:
        logger.warning(
            "%s holds exits that are not the strategy's (%s); they are left out, because trades "
            "end where their labels do: search with --spaces %s alone",
            file,
            ", ".join(replaced),
            SPACE,
        )
    kept = {name: group for name, group in params.items() if name not in _EXIT_GROUPS}
    return {**content, "params": kept}

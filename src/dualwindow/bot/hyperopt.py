"""The strategy's thresholds as freqtrade's hyperopt parameters, and what a parameter file may set.

freqtrade writes the best epoch to a JSON file beside the strategy and puts it over everything else
at the next start. Whatever was searched, the file holds exits too: found ones, or those of its day.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy import DecimalParameter

from dualwindow.bot.decisions import DecisionRule
from dualwindow.bot.settings import plain_exit
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import MODE_THRESHOLDS, threshold_text
from dualwindow.evaluation.text import calibration_text
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

SPACE: Final = "buy"
_SIDES: Final = {"short": SHORT, "long": LONG, "hold": HOLD}
#: What is searched, as long as the start does not lie outside. Balanced classes spread the
#: probabilities around a third; in their natural shares, as calibrated, SHORT and LONG are rare.
_BALANCED: Final = (0.3, 0.9)
_NATURAL: Final = (0.02, 0.6)
#: Where the threshold of a mode without one of its own lies before anything is found.
_MIDDLE: Final = MODE_THRESHOLDS["balanced"]
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


def threshold_parameters(
    settings: TrainingConfig, *, can_short: bool
) -> dict[str, DecimalParameter]:
    """Thresholds that can change a trade, by side: `short`, `long` and `hold`, or fewer.

    HOLD's only matters before the fallback to the likeliest class, SHORT's only where it is traded,
    and none does where the likeliest class is always said.
    """
    if not settings.use_confidence_thresholding:
        return {}
    matters = {
        "short": can_short,
        "long": True,
        "hold": settings.confidence_fallback == "argmax",
    }
    return {
        name: _parameter(_start(settings, name), settings)
        for name, it_does in matters.items()
        if it_does
    }


def _start(settings: TrainingConfig, name: str) -> float:
    by_model = _SIDES[name] in settings.coverage_sides
    return float(getattr(_MIDDLE if by_model else settings.thresholds, name))


def _parameter(start: float, settings: TrainingConfig) -> DecimalParameter:
    balanced = settings.class_balance != "none" and settings.calibration == "none"
    low, high = _BALANCED if balanced else _NATURAL
    return DecimalParameter(min(low, start), max(high, start), default=start, space=SPACE)


class ConfiguredStart:
    """What freqtrade looks for as `HyperOpt` of a strategy, to have its optimiser from.

    Args:
        parameters: that are searched, by side; they hold the configured thresholds.
        settings: in mode coverage nothing but the model's own threshold is configured, which is
            none to start from.
    """

    def __init__(
        self, parameters: Mapping[str, DecimalParameter], settings: TrainingConfig
    ) -> None:
        self._first = {
            parameter_name(side): each.value
            for side, each in parameters.items()
            if _SIDES[side] not in settings.coverage_sides
        }

    def generate_estimator(self, *, random_state: int, **_kwargs: Any) -> Any:
        """The optimiser; what it finds is never worse than the configured thresholds."""
        from dualwindow.bot.hyperopt_start import FirstAsConfigured  # noqa: PLC0415 - needs optuna

        return FirstAsConfigured(self._first, random_state)


def parameter_name(side: str) -> str:
    """Attribute of the strategy, and name in hyperopt's files, of a side's threshold."""
    return f"threshold_{side}"


def given_thresholds(
    values: Mapping[str, Any], parameters: Mapping[str, DecimalParameter]
) -> dict[str, Any]:
    """Thresholds by side out of values by parameter name, of those that are parameters."""
    named = {side: parameter_name(side) for side in parameters}
    return {side: values[name] for side, name in named.items() if name in values}


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


@dataclass(frozen=True)
class ChosenThresholds:
    """What decides, and where it comes from.

    Attributes:
        rule: thresholds, or shares of the validation candles.
        origins: `short`, `long` and `hold` to the words for where their threshold comes from.
    """

    rule: DecisionRule
    origins: Mapping[str, str]

    @classmethod
    def of(
        cls, settings: TrainingConfig, given: Mapping[str, Mapping[str, Any]]
    ) -> ChosenThresholds:
        """Choose each threshold: the first that gives it, then the settings, then their mode.

        Args:
            settings: of the configuration.
            given: words for an origin to the thresholds that it gives, by side; the first wins.

        Raises:
            OperationalException: when a given threshold is no probability; with its origin.
        """
        values: dict[str, float] = {}
        origins: dict[str, str] = {}
        for name in _SIDES:
            own = f"confidence_threshold_{name}"
            explicit = getattr(settings, own) is not None
            origins[name] = own if explicit else f"confidence_mode {settings.confidence_mode}"
            for origin, found in given.items():
                if name in found:
                    values[name] = _probability(found[name], name, origin)
                    origins[name] = origin
                    break
        shares = dict.fromkeys(settings.coverage_sides, settings.confidence_coverage)
        rule = DecisionRule(settings.thresholds, shares, settings.calibration)
        return cls(with_thresholds(rule, values), origins)

    def line(self) -> str:
        """What the log says of them."""
        thresholds, shares = self.rule.thresholds, self.rule.shares
        calibration = calibration_text(self.rule.calibration)
        if not thresholds.enabled:
            return f"use_confidence_thresholding is false: the likeliest class is said{calibration}"
        by_origin: dict[str, list[str]] = {}
        for name, code in _SIDES.items():
            said = f"{name.upper()} {threshold_text(getattr(thresholds, name))}"
            if code in shares:
                said = f"{name.upper()} at most {shares[code]:.2%} of each model's validation"
            by_origin.setdefault(self.origins[name], []).append(said)
        parts = [f"{' '.join(said)} ({origin})" for origin, said in by_origin.items()]
        return f"thresholds {', '.join(parts)}{calibration}"


def with_thresholds(rule: DecisionRule, values: Mapping[str, float]) -> DecisionRule:
    """A rule with other thresholds, by side, also in place of shares."""
    kept = rule.thresholds
    thresholds = replace(
        kept,
        short=values.get("short", kept.short),
        hold=values.get("hold", kept.hold),
        long=values.get("long", kept.long),
    )
    given = {_SIDES[name] for name in values}
    shares = {code: share for code, share in rule.shares.items() if code not in given}
    return replace(rule, thresholds=thresholds, shares=shares)


def _probability(value: Any, name: str, origin: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise OperationalException(
            f"threshold_{name} {value!r} of {origin} must be a number from 0 to 1; correct it, or "
            "search again"
        )
    return float(value)

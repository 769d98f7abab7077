"""The choice of the active rule: by a parameter file, a strategy's code or the settings.

A side is decided by a threshold of its probability or by a share of a model's validation candles.
The first source that gives either wins over those after it, and over the mode of the other kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from freqtrade.exceptions import OperationalException

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence.coverage import LARGEST, STEPS
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.thresholds import NEVER, calibration_text, fallback_text
from dualwindow.settings import TrainingConfig

SIDES: Final = {"short": SHORT, "long": LONG, "hold": HOLD}


def threshold_name(side: str) -> str:
    """Attribute of the strategy, and name in hyperopt's files, of a side's threshold."""
    return f"threshold_{side}"


def share_name(side: str) -> str:
    """Attribute and name of the share of validation candles for which a side fires."""
    return f"coverage_{side}"


def deciding_sides(settings: TrainingConfig, *, can_short: bool) -> list[str]:
    """Sides whose threshold or share can change a trade: `short`, `long` and `hold`, or fewer.

    HOLD's only matters before the fallback to the likeliest class, SHORT's only where it is traded,
    and no side's where the likeliest class is always the decision.
    """
    if not settings.use_confidence_thresholding:
        return []
    has_fallback = settings.confidence_fallback == "argmax"
    matters = {"short": can_short, "long": True, "hold": has_fallback}
    return [side for side in SIDES if matters[side]]


@dataclass(frozen=True)
class ChosenThresholds:
    """The chosen decision rule, and the words for the origins of its values by side."""

    rule: DecisionRule
    origins: Mapping[str, str]

    @classmethod
    def from_settings(
        cls,
        settings: TrainingConfig,
        given: Mapping[str, Mapping[str, Any]],
        *,
        can_short: bool,
    ) -> ChosenThresholds:
        """Choose for every side: the first source that gives it, the settings, then their mode.

        `given` maps words for an origin to its values by `threshold_name` and `share_name`, among
        others; the first origin that has either of a side wins.

        Raises:
            OperationalException: when the winning value is no probability or share, when there are
                both, or when a share stands beside a fallback that it cannot hold back.
        """
        values: dict[str, float] = {}
        origins: dict[str, str] = {}
        deciding = deciding_sides(settings, can_short=can_short)
        for side in SIDES:
            own = f"confidence_threshold_{side}"
            explicit = getattr(settings, own) is not None
            origins[side] = own if explicit else f"confidence_mode {settings.confidence_mode}"
            for origin, offered in given.items() if side in deciding else ():
                if value := _given(side, offered, origin, settings):
                    values |= value
                    origins[side] = origin
                    break
        return cls(with_given(DecisionRule.from_settings(settings), values), origins)

    def line(self) -> str:
        """The active thresholds and shares with their origins, for the log."""
        end = calibration_text(self.rule.calibration)
        if not self.rule.thresholds.enabled:
            return f"use_confidence_thresholding is false: the likeliest class is predicted{end}"
        by_origin: dict[str, list[str]] = {}
        decides_hold = self.rule.thresholds.fallback == "argmax"
        for side, code in SIDES.items():
            if code == HOLD and not decides_hold:
                continue
            limit = f"{side.upper()} {self.rule.limit_text(code)}"
            by_origin.setdefault(self.origins[side], []).append(limit)
        parts = [f"{' '.join(limits)} ({origin})" for origin, limits in by_origin.items()]
        return f"thresholds {', '.join(parts)}, {fallback_text(self.rule.thresholds.fallback)}{end}"


def with_given(rule: DecisionRule, values: Mapping[str, float]) -> DecisionRule:
    """The rule with given values, by `threshold_name` and `share_name`.

    A side's threshold replaces its share, and its share its threshold.
    """
    limits = {side: float(getattr(rule.thresholds, side)) for side in SIDES}
    shares = dict(rule.shares)
    for side, code in SIDES.items():
        if (name := threshold_name(side)) in values:
            limits[side] = values[name]
            shares.pop(code, None)
        elif (name := share_name(side)) in values:
            limits[side] = NEVER
            shares[code] = values[name]
    thresholds = replace(
        rule.thresholds, short=limits["short"], hold=limits["hold"], long=limits["long"]
    )
    return replace(rule, thresholds=thresholds, shares=shares)


def values_of(rule: DecisionRule, sides: Iterable[str]) -> dict[str, float]:
    """Thresholds and shares of some sides, by their names in parameter files."""
    return dict(
        (share_name(side), rule.shares[code])
        if (code := SIDES[side]) in rule.shares
        else (threshold_name(side), getattr(rule.thresholds, side))
        for side in sides
    )


def _given(
    side: str, offered: Mapping[str, Any], origin: str, settings: TrainingConfig
) -> dict[str, float]:
    """The value that an origin gives a side, by its name; empty where it gives none."""
    threshold, share = threshold_name(side), share_name(side)
    has_share = side != "hold" and share in offered
    if threshold in offered and has_share:
        # Only an edited file or code has both, and either choice could be the wrong one.
        raise OperationalException(
            f"{threshold} {offered[threshold]!r} and {share} {offered[share]!r} of {origin} both "
            f"decide {side.upper()}; remove one of them"
        )
    if threshold in offered:
        return {threshold: _number(offered[threshold], threshold, origin, 0, 1)}
    if not has_share:
        return {}
    if settings.confidence_fallback != "hold":
        raise OperationalException(
            f"{share} {offered[share]!r} of {origin} needs confidence_fallback 'hold', because "
            f"{settings.confidence_fallback!r} lets through what the share holds back; set "
            f"'hold', or remove {share}"
        )
    return {share: _number(offered[share], share, origin, 1 / STEPS, LARGEST)}


def _number(value: Any, name: str, origin: str, low: float, high: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise OperationalException(
            f"{name} {value!r} of {origin} must be a number from {low} to {high}; correct it, or "
            "remove it and search again"
        )
    return float(value)

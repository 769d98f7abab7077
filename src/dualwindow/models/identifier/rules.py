"""A decision rule as plain JSON types, for the records of what was traded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence import Thresholds
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.measure import LOWEST


def rule_to_dict(rule: DecisionRule) -> dict[str, Any]:
    """Plain JSON types.

    Example:
        >>> rule = DecisionRule(Thresholds(short=0.5, hold=0.4, long=0.6), {2: 0.01}, "prior")
        >>> rule_from_dict(rule_to_dict(rule)) == rule
        True
    """
    return {
        "thresholds": asdict(rule.thresholds),
        "shares": {CLASS_NAMES[code]: share for code, share in rule.shares.items()},
        "calibration": rule.calibration,
        "measure": rule.measure,
    }


def rule_from_dict(content: Mapping[str, Any]) -> DecisionRule:
    """Raises KeyError, TypeError or ValueError where `rule_to_dict` did not make the content."""
    shares = {CLASS_NAMES.index(name): share for name, share in content["shares"].items()}
    # Rules of earlier versions lack the measure.
    measure = content.get("measure", "probability")
    if measure not in LOWEST:
        raise ValueError(f"no measure {measure!r}")
    thresholds = Thresholds(**content["thresholds"])
    return DecisionRule(thresholds, shares, content["calibration"], measure)

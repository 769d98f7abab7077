"""The rule that a backtest decided by, with some settings changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Final

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.settings import TrainingConfig

_SIDES: Final = {SHORT: "short", LONG: "long", HOLD: "hold"}


def changed_rule(
    rule: DecisionRule, settings: TrainingConfig, given: Collection[str]
) -> DecisionRule:
    """A traded rule with some settings in place of its own; the sides that they leave alone stay.

    They may be those of hyperopt's file or of a strategy's code, which no setting has.

    Args:
        rule: of a backtest.
        settings: the backtest's, with the given ones.
        given: names of the settings that replace the backtest's.
    """
    asked = DecisionRule.from_settings(settings)
    limits, shares = asdict(asked.thresholds), dict(asked.shares)
    for code, side in _SIDES.items():
        if {"confidence_mode", f"confidence_threshold_{side}"} & set(given):
            continue
        limits[side] = getattr(rule.thresholds, side)
        shares.pop(code, None)
        if code in rule.shares:
            by_share = "confidence_coverage" in given
            shares[code] = settings.confidence_coverage if by_share else rule.shares[code]
    # The levels are those of the predictions, by whichever measure their models were made.
    return replace(asked, thresholds=Thresholds(**limits), shares=shares, measure=rule.measure)

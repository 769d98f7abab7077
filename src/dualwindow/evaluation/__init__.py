"""How good a model is: pure functions on arrays of labels and probabilities.

`evaluate` makes all figures; the modules hold one kind each.
"""

from __future__ import annotations

from dualwindow.evaluation.classification import DecisionFigures, trading_f1
from dualwindow.evaluation.figures import EvaluatedPart, Evaluation, evaluate, evaluate_parts
from dualwindow.evaluation.reference import Comparison, Reference

__all__ = [
    "Comparison",
    "DecisionFigures",
    "EvaluatedPart",
    "Evaluation",
    "Reference",
    "evaluate",
    "evaluate_parts",
    "trading_f1",
]

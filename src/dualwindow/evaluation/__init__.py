"""Evaluation of a model: pure functions on arrays of labels and probabilities.

`evaluate` computes all figures; the modules compute one kind of them.
"""

from __future__ import annotations

from dualwindow.evaluation.classification import DecisionFigures, trading_f1
from dualwindow.evaluation.figures import Evaluation, evaluate, evaluate_parts
from dualwindow.evaluation.reference import Comparison, EvaluatedPart, Reference

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

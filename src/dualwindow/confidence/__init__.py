"""Confidence: calibrated probabilities, thresholds and the decision they lead to."""

from dualwindow.confidence.thresholds import Thresholds, decide

__all__ = ["Thresholds", "decide"]

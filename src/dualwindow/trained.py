"""The dotted path that saved models name: FreqAI unpickles `dualwindow.trained.CheckpointLoader`.

It is a file format, which does not move without a changelog entry. The class itself is defined in
`dualwindow.models.trained_model`; nothing in the package imports it from here.
"""

from __future__ import annotations

from dualwindow.models.trained_model import CheckpointLoader

__all__ = ["CheckpointLoader"]

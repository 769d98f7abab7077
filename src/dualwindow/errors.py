"""Every error that this package raises on purpose.

The messages are written for the person who runs the bot: what, where, which value, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class DualWindowError(Exception):
    """Base of all errors that the package raises on purpose."""


class SettingsError(DualWindowError):
    """One or more settings are wrong.

    Attributes:
        problems: one sentence a problem, each naming the setting, its value and the way out.

    """

    def __init__(self, problems: Sequence[str], source: str = "settings") -> None:
        self.problems = list(problems)
        listing = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in {source}:\n{listing}")


class DataError(DualWindowError):
    """The candles cannot be used: too few, out of order, or without a needed column."""


class ModelFileError(DualWindowError):
    """A saved model is missing, damaged, or was made for other features or settings."""


class TrainingStoppedError(DualWindowError):
    """A training was asked to stop before its end; no model was made."""


class MemoryLimitError(DualWindowError):
    """Not enough memory, even for the smallest chunk."""


class RankLostError(DualWindowError):
    """Another process of a training over several has ended or cannot be reached."""

"""The errors that the package raises on purpose.

    Exception
      DualWindowError            every error below; catch this one
        SettingsError            settings or the configuration are wrong
        DataError                the candles cannot be used
        ModelFileError           a saved model cannot be used
        TrainingStoppedError     a training was stopped on request
        MemoryLimitError         memory is too small
        RankLostError            another process of a distributed training is gone

The messages are written for the person who runs the bot: what, where, which value, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class DualWindowError(Exception):
    """Base of all errors that the package raises on purpose."""


class SettingsError(DualWindowError):
    """One or more settings are wrong.

    Attributes:
        problems: one sentence per problem: the setting, its value and the way out.

    Example:
        >>> print(SettingsError(["'epoch' is not a setting; did you mean 'epochs'?"], "my.json"))
        1 problem in my.json:
          - 'epoch' is not a setting; did you mean 'epochs'?
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
    """Another process of a distributed training has ended or cannot be reached."""

"""Which features a network sees of every candle of the window, and which of the last one alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dualwindow.columns import SUMMARY, SUMMARY_FEATURES
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class ColumnRoles:
    """Positions among the C features of a candle; a feature may have both roles.

    Attributes:
        window: features of which the network sees a whole window.
        wide: features of which it sees the window's last candle, in the wide path.
    """

    window: tuple[int, ...]
    wide: tuple[int, ...] = ()

    @classmethod
    def of(cls, config: TrainingConfig, names: Sequence[str]) -> ColumnRoles:
        """The roles that the settings give to features of canonical names.

        Unless named, summary columns are wide, and all others belong to the window.

        Raises:
            DataError: when a name or pattern of the settings is that of no feature, or when no
                feature is left for the window.

        Example:
            >>> names = "close_change", "my_index"
            >>> ColumnRoles.of(TrainingConfig(wide_features=("my_*",)), names)
            ColumnRoles(window=(0, 1), wide=(1,))
        """
        # The clock is among the features of set `extended` too, which belong to the window.
        of_summary = config.feature_set == SUMMARY
        summaries = [of_summary and name in SUMMARY_FEATURES for name in names]
        window = [not summary for summary in summaries]
        if config.window_features is not None:
            window = _chosen("window_features", config.window_features, names)
        wide = summaries
        if config.wide_features is not None:
            wide = _chosen("wide_features", config.wide_features, names)
        roles = cls(_positions(window), _positions(wide))
        if not roles.window:
            raise DataError(
                "the network needs a feature in its window, and there is none: name one in "
                f"window_features; the features are {', '.join(names)}"
            )
        return roles


def _chosen(setting: str, patterns: Sequence[str], names: Sequence[str]) -> list[bool]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise DataError(
                f"{setting}: {pattern!r} is the name of no feature; correct or remove it; the "
                f"features are {', '.join(names)}"
            )
    return [any(fnmatchcase(name, pattern) for pattern in patterns) for name in names]


def _positions(chosen: Sequence[bool]) -> tuple[int, ...]:
    return tuple(position for position, is_chosen in enumerate(chosen) if is_chosen)

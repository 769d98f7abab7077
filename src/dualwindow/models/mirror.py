"""The mirror image of prices: every rise a fall, SHORT and LONG swapped.

A network that sees windows and their mirror images cannot prefer a side by habit, and it learns
direction from twice as many examples.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dualwindow.columns import (
    CHANGE_FEATURES,
    CLOSE_CHANGE,
    EXTENDED_FEATURES,
    HIGH_CHANGE,
    LOW_CHANGE,
    ODD_SUMMARY_FEATURES,
    PRICE_TO_MA,
    SUMMARY_FEATURES,
    VOLUME_CHANGE,
    VOLUME_TO_MA,
)
from dualwindow.data.features.column_roles import ColumnRoles
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

# Another timeframe (`_5m`), or a correlated pair with its timeframe (`_ETH/USDTUSDT_1m`).
_ORIGIN: Final = r"(?P<origin>(?:_[^_]+/[^_]+)?(?:_\d+[smhdwM])?)"
_CHANGE: Final = re.compile(rf"(?P<kind>{'|'.join(CHANGE_FEATURES)}){_ORIGIN}")
_AVERAGE: Final = re.compile(rf"(?P<kind>{PRICE_TO_MA}|{VOLUME_TO_MA})\d+")
# Whole names: of the base pair and timeframe, and of known periods.
_FIXED: Final = re.compile(rf"(?P<kind>{'|'.join((*EXTENDED_FEATURES, *SUMMARY_FEATURES))})")
_PARTNER: Final = {HIGH_CHANGE: LOW_CHANGE, LOW_CHANGE: HIGH_CHANGE}
_KINDS: Final = (_CHANGE, _AVERAGE, _FIXED)
# Volatility knows no side, volume and time of day none either.
_KEPT: Final = {VOLUME_CHANGE, VOLUME_TO_MA, *EXTENDED_FEATURES, *SUMMARY_FEATURES} - set(
    ODD_SUMMARY_FEATURES
)


@dataclass(frozen=True)
class Mirror:
    """How to mirror C unscaled features: `mirrored[i] = sign[i] * features[source[i]]`."""

    source: tuple[int, ...]
    sign: tuple[float, ...]


def mirror_of(names: Sequence[str]) -> Mirror | None:
    """The mirror image of (C,) canonical feature names; None when one has no known image."""
    position = {name: index for index, name in enumerate(names)}
    source: list[int] = []
    sign: list[float] = []
    for name in names:
        match = next(filter(None, (kind.fullmatch(name) for kind in _KINDS)), None)
        if match is None:
            return None
        kind = match["kind"]
        partner = position.get(name.replace(kind, _PARTNER.get(kind, kind), 1))
        if partner is None:
            return None
        source.append(partner)
        sign.append(1.0 if kind in _KEPT else -1.0)
    return Mirror(tuple(source), tuple(sign))


def close_changes(names: Sequence[str]) -> tuple[int, ...]:
    """Positions of the changes of a close among (C,) canonical feature names.

    Those of this pair or a correlated one, on any timeframe: what adds up to a trailing return.
    """
    matches = ((at, _CHANGE.fullmatch(name)) for at, name in enumerate(names))
    return tuple(at for at, match in matches if match and match["kind"] == CLOSE_CHANGE)


def mirror_for(config: TrainingConfig, names: Sequence[str]) -> Mirror | None:
    """Decide whether training mirrors windows.

    Raises:
        DataError: when mirroring is demanded but a feature has no known mirror image.

    Example:
        >>> names = "high_change", "low_change", "volume_change"
        >>> mirror_for(TrainingConfig(mirror="on"), names)
        Mirror(source=(1, 0, 2), sign=(-1.0, -1.0, 1.0))
    """
    if config.mirror == "off":
        return None
    mirror = mirror_of(names)
    if mirror is not None and not _keeps_roles(mirror, ColumnRoles.of(config, names)):
        mirror = None
    if mirror is None and config.mirror == "on":
        raise DataError(
            "mirror 'on' needs a known mirror image of every feature, beside it in window_features "
            f"and wide_features, and at least one of {', '.join(names)} has none; use mirror 'auto'"
        )
    if mirror is None or not config.barriers_are_symmetric:
        reason = "a feature has no mirror image" if mirror is None else "the barriers differ"
        logger.debug("training without mirrored windows: %s", reason)
        return None
    return mirror


def _keeps_roles(mirror: Mirror, roles: ColumnRoles) -> bool:
    """Whether the image of every feature is seen where the feature is."""
    return all(
        {mirror.source[position] for position in seen} == set(seen)
        for seen in (roles.window, roles.wide)
    )

"""Notes of looks: which candles a model was evaluated on, and with which thresholds.

An untouched tail, or a later period, shows once what thresholds earn there. Whoever looks with
several and keeps the best has chosen on these candles, so that the best of them looks better than
it is. Every look is noted beside the model, a line of JSON each, appended.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Self

from dualwindow.columns import HOLD
from dualwindow.confidence.decision_rule import DecisionRule

logger = logging.getLogger(__name__)

LOOKS_NAME: Final = "looks.jsonl"


@dataclass(frozen=True)
class Look:
    """One evaluation of a model, or of the predictions in a backtest's folder.

    Attributes:
        first: date of the first candle, seconds since 1970.
        last: of the last one.
        rule: thresholds and calibration in words.
        limits: the thresholds, or shares, in the order of the classes; None where one has no
            effect; empty without thresholds.
        by: what looked, such as `evaluate`.
        model: SHA-256 of the model's weights; None of a backtest's folder, which has many.
        when: it looked, seconds since 1970.
    """

    first: int
    last: int
    rule: str
    limits: tuple[float | None, ...]
    by: str
    model: str | None
    when: int

    @classmethod
    def of(
        cls, rule: DecisionRule, dates: tuple[int, int], by: str, model: str | None = None
    ) -> Self:
        """A look at this moment, at candles from the first to the last of two dates."""
        limits: tuple[float | None, ...] = ()
        if rule.thresholds.enabled:
            limits = tuple(
                None
                if code == HOLD and rule.thresholds.fallback == "hold"
                else float(rule.shares.get(code, limit))
                for code, limit in enumerate(rule.thresholds.by_class())
            )
        return cls(*dates, rule.summary(), limits, by, model, int(time.time()))

    @property
    def choice(self) -> tuple[str, tuple[float | None, ...]]:
        """Two looks of the same thresholds are one choice."""
        return self.rule, self.limits


def note_look(folder: Path, look: Look) -> list[Look]:
    """Append a look to those of a model's or backtest's folder; the same one is noted once.

    A folder that cannot be written is only logged: its figures are no worse for it.

    Returns:
        All looks at these candles or some of them, the new one included.
    """
    before = looks_at(folder, (look.first, look.last), look.model)
    if any(replace(old, when=look.when) == look for old in before):
        return before
    try:
        with (folder / LOOKS_NAME).open("ab") as handle:
            handle.write(json.dumps(asdict(look)).encode() + b"\n")
    except OSError as error:
        logger.warning(
            "the look at these candles is not noted in %s (%s), so that later ones will not be "
            "counted with it; make the folder writable",
            folder / LOOKS_NAME,
            error,
        )
    return [*before, look]


def looks_at(folder: Path, dates: tuple[int, int], model: str | None) -> list[Look]:
    """Noted looks of a model at any of the candles between two dates, oldest first."""
    return [
        look
        for look in _read(folder / LOOKS_NAME)
        if look.model == model and look.first <= dates[1] and dates[0] <= look.last
    ]


def choices_of(looks: Sequence[Look]) -> list[str]:
    """Different thresholds among looks, in words, in the order in which they came."""
    return [rule for rule, _ in dict.fromkeys(look.choice for look in looks)]


def _read(path: Path) -> list[Look]:
    """Lines that cannot be read are left out: a process may have been killed while writing one."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            content = json.loads(line)
            found.append(Look(**{**content, "limits": tuple(content["limits"])}))
        except (ValueError, TypeError, KeyError):
            continue
    return found

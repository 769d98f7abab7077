"""Entries of a track record, as bytes: a file format.

The first byte is the kind. A decision, of which a pair has one a candle, is packed into twelve
bytes; the others are rare, and are compressed JSON.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from pydantic import TypeAdapter

from dualwindow.columns import CLASS_NAMES

GENESIS: Final = 1
CLAIM: Final = 2
DECISION: Final = 3
OUTCOME: Final = 4
TRADE: Final = 5
KINDS: Final = (GENESIS, CLAIM, DECISION, OUTCOME, TRADE)

_DECISION: Final = struct.Struct("<BHIHHB")
#: Probabilities are kept in so many steps.
_STEPS: Final = 65_535


class EntryError(ValueError):
    """The bytes are no entry."""


@dataclass(frozen=True)
class Genesis:
    """The beginning of a record: how its decisions are scored.

    `created` and all dates of entries are seconds since 1970; `scoring` has the barriers, the
    future window, the costs and the timeframe; `before` is the head of the record that this one
    takes the place of, because it was scored in another way.
    """

    format: int
    created: int
    scoring: Mapping[str, Any]
    before: str | None = None


@dataclass(frozen=True)
class Claim:
    """What a pair's model promises, written before it decides.

    Attributes:
        pair: its name.
        number: of the pair in this record.
        seconds: date of the first candle that it decides.
        model: name of its folder.
        sums: file name to SHA-256 of what the model was loaded from.
        rule: thresholds or shares in force, in words.
        thresholds: class name to threshold, or share, in force.
        firing: share of the validation candles on which it decided for a side; None: unknown.
        precision: class name to the share of such decisions that were right; None: unknown.
        profit: mean profit of a trade in validation, fraction of the price after costs, without
            leverage; None: unknown.
        interval: 95 % interval of that profit; None: unknown.
        previous: number of the entry before it that is no decision, so that none can be hidden in a
            gap of old decisions; None: an earlier version wrote it. So of the other kinds.
    """

    pair: str
    number: int
    seconds: int
    model: str
    sums: Mapping[str, str]
    rule: str
    thresholds: Mapping[str, float]
    firing: float | None = None
    precision: Mapping[str, float | None] | None = None
    profit: float | None = None
    interval: tuple[float, float] | None = None
    previous: int | None = None

    def is_of(self, model: str, rule: str) -> bool:
        """Whether it holds for a model and a rule."""
        return (self.model, self.rule) == (model, rule)


@dataclass(frozen=True)
class Decision:
    """One candle of a pair: probabilities, decision, FreqAI's `do_predict`, and the gate.

    `number` is that of the pair; `blocked` is true where `trade_only_on_evidence` let nothing in.
    """

    number: int
    seconds: int
    short: float
    long: float
    side: int
    do_predict: int
    blocked: bool

    def packed(self) -> bytes:
        """Twelve bytes."""
        flags = self.side | min(max(self.do_predict, 0), 2) << 2 | self.blocked << 4
        levels = (round(min(max(value, 0.0), 1.0) * _STEPS) for value in (self.short, self.long))
        return _DECISION.pack(DECISION, self.number, self.seconds, *levels, flags)

    @classmethod
    def unpacked(cls, content: bytes) -> Self:
        """Read what `packed` made.

        Raises:
            EntryError: when it did not.

        Example:
            >>> decision = Decision(3, 1_700_000_040, 0.25, 0.5, side=2, do_predict=1, blocked=True)
            >>> Decision.unpacked(decision.packed()).side, len(decision.packed())
            (2, 12)
        """
        try:
            _, number, seconds, short, long, flags = _DECISION.unpack(content)
        except struct.error as error:
            raise EntryError(f"a decision of {len(content)} bytes") from error
        side, do_predict = flags & 3, flags >> 2 & 3
        if side >= len(CLASS_NAMES) or do_predict > 2 or flags > 31:
            raise EntryError(f"a decision with the flags {flags}")
        shares = short / _STEPS, long / _STEPS
        return cls(number, seconds, *shares, side, do_predict, blocked=bool(flags >> 4))


@dataclass(frozen=True)
class Outcome:
    """Outcomes of a pair's decisions, written once a period's candles are known.

    Attributes:
        pair: its name.
        number: of the pair in this record.
        period: of `periods.Scoring`.
        predicted: of the decisions whose future window ended in the period, those with a valid
            prediction.
        fired: class name to such decisions for it.
        right: class name to those of them whose label is this class.
        labels: one character a decision of those, in order: the class code of its label, `-` if
            unknown.
        trades: paper trades of the decisions in the period: the place of a trade's candle in the
            period, the class code of its side, its profit after costs, and the promised one or
            None.
    """

    pair: str
    number: int
    period: int
    predicted: int
    fired: Mapping[str, int]
    right: Mapping[str, int]
    labels: str
    trades: tuple[tuple[int, int, float, float | None], ...]
    previous: int | None = None


@dataclass(frozen=True)
class TradeEntry:
    """A trade of freqtrade's that has ended.

    Dates are seconds since 1970; `profit` is freqtrade's ratio after fees, funding and leverage.
    """

    id: int
    pair: str
    side: str
    opened: int
    closed: int
    open_rate: float
    close_rate: float
    leverage: float
    profit: float
    reason: str
    tag: str
    previous: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Tells it from all others, those of another database of freqtrade's included."""
        return self.id, self.opened


Rare = Genesis | Claim | Outcome | TradeEntry
Entry = Rare | Decision
_CLASSES: Final[Mapping[int, type[Any]]] = {
    GENESIS: Genesis,
    CLAIM: Claim,
    OUTCOME: Outcome,
    TRADE: TradeEntry,
}
_READERS: Final = {kind: TypeAdapter(name) for kind, name in _CLASSES.items()}


def packed(entry: Entry) -> bytes:
    """An entry as bytes."""
    if isinstance(entry, Decision):
        return entry.packed()
    kind = next(kind for kind, name in _CLASSES.items() if isinstance(entry, name))
    text = json.dumps(asdict(entry), separators=(",", ":"), allow_nan=False)
    return bytes([kind]) + zlib.compress(text.encode(), 9)


def unpacked(content: bytes) -> Entry:
    """Read what `packed` made.

    Raises:
        EntryError: when it did not.
    """
    kind = kind_of(content)
    if kind == DECISION:
        return Decision.unpacked(content)
    try:
        entry: Entry = _READERS[kind].validate_json(zlib.decompress(content[1:]), strict=True)
    except (zlib.error, ValueError) as error:
        reason = " ".join(str(error).split())
        raise EntryError(f"an entry of the kind {kind} cannot be read ({reason})") from error
    return entry


def kind_of(content: bytes) -> int:
    """The kind of an entry.

    Raises:
        EntryError: when there is none such.
    """
    if not content or content[0] not in KINDS:
        raise EntryError(f"an entry of the kind {content[0] if content else 'none'}")
    return content[0]

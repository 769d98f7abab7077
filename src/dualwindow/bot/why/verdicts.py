"""A gate that one candle met."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["open", "closed", "not known"]


@dataclass(frozen=True)
class Gate:
    """A gate that one candle met.

    Attributes:
        name: of the gate.
        state: whether it let the candle through.
        words: the facts behind it.
        cause: short name of the reason where it closed, by which candles are counted.
        needed: what would have had to differ where it closed.
    """

    name: str
    state: State
    words: str
    cause: str = ""
    needed: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def is_open(name: str, words: str) -> Gate:
    """A gate that let the candle through."""
    return Gate(name, "open", words)


def not_known(name: str, words: str) -> Gate:
    """A gate of which it is not known."""
    return Gate(name, "not known", words)


def closed(name: str, cause: str, words: str, needed: str) -> Gate:
    """A gate that closed."""
    return Gate(name, "closed", words, cause, needed)

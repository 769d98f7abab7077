"""Damage to bytes and to JSON, drawn from a seed, and what it has found before.

A fault that fuzzing finds is mended, and the bytes that showed it stay in `corpus/`, a file each,
which every run tries first.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

CORPUS: Final = Path(__file__).with_name("corpus")
#: Values in the place of others.
_WILD: Final[tuple[Any, ...]] = (
    *(None, True, False, "", "x", "1e400", "-0", "NaN", "١٢", [], {}, [[]], {"code": -1}),
    *(0, -1, 1, 7, 2**31, 2**63, 2**64, 10**40, 1e308, -1e308, 1e-320, 1735689600, "null"),
)


def found_before(target: str) -> list[bytes]:
    """What once showed a fault of a target."""
    return [path.read_bytes() for path in sorted((CORPUS / target).glob("*"))]


def _flip(content: bytearray, drawn: random.Random) -> bytearray:
    for _ in range(drawn.choice((1, 1, 2, 20))):
        content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    return content


def _cut(content: bytearray, drawn: random.Random) -> bytearray:
    return content[: drawn.randrange(len(content))]


def _insert(content: bytearray, drawn: random.Random) -> bytearray:
    at = drawn.randrange(len(content) + 1)
    content[at:at] = drawn.randbytes(drawn.choice((1, 8, 300)))
    return content


def _stretch(content: bytearray, drawn: random.Random) -> tuple[int, int]:
    first = drawn.randrange(len(content))
    return first, min(first + drawn.choice((1, 4, 64, 4096)), len(content))


def _delete(content: bytearray, drawn: random.Random) -> bytearray:
    first, end = _stretch(content, drawn)
    del content[first:end]
    return content


def _zero(content: bytearray, drawn: random.Random) -> bytearray:
    first, end = _stretch(content, drawn)
    content[first:end] = bytes(end - first)
    return content


def _repeat(content: bytearray, drawn: random.Random) -> bytearray:
    first, end = _stretch(content, drawn)
    content[end:end] = content[first:end]
    return content


def _other(_content: bytearray, drawn: random.Random) -> bytearray:
    return bytearray(drawn.choice((b"", b"\0", b"{}", b"[]", b"null", drawn.randbytes(200))))


_KINDS: Final[tuple[Callable[[bytearray, random.Random], bytearray], ...]] = (
    *(_flip, _flip, _cut, _insert, _delete, _zero, _repeat, _other),
)


def damaged(content: bytes, drawn: random.Random) -> bytes:
    """Bytes with one or two damages; never the same as before."""
    while True:
        changed = bytearray(content)
        for _ in range(drawn.choice((1, 1, 1, 2))):
            changed = drawn.choice(_KINDS)(changed, drawn) if changed else changed
        if changed != content:
            return bytes(changed)


def damaged_json(content: bytes, drawn: random.Random) -> bytes:
    """Valid JSON of another structure or with other values."""
    value = json.loads(content)
    for _ in range(drawn.choice((1, 1, 2, 5))):
        value = _changed(value, drawn)
    return json.dumps(value).encode()


def _changed(value: Any, drawn: random.Random) -> Any:
    """A copy with one change somewhere in it."""
    places = list(_places(value))
    if not places:
        return copy.deepcopy(drawn.choice(_WILD))
    value = copy.deepcopy(value)
    *path, last = drawn.choice(places)
    inner = value
    for key in path:
        inner = inner[key]
    match drawn.randrange(4):
        case 0:
            del inner[last]
        case 1 if isinstance(inner, list):
            inner.insert(last, copy.deepcopy(inner[drawn.randrange(len(inner))]))
        case 2 if isinstance(inner[last], float | int | str):
            inner[last] = _near(inner[last], drawn)
        case _:
            inner[last] = copy.deepcopy(drawn.choice(_WILD))
    return value


def _near(value: float | str, drawn: random.Random) -> float | str:
    """A value of the same kind that may well be meant."""
    if isinstance(value, str):
        try:
            return str(float(value) * drawn.choice((-1.0, 0.0, 1e-3, 1e3, 1e12)))
        except ValueError:
            return value[::-1]
    return value * drawn.choice((-1, 0, 2, 1000))


def _places(value: Any) -> list[tuple[Any, ...]]:
    """Paths of everything inside a value, at most a few of each list."""
    if isinstance(value, dict):
        items: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        # The ends and the middle of a list stand for the rest of it.
        rows = sorted({0, 1, len(value) // 2, len(value) - 2, len(value) - 1})
        items = [(row, value[row]) for row in rows if 0 <= row < len(value)]
    else:
        return []
    paths: list[tuple[Any, ...]] = [(key,) for key, _ in items]
    return paths + [(key, *path) for key, inner in items for path in _places(inner)]

"""Deliberate faults of the demo exchange, read from a JSON list.

    [{"kind": "busy", "begin": "2026-11-15T12:00", "end": "2026-11-15T12:05", "retry_after": 30},
     {"kind": "late", "candles": ["2026-11-15T12:01"], "end": "2026-11-15T12:04"}]

Moments are ISO, of the exchange's own clock, UTC unless they name another zone. A fault acts from
`begin` up to, not including, `end`; of several that match one request the first in the list acts.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

#: Longest hang; freqtrade gives up after 10 s.
MOST_HANG_SECONDS: Final = 600.0
TOO_MANY_REQUESTS: Final = -1003
UNKNOWN_ERROR: Final = {
    "code": -1000,
    "msg": "An unknown error occurred while processing the request.",
}


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("an ISO moment such as '2026-11-15T12:00' is meant")
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole_minute(moment: datetime) -> datetime:
    if moment.second or moment.microsecond:
        raise ValueError("candles open at whole minutes")
    return moment


Moment = Annotated[datetime, BeforeValidator(_moment)]
OpenTime = Annotated[Moment, AfterValidator(_whole_minute)]
#: A pair in freqtrade's spelling would match no request and the fault never act.
Symbol = Annotated[str, StringConstraints(pattern="^[A-Z0-9_]+$")]

ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Fault(BaseModel):
    """When and on which requests a fault acts.

    Attributes:
        begin: first moment at which it acts.
        end: moment from which it does not act any more.
        path: part of the request's path, such as `/fapi/` or `klines`; empty for every request.
        symbol: Binance's name, such as BTCUSDT; None for every request, with or without a symbol.

    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    begin: Moment
    end: Moment
    path: str = ""
    symbol: Symbol | None = None

    @model_validator(mode="after")
    def _end_follows_begin(self) -> Fault:
        if self.end <= self.begin:
            raise ValueError(f"end {self.end.isoformat()} must be after begin")
        return self

    def acts(self, now: int, path: str, symbol: str | None) -> bool:
        """Whether it acts on a request at `now` (ms)."""
        inside = to_ms(self.begin) <= now < to_ms(self.end)
        return inside and self.path in path and self.symbol in (None, symbol)


class ErrorFault(Fault):
    """The exchange answers with an error of its own: JSON if `body` is an object, else text."""

    kind: Literal["error"]
    status: Annotated[int, Field(ge=400, le=599)] = 500
    body: dict[str, Any] | str = UNKNOWN_ERROR


class BusyFault(Fault):
    """HTTP 429: come back after `retry_after` seconds."""

    kind: Literal["busy"]
    retry_after: Annotated[int, Field(ge=0)] = 10


class HangFault(Fault):
    """The correct response is delayed by real seconds, whatever the clock's speed."""

    kind: Literal["hang"]
    seconds: Annotated[float, Field(gt=0, le=MOST_HANG_SECONDS)]


class DropFault(Fault):
    """The connection is closed without an answer."""

    kind: Literal["drop"]


class CandleFault(Fault):
    """Fault of single candles of `klines`; order books, tickers and mark prices stay correct.

    Attributes:
        candles: open times, which match the candles of every interval.

    """

    begin: Moment = ALWAYS
    end: Moment = NEVER
    candles: Annotated[tuple[OpenTime, ...], Field(min_length=1, strict=False)]

    @property
    def open_times(self) -> list[int]:
        """The candles' open times, ms."""
        return [to_ms(opened) for opened in self.candles]


class LateFault(CandleFault):
    """The candles are withheld until `end`; with `newest`, so are all later ones."""

    kind: Literal["late"]
    end: Moment
    newest: bool = False


class MissingFault(CandleFault):
    """The candles are not delivered: never, unless `begin` or `end` is given."""

    kind: Literal["missing"]


class DoubleFault(CandleFault):
    """The candles are doubled in a response, which then has more rows than its limit."""

    kind: Literal["double"]


AnyFault = ErrorFault | BusyFault | HangFault | DropFault | LateFault | MissingFault | DoubleFault
_FAULTS: Final[TypeAdapter[list[AnyFault]]] = TypeAdapter(
    list[Annotated[AnyFault, Field(discriminator="kind")]]
)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000.0)


def read_faults(path: Path) -> list[AnyFault]:
    """Read a JSON list of faults.

    Raises:
        ValueError: naming every unknown kind, unknown key and bad value; or that it is no JSON.
        OSError: when the file cannot be read.

    """
    try:
        return _FAULTS.validate_python(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    except ValidationError as error:
        problems = "\n".join(f"  {_sentence(problem)}" for problem in error.errors())
        raise ValueError(f"{path} holds what is not a fault:\n{problems}") from error


def _sentence(problem: Any) -> str:
    message: str = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    # `loc` is the fault's number, its kind and the key, as far as they are known.
    number, *kind_and_key = problem["loc"]
    key = ".".join(str(part) for part in kind_and_key[1:])
    if not key:
        return f"fault {number}: {message}"
    if problem["type"] == "missing":
        return f"fault {number}: {key}: {message}"
    return f"fault {number}: {key} {problem['input']!r}: {message}"

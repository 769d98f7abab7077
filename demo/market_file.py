"""JSON files of synthetic markets, from which the same candles are reproduced exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from demo.market import MarketSpec

_MARKETS: Final = TypeAdapter(dict[str, MarketSpec])


def write_markets(path: Path, markets: dict[str, MarketSpec]) -> None:
    """Write the spec of each pair."""
    path.write_bytes(_MARKETS.dump_json(markets, indent=2) + b"\n")


def read_markets(path: Path) -> dict[str, MarketSpec]:
    """Read the spec of each pair.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it holds something else, naming the file.

    """
    try:
        return _MARKETS.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path} holds no markets: {error}") from error

"""Listings of the exchange from freqtrade's data folder or from synthetic markets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from demo.datadir import SYNTHETIC_NOTE, candle_files, read_funding
from demo.funding import funding_rates
from demo.listing import Listing, listing
from demo.market import MarketSpec, make_market


def recorded_listings(datadir: Path) -> list[Listing]:
    """List every pair with 1-minute feather files in a data folder, spot and futures.

    Futures without a file of funding rates get synthetic ones. In a folder that `write_candles` has
    written to, all candles count as synthetic.

    Raises:
        FileNotFoundError: when the folder holds no such file.
        ValueError: when a file cannot be read.

    """
    synthetic = (datadir / SYNTHETIC_NOTE).exists()
    listings = []
    for pair, path in candle_files(datadir):
        candles = _readable(path)
        funding = None
        if ":" in pair:
            recorded = read_funding(datadir, pair)
            funding = funding_rates(candles) if recorded is None else recorded
        listings.append(listing(pair, candles, funding, synthetic=synthetic))
    if not listings:
        raise FileNotFoundError(f"no 1-minute feather files in {datadir}")
    return listings


def _readable(path: Path) -> pd.DataFrame:
    try:
        return pd.read_feather(path)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); delete it and download the pair again"
        ) from error


def synthetic_listings(pairs: Iterable[str], spec: MarketSpec) -> list[Listing]:
    """List pairs of the synthetic market; every further pair uses the next seed.

    Args:
        pairs: as freqtrade writes them; a colon makes one a futures contract.
        spec: of the first pair.

    """
    return market_listings(
        {pair: replace(spec, seed=spec.seed + number) for number, pair in enumerate(pairs)}
    )


def market_listings(markets: dict[str, MarketSpec]) -> list[Listing]:
    """List pairs of synthetic markets."""
    listings = []
    for pair, spec in markets.items():
        candles = make_market(spec).candles
        funding = funding_rates(candles) if ":" in pair else None
        listings.append(listing(pair, candles, funding, synthetic=True))
    return listings

"""The freqtrade configuration of the demo exchange."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import ccxt


def exchange_overlay(port: int) -> dict[str, Any]:
    """Config overlay that sends every request of freqtrade to the demo exchange.

    Args:
        port: on which the exchange listens on 127.0.0.1.

    Returns:
        The `exchange` section to merge over a config: pairs and everything else stay.

    """
    # All addresses of ccxt are replaced, so that an unsupported request fails on the demo exchange
    # and never reaches the real one.
    addresses: dict[str, str] = ccxt.binance().urls["api"]
    urls = {
        name: f"http://127.0.0.1:{port}{urlsplit(address).path}"
        for name, address in addresses.items()
    }
    return {
        "exchange": {
            "name": "binance",
            # freqtrade would fetch whole months of candles from Binance's public archive.
            "only_from_ccxt": True,
            "enable_ws": False,
            "ccxt_config": {
                "enableRateLimit": False,
                "urls": {"api": urls},
                "options": {
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "fetchMarkets": {"types": ["spot", "linear"]},
                },
            },
        }
    }

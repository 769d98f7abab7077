"""Names of pairs are told from patterns, whatever characters coins hold."""

from __future__ import annotations

import re

import pytest
from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.settings.checks.shapes import left_out_pairs
from dualwindow.settings.pairs import base_coin, is_pair, matches, pairs_in, shared_bases

NAMES = [
    "BTC/USDT",
    "BTC/USDT:USDT",
    "1000SHIB/USDT:USDT",
    "XYZ-TSLA/USDC:USDC",
    "BTC/USDT:USDT-261225",
    "ETH2.S/USD",
    "A_B/USDT",
    "币安人生/USDT:USDT",
]
PATTERNS = [
    ".*/USDT:USDT",
    "BTC/.*",
    "(BTC|ETH)/USDT",
    "BTC/USD.",
    "[AB]TC/USDT",
    "BTC/USD[TC]",
    "BTC/USDT:USDT-\\d+",
    "^BTC/USDT$",
    "BTC..?/USDT",
    ".*",
    "BTC",
    "BTC+/USDT",
]
COINS = st.from_regex(r"\w[\w-]{0,8}(\.\w)?", fullmatch=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_pair_and_matches_itself(name: str) -> None:
    assert is_pair(name)
    assert matches(name, name)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_no_pair(pattern: str) -> None:
    assert not is_pair(pattern)
    assert pairs_in([*NAMES, pattern]) == NAMES


@given(COINS, COINS, COINS, st.sampled_from(["", "-261225"]))
def test_every_coin_makes_pairs(base: str, quote: str, settled: str, date: str) -> None:
    for pair in (f"{base}/{quote}", f"{base}/{quote}:{settled}{date}"):
        assert is_pair(pair)
        assert base_coin(pair) == base
        assert re.fullmatch(pair, pair)


def test_an_invalid_pattern_matches_nothing() -> None:
    assert not matches("*/USDT", "BTC/USDT")


def test_contracts_with_and_without_a_date_share_their_models() -> None:
    pairs = ["BTC/USDT:USDT", "ETH/USDT:USDT", "BTC/USDT:USDT-261225", "BTC/USDT:USDT"]
    assert shared_bases(pairs) == [("BTC/USDT:USDT", "BTC/USDT:USDT-261225")]


@pytest.mark.parametrize("pair", [*NAMES, "BRK.B/USDC", "ETH/USD.M:USD.M", *PATTERNS])
@pytest.mark.parametrize("method", ["StaticPairList", "VolumePairList"])
def test_a_pair_that_freqtrade_leaves_out_without_a_word_is_named(pair: str, method: str) -> None:
    content = {"exchange": {"pair_whitelist": [pair]}, "pairlists": [{"method": method}]}
    kept = expand_pairlist([pair], [pair], keep_invalid=True) == [pair]
    warnings = left_out_pairs(content)
    assert bool(warnings) == (is_pair(pair) and method == "StaticPairList" and not kept)
    assert all(pair in warning for warning in warnings)

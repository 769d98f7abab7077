from __future__ import annotations

import pytest

from dualwindow.columns import (
    CHANGE_FEATURES,
    CLASS_NAMES,
    HOLD,
    LONG,
    SHORT,
    average_features,
    canonical_feature_name,
)

SPOT, FUTURES = "BTC/USDT", "BTC/USDT:USDT"


@pytest.mark.parametrize("pair", [SPOT, FUTURES, "ETH/BTC", "1000PEPE/USDT:USDT"])
@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        # feature_engineering_expand_basic
        ("%-high_change_gen_{pair}_1m", "high_change"),
        ("%-high_change_gen_{pair}_5m", "high_change_5m"),
        ("%-volume_change_gen_{pair}_1h", "volume_change_1h"),
        # feature_engineering_expand_all
        ("%-rsi_14_{pair}_1m", "rsi_14"),
        ("%-rsi_14_{pair}_5m", "rsi_14_5m"),
        # feature_engineering_standard
        ("%-price_to_ma1440", "price_to_ma1440"),
        ("%-day_of_week", "day_of_week"),
        ("%%-plotted", "%%-plotted"),
    ],
)
def test_the_base_pair_and_timeframe_are_in_no_name(pattern: str, name: str, pair: str) -> None:
    for written in (pair, pair.replace(":", "")):
        assert canonical_feature_name(pattern.format(pair=written), pair, "1m") == name


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("%-high_change_gen_ETH/USDTUSDT_1m", "high_change_ETH/USDTUSDT_1m"),
        ("%-high_change_gen_ETH/USDTUSDT_5m", "high_change_ETH/USDTUSDT_5m"),
        ("%-rsi_14_ETH/USDTUSDT_1m", "rsi_14_ETH/USDTUSDT_1m"),
        # Not the base pair, though its name ends with or holds that of the base.
        ("%-rsi_14_WBTC/USDTUSDT_1m", "rsi_14_WBTC/USDTUSDT_1m"),
        ("%-rsi_14_BTC/USDTUSDTX_1m", "rsi_14_BTC/USDTUSDTX_1m"),
    ],
)
def test_a_correlated_pair_stays_in_the_name_with_its_timeframe(column: str, name: str) -> None:
    assert canonical_feature_name(column, FUTURES, "1m") == name


def test_a_longer_timeframe_is_not_taken_for_the_base() -> None:
    name = canonical_feature_name("%-high_change_gen_BTC/USDTUSDT_15m", FUTURES, "5m")
    assert name == "high_change_15m"
    assert canonical_feature_name("%-rsi_BTC/USDTUSDT_5m", FUTURES, "5m") == "rsi"


def test_models_of_two_pairs_name_their_features_alike() -> None:
    patterns = ["%-close_change_gen_{}_1m", "%-close_change_gen_{}_5m", "%-rsi_14_{}_1m", "%-hour"]

    def names(pair: str) -> list[str]:
        plain = pair.replace(":", "")
        return [canonical_feature_name(item.format(plain), pair, "1m") for item in patterns]

    assert names("BTC/USDT:USDT") == names("ETH/USDC:USDC") == names("SOL/BTC")


@pytest.mark.parametrize("feature", ["gender", "my_general", "regen", "x_gen"])
def test_a_users_own_name_is_kept_though_it_looks_like_freqais_suffix(feature: str) -> None:
    basic = canonical_feature_name(f"%-{feature}_gen_BTC/USDTUSDT_1m", FUTURES, "1m")
    assert basic == feature
    other = canonical_feature_name(f"%-{feature}_gen_BTC/USDTUSDT_5m", FUTURES, "1m")
    assert other == f"{feature}_5m"


def test_canonical_names_stay_as_they_are() -> None:
    for name in (*CHANGE_FEATURES, *average_features(1440), "rsi_14_5m"):
        assert canonical_feature_name(f"%-{name}", FUTURES, "1m") == name


def test_classes_are_in_the_order_of_their_codes() -> None:
    assert [CLASS_NAMES[code] for code in (SHORT, HOLD, LONG)] == ["SHORT", "HOLD", "LONG"]
    assert (SHORT, HOLD, LONG) == (0, 1, 2)


def test_the_features_of_an_average_carry_its_period() -> None:
    assert average_features(43200) == ("price_to_ma43200", "volume_to_ma43200")

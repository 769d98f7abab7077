"""Names of columns and classes, and their order, written once."""

from __future__ import annotations

from typing import Final, Literal

SHORT: Final = 0
HOLD: Final = 1
LONG: Final = 2
UNKNOWN: Final = -1

#: Class names in the order of the network's outputs; index = class code.
CLASS_NAMES: Final = ("SHORT", "HOLD", "LONG")

#: Quantile level of a side's probability among those of validation, by class code.
QUANTILE_COLUMNS: Final = {SHORT: "SHORT_rank", LONG: "LONG_rank"}

#: A model's calibration: the power of its probabilities (0 without a calibration), and by class
#: code the term added to the logarithm of a side's probability, beyond that of HOLD.
SHARPNESS_COLUMN: Final = "calibration_sharpness"
SHIFT_COLUMNS: Final = {SHORT: "SHORT_shift", LONG: "LONG_shift"}
CALIBRATION_COLUMNS: Final = (SHARPNESS_COLUMN, *SHIFT_COLUMNS.values())

#: Columns that a model returns beside decision and probabilities.
CONFIDENCE_COLUMNS: Final = (*QUANTILE_COLUMNS.values(), *CALIBRATION_COLUMNS)

#: The label that FreqAI learns and the column in which the decision returns.
LABEL_COLUMN: Final = "&-side"

#: Candle columns as freqtrade names them.
CANDLE_COLUMNS: Final = ("date", "open", "high", "low", "close", "volume")

HIGH_CHANGE: Final = "high_change"
LOW_CHANGE: Final = "low_change"
CLOSE_CHANGE: Final = "close_change"
VOLUME_CHANGE: Final = "volume_change"

#: Features of one candle and the one before it, known for every timeframe and pair.
CHANGE_FEATURES: Final = (HIGH_CHANGE, LOW_CHANGE, CLOSE_CHANGE, VOLUME_CHANGE)

PRICE_TO_MA: Final = "price_to_ma"
VOLUME_TO_MA: Final = "volume_to_ma"

#: Names of the sets of features that are computed from a pair's own candles.
FeatureSet = Literal["base", "extended"]
BASE: Final = "base"
EXTENDED: Final = "extended"

#: Candles of the trailing volatilities: the last half hour, the future window's own length, a day.
VOLATILITY_PERIODS: Final = (30, 120, 1440)
#: Candles whose mean volume is compared with that of `VOLUME_REFERENCE` candles.
VOLUME_PERIODS: Final = (15, 60)
VOLUME_REFERENCE: Final = 1440

VOLATILITY_FEATURES: Final = tuple(f"rms_change{period}" for period in VOLATILITY_PERIODS)
RELATIVE_VOLUME_FEATURES: Final = tuple(
    f"volume_ma{period}_to_ma{VOLUME_REFERENCE}" for period in VOLUME_PERIODS
)
TIME_FEATURES: Final = ("time_of_day_sin", "time_of_day_cos")

#: Features that `extended` adds to those of `base`, in order.
EXTENDED_FEATURES: Final = (*VOLATILITY_FEATURES, *RELATIVE_VOLUME_FEATURES, *TIME_FEATURES)

#: FreqAI takes a column with this prefix as a feature.
FEATURE_PREFIX: Final = "%-"
#: FreqAI appends this to columns of `feature_engineering_expand_basic`.
BASIC_SUFFIX: Final = "_gen"


def average_features(period: int) -> tuple[str, str]:
    """Names of the two features of a moving average over `period` candles."""
    return f"{PRICE_TO_MA}{period}", f"{VOLUME_TO_MA}{period}"


def candles_looked_at(feature_set: FeatureSet) -> int:
    """Candles that the longest feature looks at, its own included, moving averages aside."""
    if feature_set == BASE:
        return 2
    # A change takes the candle before it as well.
    return max(*VOLATILITY_PERIODS, VOLUME_REFERENCE - 1) + 1


def canonical_feature_name(column: str, pair: str, timeframe: str) -> str:
    """Turn a FreqAI feature column into its form without the base pair and timeframe.

    A model is trained on one pair and may predict another, so only a *correlated* pair and another
    timeframe stay in the name.

    Example:
        >>> canonical_feature_name("%-high_change_gen_BTC/USDTUSDT_1m", "BTC/USDT:USDT", "1m")
        'high_change'
        >>> canonical_feature_name("%-high_change_gen_BTC/USDTUSDT_5m", "BTC/USDT:USDT", "1m")
        'high_change_5m'
        >>> canonical_feature_name("%-high_change_gen_ETH/USDTUSDT_1m", "BTC/USDT:USDT", "1m")
        'high_change_ETH/USDTUSDT_1m'
    """
    name = column.replace(":", "").removeprefix(FEATURE_PREFIX)
    plain_pair = pair.replace(":", "")
    name = name.removesuffix(f"_{plain_pair}_{timeframe}")
    name = name.replace(f"_{plain_pair}_", "_")
    if name.endswith(BASIC_SUFFIX):
        return name.removesuffix(BASIC_SUFFIX)
    return name.replace(f"{BASIC_SUFFIX}_", "_", 1)

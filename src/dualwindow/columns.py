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

#: The strategy's decision: -1 SHORT, 0 HOLD, 1 LONG.
DECISION_COLUMN: Final = "decision"

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
FeatureSet = Literal["base", "extended", "summary"]
BASE: Final = "base"
EXTENDED: Final = "extended"
SUMMARY: Final = "summary"

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

#: Candles of the changes and returns whose size and direction `summary` has.
RETURN_PERIODS: Final = (5, 15, 30, 60, 120, 240, 480, 1440)
#: Candles of a longer change, which is measured from every candle on.
LONG_CHANGE: Final = 5
#: Candles of ranges, positions in them, means of log prices, and squares of longer changes.
RANGE_PERIODS: Final = (60, 240, 1440)
PARKINSON_PERIODS: Final = (15, 60, 240, 1440)
SUMMARY_VOLUME_PERIODS: Final = (5, 15, 60, 240)
#: The volatility after the same time of day: days of so many candles, and candles that follow.
SAME_TIME_DAYS: Final = (1, 3, 7, 14)
SAME_TIME_DAY: Final = 1440
SAME_TIME_AHEAD: Final = 120

LOG_VOLATILITY_FEATURES: Final = tuple(f"log_rms_change{period}" for period in RETURN_PERIODS)
LONG_CHANGE_FEATURES: Final = tuple(
    f"log_rms_change_of{LONG_CHANGE}_over{period}" for period in RANGE_PERIODS
)
PARKINSON_FEATURES: Final = tuple(f"log_parkinson{period}" for period in PARKINSON_PERIODS)
RANGE_FEATURES: Final = tuple(f"log_range{period}" for period in RANGE_PERIODS)
LOG_VOLUME_FEATURES: Final = tuple(
    f"log_volume_ma{period}_to_ma{VOLUME_REFERENCE}" for period in SUMMARY_VOLUME_PERIODS
)
CLOCK_FEATURES: Final = (*TIME_FEATURES, "half_day_sin", "half_day_cos")
RETURN_FEATURES: Final = tuple(f"scaled_return{period}" for period in RETURN_PERIODS)
POSITION_FEATURES: Final = tuple(f"range_position{period}" for period in RANGE_PERIODS)
DISTANCE_FEATURES: Final = tuple(f"scaled_log_price_to_ma{period}" for period in RANGE_PERIODS)
SAME_TIME_FEATURES: Final = tuple(f"log_rms_same_time{days}d" for days in SAME_TIME_DAYS)

#: Features of `summary` that change sign when every rise becomes a fall.
ODD_SUMMARY_FEATURES: Final = (*RETURN_FEATURES, *POSITION_FEATURES, *DISTANCE_FEATURES)
#: Features of `summary` that a day of candles holds, in order; the first ones know no side.
DAY_FEATURES: Final = (
    *LOG_VOLATILITY_FEATURES,
    *LONG_CHANGE_FEATURES,
    *PARKINSON_FEATURES,
    *RANGE_FEATURES,
    *LOG_VOLUME_FEATURES,
    *CLOCK_FEATURES,
    *ODD_SUMMARY_FEATURES,
)
#: Features that `summary` adds to those of `base`, in order.
SUMMARY_FEATURES: Final[tuple[str, ...]] = (*DAY_FEATURES, *SAME_TIME_FEATURES)

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
    if feature_set == SUMMARY:
        return SAME_TIME_DAY * max(SAME_TIME_DAYS) + 1
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

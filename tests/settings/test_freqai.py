from __future__ import annotations

import copy
from typing import Any

import pytest
from freqtrade.configuration.config_validation import validate_config_schema
from freqtrade.exchange import timeframe_to_seconds

from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.freqai import FreqaiSettings, read_freqai_config

Config = dict[str, Any]


def config(
    *,
    features: Config | None = None,
    split: Config | None = None,
    training: Config | None = None,
    pairs: list[str] | None = None,
    **freqai: Any,
) -> Config:
    """A configuration without fault, with some parts changed."""
    return {
        "exchange": {"name": "binance", "pair_whitelist": pairs or ["BTC/USDT", "ETH/USDT"]},
        "freqai": {
            "identifier": "test",
            "train_period_days": 90,
            "feature_parameters": {
                "include_timeframes": ["1m"],
                "indicator_periods_candles": [1440, 43200],
                **(features or {}),
            },
            "data_split_parameters": {"test_size": 0.15, **(split or {})},
            "model_training_parameters": training or {},
            **freqai,
        },
    }


def read(content: Config, cores: int = 8, timeframes: tuple[str, ...] = ("1m",)) -> FreqaiSettings:
    seconds = {name: timeframe_to_seconds(name) for name in timeframes}
    return read_freqai_config(content, cores=cores, timeframe_seconds=seconds)


def problems_of(content: Config, *timeframes: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(content, timeframes=timeframes or ("1m",))
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def test_a_configuration_without_fault_gives_its_settings_and_nothing_to_say() -> None:
    found = read(config(training={"epochs": 3}))
    assert found.training == TrainingConfig(epochs=3)
    assert found.indicator_periods == (1440, 43200)
    assert found.warnings == ()


def test_the_configuration_is_left_as_it_was() -> None:
    content = config(training={"n_processes": 64}, split={"test_size": 0.3})
    before = copy.deepcopy(content)
    read(content, cores=2)
    assert content == before


# --- refused options -----------------------------------------------------------------------------

REFUSED = [
    ("features", "shuffle_after_split", True),
    ("features", "reverse_train_test_order", True),
    ("features", "buffer_train_data_candles", 5),
    ("features", "principal_component_analysis", True),
    ("features", "DI_threshold", 0.9),
    ("features", "use_SVM_to_remove_outliers", True),
    ("features", "use_DBSCAN_to_remove_outliers", True),
    ("features", "noise_standard_deviation", 0.05),
    ("features", "weight_factor", 0.9),
    ("features", "include_shifted_candles", 2),
    ("split", "shuffle", True),
    ("split", "train_size", 0.8),
    ("split", "stratify", [1, 2]),
    ("freqai", "keras", True),
]


def with_option(place: str, name: str, value: Any) -> Config:
    return config(**{name: value}) if place == "freqai" else config(**{place: {name: value}})


@pytest.mark.parametrize(("place", "name", "value"), REFUSED)
def test_an_option_that_breaks_windows_is_refused_by_name(
    place: str, name: str, value: Any
) -> None:
    (problem,) = problems_of(with_option(place, name, value))
    prefix = {"features": "feature_parameters.", "split": "data_split_parameters.", "freqai": ""}
    assert problem.startswith(f"freqai.{prefix[place]}{name} {value!r}: ")
    assert problem.endswith("remove it")


@pytest.mark.parametrize(("place", "name", "value"), REFUSED)
def test_the_same_option_switched_off_is_fine(place: str, name: str, value: Any) -> None:
    off = False if value is True else None if isinstance(value, list) else 0
    assert read(with_option(place, name, off)).training == TrainingConfig()


def test_continual_learning_is_taken() -> None:
    assert read(config(continual_learning=True)).training == TrainingConfig()


def test_continual_learning_without_a_model_to_begin_from_is_refused() -> None:
    content = config(continual_learning=True, save_backtest_models=False)
    (problem,) = problems_of(content)
    assert problem.startswith("freqai.continual_learning true: with save_backtest_models false")
    read(config(save_backtest_models=False))
    # A model that is used as it is begins nothing.
    used = config(
        continual_learning=True,
        save_backtest_models=False,
        training={"epochs": 0, "pretrained": "x"},
    )
    assert read(used).training.epochs == 0


def test_what_freqtrade_fills_in_by_itself_is_fine() -> None:
    content = config(identifier="x", enabled=True)
    content |= {
        "stake_currency": "USDT",
        "stake_amount": 10,
        "dry_run": True,
        "max_open_trades": 1,
        "dry_run_wallet": 1000,
        "dataformat_ohlcv": "feather",
    }
    content["freqai"]["feature_parameters"]["include_corr_pairlist"] = []
    before = copy.deepcopy(content)
    filled = validate_config_schema(content, preliminary=True)
    assert filled["freqai"]["conv_width"] == 1
    assert filled != before
    assert read(filled).training == TrainingConfig()


# --- twins ---------------------------------------------------------------------------------------


def test_the_validation_share_is_derived_from_test_size() -> None:
    assert read(config(split={"test_size": 0.3})).training.validation_fraction == 0.3


def test_without_test_size_the_setting_decides() -> None:
    content = config(training={"validation_fraction": 0.2})
    del content["freqai"]["data_split_parameters"]
    assert read(content).training.validation_fraction == 0.2
    content["freqai"]["model_training_parameters"] = {}
    assert read(content).training.validation_fraction == 0.15


def test_twins_that_agree_are_fine() -> None:
    content = config(
        training={"validation_fraction": 0.2, "window_size": 60, "future_window": 30},
        split={"test_size": 0.2},
        features={"label_period_candles": 30},
        conv_width=60,
    )
    assert read(content).training.window_size == 60


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            config(training={"validation_fraction": 0.2}),
            ["validation_fraction 0.2", "data_split_parameters.test_size 0.15"],
        ),
        (config(conv_width=2), ["freqai.conv_width 2", "window_size 180"]),
        (
            config(conv_width=180, training={"window_size": 60}),
            ["freqai.conv_width 180", "window_size 60"],
        ),
        (
            config(features={"label_period_candles": 24}),
            ["freqai.feature_parameters.label_period_candles 24", "future_window 120"],
        ),
    ],
)
def test_twins_that_differ_are_refused_with_both_values(content: Config, words: list[str]) -> None:
    (problem,) = problems_of(content)
    assert all(word in problem for word in words)


def test_freqtrades_default_for_conv_width_says_nothing() -> None:
    assert read(config(conv_width=1)).training.window_size == 180


def test_a_bad_test_size_is_refused() -> None:
    (problem,) = problems_of(config(split={"test_size": 0.9}))
    assert "validation_fraction 0.9" in problem


# --- moving averages and history -----------------------------------------------------------------


@pytest.mark.parametrize("periods", [None, []])
def test_missing_periods_are_refused_with_the_usual_ones(periods: Any) -> None:
    (problem,) = problems_of(config(features={"indicator_periods_candles": periods}))
    assert "indicator_periods_candles is missing" in problem
    assert "[1440, 43200]" in problem


@pytest.mark.parametrize("periods", [[1], [0], [-5], [1440, 2.5], ["14"], [True], [20, 20]])
def test_periods_that_make_no_average_are_refused_with_their_values(periods: list[Any]) -> None:
    (problem,) = problems_of(config(features={"indicator_periods_candles": periods}))
    assert f"indicator_periods_candles {periods!r}" in problem


def test_the_order_of_the_periods_is_kept() -> None:
    found = read(config(features={"indicator_periods_candles": [600, 60, 300]}))
    assert found.indicator_periods == (600, 60, 300)


def test_too_much_history_is_refused_with_its_days() -> None:
    # 43,200 candles of an hour with FreqAI's margin of one half, and 30 days of training.
    (problem,) = problems_of(config(train_period_days=30), "1m", "1h")
    assert "download 2,730 days" in problem
    assert "timeframe 1h" in problem
    assert "max_history_days 800" in problem


def test_history_is_counted_as_freqai_counts_it() -> None:
    from freqtrade.freqai import utils

    content = config(train_period_days=20, features={"include_timeframes": ["1m", "15m"]})
    timerange = utils.get_required_data_timerange(copy.deepcopy(content))
    days = (timerange.stopts - timerange.startts) / 86_400
    limit = {"max_history_days": int(days) - 1}
    content["freqai"]["model_training_parameters"] = limit
    (problem,) = problems_of(content, "1m", "15m")
    assert f"download {days:.0f} days" in problem
    content["freqai"]["model_training_parameters"] = {"max_history_days": int(days) + 1}
    read(content, timeframes=("1m", "15m"))


@pytest.mark.parametrize(("days", "allowed"), [(755, True), (756, False)])
def test_history_may_be_as_long_as_allowed(days: int, allowed: bool) -> None:
    # 45 days for 43,200 minutes and a half more.
    content = config(train_period_days=days)
    if allowed:
        read(content)
    else:
        assert "download 801 days" in problems_of(content)[0]


def test_a_long_window_needs_history_too() -> None:
    content = config(
        features={"indicator_periods_candles": [60]},
        training={"window_size": 14_400, "max_history_days": 104},
    )
    assert "period of 14,400 candles" in problems_of(content)[0]


def test_more_history_may_be_allowed() -> None:
    content = config(training={"max_history_days": 2791})
    assert read(content, timeframes=("1m", "1h")).warnings == ()


# --- pairs ---------------------------------------------------------------------------------------


def test_two_pairs_of_one_base_are_refused_with_both_named() -> None:
    (problem,) = problems_of(config(pairs=["BTC/USDT", "ETH/USDT", "BTC/USDC"]))
    assert "BTC/USDT" in problem
    assert "BTC/USDC" in problem
    assert "ETH" not in problem


def test_a_pair_that_stands_there_twice_is_one_pair() -> None:
    read(config(pairs=["BTC/USDT", "BTC/USDT", "BTCDOM/USDT"]))


# --- everything at once --------------------------------------------------------------------------


def test_all_problems_come_in_one_message() -> None:
    content = config(
        features={
            "DI_threshold": 1,
            "weight_factor": 0.5,
            "indicator_periods_candles": [1],
        },
        split={"shuffle": True},
        training={"epochs": -1, "windowsize": 5, "validation_fraction": 0.3},
        pairs=["BTC/USDT", "BTC/USDC"],
        keras=True,
    )
    problems = problems_of(content)
    assert len(problems) == 9
    text = "\n".join(problems)
    for word in (
        "DI_threshold",
        "weight_factor",
        "indicator_periods_candles",
        "data_split_parameters.shuffle",
        "epochs -1",
        "windowsize",
        "test_size",
        "BTC/USDC",
        "freqai.keras",
    ):
        assert word in text
    with pytest.raises(SettingsError, match=r"^9 problems in the configuration"):
        read(content)


def test_twins_and_history_are_checked_together() -> None:
    content = config(conv_width=7, features={"label_period_candles": 7})
    assert len(problems_of(content, "1m", "1h")) == 3


def test_a_bad_setting_hides_no_twin_that_differs() -> None:
    content = config(conv_width=7, features={"label_period_candles": 7}, training={"batch_size": 0})
    text = "\n".join(problems_of(content))
    for word in ("batch_size 0", "conv_width 7", "label_period_candles 7"):
        assert word in text


def test_a_bad_setting_hides_no_history_that_is_too_long() -> None:
    text = "\n".join(problems_of(config(training={"batch_size": 0}), "1m", "1h"))
    assert "batch_size 0" in text
    assert "max_history_days" in text


@pytest.mark.parametrize(
    "content",
    [
        config(conv_width=60, training={"window_size": "60"}),
        config(features={"label_period_candles": 60}, training={"future_window": -1}),
        config(
            train_period_days=100,
            features={"indicator_periods_candles": [700_000]},
            training={"max_history_days": "3000"},
        ),
    ],
    ids=["window_size", "future_window", "max_history_days"],
)
def test_nothing_is_compared_with_a_default_that_stands_in_for_a_bad_value(
    content: Config,
) -> None:
    (problem,) = problems_of(content)
    assert ": must be a whole number" in problem or ": input should be" in problem


@pytest.mark.parametrize("content", [{}, {"freqai": None}, {"freqai": {}}])
def test_an_empty_configuration_gives_a_sentence_not_a_traceback(content: Config) -> None:
    text = "\n".join(problems_of(content))
    assert "indicator_periods_candles is missing" in text
    assert "identifier None" in text


@pytest.mark.parametrize("name", [None, "", "..", "../other", "a/b", "c:\\d", 7])
def test_an_identifier_that_is_no_folder_name_is_refused(name: object) -> None:
    (problem,) = problems_of(config(identifier=name))
    assert f"identifier {name!r} must be the plain name of a folder" in problem


# --- warnings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "count"), [(90, 0), (365, 0), (89, 1), (1, 1)])
def test_less_than_three_months_of_training_earn_one_warning(days: int, count: int) -> None:
    warnings = read(config(train_period_days=days)).warnings
    assert len(warnings) == count
    assert all(f"train_period_days {days}" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("feature_set", "enough", "usual"), [("extended", 1440, 1440), ("summary", 20_160, 43_200)]
)
def test_a_bot_that_loads_too_little_for_its_features_earns_one_warning(
    feature_set: str, enough: int, usual: int
) -> None:
    training = {"feature_set": feature_set}
    (warning,) = read(
        config(training=training, features={"indicator_periods_candles": [60, enough - 1]})
    ).warnings
    assert f"feature_set '{feature_set}' looks back {enough + 1} candles" in warning
    assert f"indicator_periods_candles is {enough - 1}" in warning
    assert f"first {enough} candles" in warning
    assert warning.endswith(f"such as {usual}")
    for periods in ([60, enough], [43200]):
        content = config(training=training, features={"indicator_periods_candles": periods})
        assert read(content).warnings == ()


def test_what_the_machine_cannot_do_is_lowered_with_one_warning() -> None:
    found = read(
        config(training={"n_processes": 64, "batch_extraction_size": 2000}),
        cores=4,
    )
    assert found.training.n_processes == 4
    assert found.training.batch_extraction_size == 1000
    (warning,) = found.warnings
    assert "n_processes 64 -> 4" in warning
    assert "batch_extraction_size 2000 -> 1000" in warning


@pytest.mark.parametrize("asked", [True, False])
def test_the_bot_chooses_sizes_for_its_machine_where_it_is_asked_to(asked: bool) -> None:
    content = {
        "dualwindow": {"auto_configure": asked},
        "freqai": {
            "identifier": "x",
            "train_period_days": 90,
            "feature_parameters": {"indicator_periods_candles": [10]},
            "model_training_parameters": {"streaming_chunk_size": 7777},
        },
    }
    found = read_freqai_config(content, cores=2, timeframe_seconds={"1m": 60})
    assert found.training.streaming_chunk_size == (1000 if asked else 7777)
    assert [note.partition(" ")[0] for note in found.notes] == ["auto_configure"] * asked

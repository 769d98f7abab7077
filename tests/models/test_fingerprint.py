from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from freqtrade.enums import TradingMode

from dualwindow.errors import SettingsError
from dualwindow.models.fingerprint import (
    BINDING_NAME,
    bind_features,
    bind_folder,
    fingerprint,
    model_dependencies,
    model_settings,
)
from dualwindow.models.manifest import write_manifest
from dualwindow.settings import TrainingConfig

FREQTRADE: dict[str, Any] = {
    "timeframe": "1m",
    "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT", "ETH/USDT"]},
    "trading_mode": "futures",
    "timerange": "20260801-20261001",
    "freqai": {
        "identifier": "dualwindow",
        "train_period_days": 90,
        "backtest_period_days": 7,
        "feature_parameters": {
            "include_timeframes": ["1m"],
            "include_corr_pairlist": [],
            "indicator_periods_candles": [1440, 43200],
        },
        "data_split_parameters": {"test_size": 0.15},
    },
}
PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]

#: Another value for every setting that a model depends on.
OTHER = {
    "window_size": 120,
    "future_window": 60,
    "max_flat_candles": 10,
    "long_tp_pct": 0.02,
    "long_sl_pct": 0.01,
    "short_tp_pct": 0.02,
    "short_sl_pct": 0.01,
    "label_rule": "first_touch",
    "label_price_step": "candles",
    "window_features": ["*_change"],
    "wide_features": ["price_to_ma*"],
    "sample_every": 10,
    "epochs": 5,
    "batch_size": 128,
    "learning_rate": 0.001,
    "learning_rate_schedule": "cosine",
    "validation_fraction": 0.2,
    "early_stopping_patience": 3,
    "gradient_clip": 0.5,
    "dropout": 0.1,
    "lstm_dropout": 0.1,
    "network": "gru",
    "ensemble": 2,
    "confidence_measure": "lead",
    "lstm_units": [64, 32],
    "dense_units": [],
    "patch_size": 5,
    "trend_head": False,
    "mirror": "off",
    "class_balance": "none",
    "seed": 1,
    "feature_set": "extended",
}
#: The same for settings of chains, which nothing else depends on.
CHAINED = {"warm_epochs": 2, "warm_retrainings": 3}
#: Another value for settings of confidence, memory and machine.
FREE = {
    "use_confidence_thresholding": False,
    "confidence_mode": "aggressive",
    "confidence_coverage": 0.1,
    "confidence_threshold_short": 0.6,
    "confidence_threshold_long": 0.6,
    "confidence_threshold_hold": 0.6,
    "confidence_fallback": "argmax",
    "calibration": "temperature",
    "use_streaming": False,
    "streaming_chunk_size": 77,
    "use_multiprocessing": True,
    "n_processes": 1,
    "multiprocessing_chunk_size": 77,
    "use_batch_extraction": False,
    "batch_extraction_size": 77,
    "enable_memory_monitoring": False,
    "max_memory_usage_pct": 50,
    "adaptive_chunk_size": False,
    "fallback_to_serial": False,
    "max_history_days": 3000,
}


def dependencies(changes: dict[str, Any] | None = None, **freqtrade: Any) -> dict[str, Any]:
    config = TrainingConfig.from_parameters(changes or {})
    return model_dependencies(config, FREQTRADE | freqtrade)


def freqai(**changes: Any) -> dict[str, Any]:
    """The dependencies with other values under `freqai`."""
    return dependencies(freqai=FREQTRADE["freqai"] | changes)


def refusal(folder: Path, content: dict[str, Any], pairs: list[str] | None = None) -> list[str]:
    before = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    with pytest.raises(SettingsError) as caught:
        bind_folder(folder, content, PAIRS if pairs is None else pairs)
    after = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    assert after == before, "a refusal leaves the folder as it was"
    message = str(caught.value)
    assert "freqai.identifier" in message
    assert str(folder) in message
    assert "delete" in message
    return caught.value.problems


@pytest.fixture
def bound(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "dualwindow"
    bind_folder(folder, dependencies(), PAIRS)
    return folder


def test_a_new_folder_is_made_and_bound(bound: Path) -> None:
    content = json.loads((bound / BINDING_NAME).read_text())
    assert content["fingerprint"] == fingerprint(dependencies())
    assert [path.name for path in bound.iterdir()] == [BINDING_NAME]


def test_the_defaults_are_bound_as_earlier_versions_bound_them() -> None:
    """Where this fails, folders and checkpoints of earlier versions count as of other settings."""
    expected = "37feabbbf4d5374e5d2d7286256e3b2659013c012a92a422bfcfdc1fb2fe8380"
    assert fingerprint(model_settings(TrainingConfig())) == expected


def test_models_that_were_trained_with_a_retired_setting_are_of_other_settings(
    tmp_path: Path,
) -> None:
    bind_folder(tmp_path, dependencies() | {"auxiliary_weight": 0.5}, PAIRS)
    problem, _ = refusal(tmp_path, dependencies())
    assert problem == "auxiliary_weight: its models were made with 0.5, now it is 0.0"


def test_an_empty_folder_is_bound(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    bind_folder(tmp_path, dependencies(), PAIRS)
    bind_folder(tmp_path, dependencies(), PAIRS)


def test_the_same_settings_pass_again_and_again(bound: Path) -> None:
    first = (bound / BINDING_NAME).read_bytes()
    for _ in range(3):
        (bound / "sub-train-BTC_1700000000").mkdir(exist_ok=True)
        bind_folder(bound, dependencies(), PAIRS)
    assert (bound / BINDING_NAME).read_bytes() == first


def test_every_setting_either_binds_or_is_free() -> None:
    neither = set(TrainingConfig.model_fields) - set(OTHER) - set(FREE)
    # Where and how precisely is computed is part of the training; a model by its content.
    assert neither == {"deterministic", "device", "precision", "pretrained", *CHAINED}


@pytest.mark.parametrize(("name", "value"), CHAINED.items())
def test_settings_of_chains_bind_models_of_chains_alone(
    name: str, value: int, tmp_path: Path
) -> None:
    bind_folder(tmp_path / "full", dependencies(), PAIRS)
    bind_folder(tmp_path / "full", dependencies({name: value}), PAIRS)
    continual = {"freqai": FREQTRADE["freqai"] | {"continual_learning": True}}
    bind_folder(tmp_path / "warm", dependencies(**continual), PAIRS)
    problem, _ = refusal(tmp_path / "warm", dependencies({name: value}, **continual))
    assert problem.startswith(f"{name}: its models were made with ")


def test_continual_learning_binds(tmp_path: Path) -> None:
    bind_folder(tmp_path, freqai(continual_learning=False), PAIRS)
    bind_folder(tmp_path, dependencies(), PAIRS)
    problem, _ = refusal(tmp_path, freqai(continual_learning=True))
    assert problem == "continual_learning: its models were made with False, now it is True"


def test_a_pretrained_model_counts_by_its_content_and_not_by_its_path(bound: Path) -> None:
    def content(path: str | None, sha256: str | None) -> dict[str, Any]:
        return model_dependencies(TrainingConfig(pretrained=path), FREQTRADE, sha256)

    (first, _) = refusal(bound, content("models/a", "ab" * 32))
    assert first == f"pretrained: its models were made with None, now it is {'ab' * 32!r}"
    assert content("models/a", "ab" * 32) == content("/elsewhere/a", "ab" * 32)
    assert content("models/a", "ab" * 32) != content("models/a", "cd" * 32)


@pytest.mark.parametrize("name", OTHER)
def test_a_setting_that_models_depend_on_is_refused_by_name_with_both_values(
    bound: Path, name: str
) -> None:
    problems = refusal(bound, dependencies({name: OTHER[name]}))
    # The last problem is the way out.
    assert len(problems) == 2
    assert problems[0].startswith(f"{name}: ")
    was = TrainingConfig().to_dict()[name]
    assert repr(was) in problems[0]
    assert repr(OTHER[name]) in problems[0]


@pytest.mark.parametrize("name", FREE)
def test_thresholds_memory_and_machine_force_no_retraining(bound: Path, name: str) -> None:
    bind_folder(bound, dependencies({name: FREE[name]}), PAIRS)
    assert fingerprint(dependencies({name: FREE[name]})) == fingerprint(dependencies())


def feature_parameters(**changes: Any) -> dict[str, Any]:
    return freqai(feature_parameters=FREQTRADE["freqai"]["feature_parameters"] | changes)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (dependencies(timeframe="5m"), "timeframe"),
        (dependencies(exchange={"name": "kraken"}), "exchange"),
        (dependencies(trading_mode="spot"), "trading_mode"),
        (freqai(train_period_days=30), "train_period_days"),
        (
            feature_parameters(include_timeframes=["1m", "5m"]),
            "feature_parameters.include_timeframes",
        ),
        (
            feature_parameters(include_corr_pairlist=["SOL/USDT:USDT"]),
            "feature_parameters.include_corr_pairlist",
        ),
        (
            feature_parameters(indicator_periods_candles=[1440]),
            "feature_parameters.indicator_periods_candles",
        ),
        (feature_parameters(new_option=3), "feature_parameters.new_option"),
        (freqai(data_split_parameters={"test_size": 0.3}), "data_split_parameters.test_size"),
        (
            freqai(data_split_parameters={"test_size": 0.15, "random_state": 1}),
            "data_split_parameters.random_state",
        ),
        (dependencies() | {"feature_code_version": 99}, "feature_code_version"),
        (dependencies() | {"model_format": 99}, "model_format"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_of_freqtrades_configuration_that_models_depend_on_is_refused_by_name(
    bound: Path, content: dict[str, Any], name: str
) -> None:
    problem, _ = refusal(bound, content)
    assert problem.startswith(f"{name}: ")


def test_all_differences_are_named_at_once(bound: Path) -> None:
    content = dependencies({"seed": 1, "epochs": 3}, timeframe="5m")
    problems = refusal(bound, content, ["BTC/USDC:USDC"])
    assert [problem.split(":")[0] for problem in problems[:-1]] == [
        "epochs",
        "seed",
        "timeframe",
        "BTC",
    ]


@pytest.mark.parametrize(
    "content",
    [
        dependencies(timerange="20240101-"),
        dependencies(exchange={"name": "binance", "pair_whitelist": ["SOL/USDT:USDT"]}),
        dependencies(trading_mode=TradingMode.FUTURES),
        dependencies(dry_run_wallet=5),
        freqai(backtest_period_days=1, live_retrain_hours=3, purge_old_models=9),
        freqai(data_split_parameters={"test_size": 0.15, "shuffle": False}),
    ],
    ids=["timerange", "pair list", "mode as freqtrade's enum", "wallet", "periods", "shuffle"],
)
def test_what_models_do_not_depend_on_may_change(bound: Path, content: dict[str, Any]) -> None:
    bind_folder(bound, content, PAIRS)


def test_freqtrades_configuration_is_left_as_it_was() -> None:
    before = copy.deepcopy(FREQTRADE)
    model_dependencies(TrainingConfig(), FREQTRADE)
    assert before == FREQTRADE


def test_the_order_of_keys_means_nothing(bound: Path) -> None:
    content = dependencies()
    backwards = dict(reversed(content.items()))
    assert list(backwards) != list(content)
    assert fingerprint(backwards) == fingerprint(content)
    bind_folder(bound, backwards, PAIRS)


def test_other_values_give_another_fingerprint() -> None:
    prints = [fingerprint(dependencies({name: value})) for name, value in OTHER.items()]
    assert len({*prints, fingerprint(dependencies())}) == len(OTHER) + 1


# --- pairs ---------------------------------------------------------------------------------------


def test_another_pair_of_the_same_base_is_refused_with_both_named(bound: Path) -> None:
    problems = refusal(bound, dependencies(), ["BTC/USDC:USDC"])
    assert "BTC/USDT:USDT" in problems[0]
    assert "BTC/USDC:USDC" in problems[0]


def test_pairs_may_come_and_go_and_are_remembered(bound: Path) -> None:
    bind_folder(bound, dependencies(), ["SOL/USDT:USDT"])
    bind_folder(bound, dependencies(), ["BTC/USDT:USDT"])
    assert len(refusal(bound, dependencies(), ["SOL/USDC:USDC"])) == 2
    assert len(refusal(bound, dependencies(), ["ETH/BTC"])) == 2


def test_a_base_that_begins_like_another_is_another(bound: Path) -> None:
    bind_folder(bound, dependencies(), ["BTCDOM/USDT:USDT"])


# --- foreign and damaged folders -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["sub-train-BTC_1700000000", "backtesting_predictions"])
def test_models_of_another_class_are_never_taken_for_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (problem,) = refusal(tmp_path, dependencies())
    assert "DualWindowLSTM did not make" in problem
    assert not (tmp_path / BINDING_NAME).exists()


def test_a_binding_that_was_edited_is_damaged(bound: Path) -> None:
    path = bound / BINDING_NAME
    content = json.loads(path.read_text())
    content["settings"]["seed"] = 7
    path.write_text(json.dumps(content))
    bind_folder(bound, dependencies({"seed": 7}), PAIRS)
    assert path.with_name(f"{BINDING_NAME}.damaged").is_file()


DAMAGED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"{}",
    b"\xff\xfe\x00",
    b'{"fingerprint": "a", "settings": 5, "pairs": {}}',
    b'"text"',
]


def save_model(folder: Path, base: str, binding: dict[str, str] | None) -> Path:
    """A model folder with nothing in it but what its manifest says."""
    model = folder / f"sub-train-{base}_1700000000"
    model.mkdir()
    (model / "model.zip").write_bytes(b"weights")
    write_manifest(model, [model / "model.zip"], binding)
    return model


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_damaged_binding_is_set_aside_and_keeps_the_models_of_its_settings(
    bound: Path, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings = fingerprint(dependencies())
    kept = save_model(bound, "BTC", {"settings": settings, "pair": "BTC/USDT:USDT"})
    unlisted = save_model(bound, "SOL", {"settings": settings, "pair": "SOL/USDT:USDT"})
    lost = [
        save_model(bound, "ETH", {"settings": settings, "pair": "ETH/USDC:USDC"}),
        save_model(bound, "XRP", {"settings": "others", "pair": "XRP/USDT:USDT"}),
        save_model(bound, "ADA", None),
    ]
    predictions = bound / "backtesting_predictions"
    predictions.mkdir()
    (bound / BINDING_NAME).write_bytes(damaged)
    bind_folder(bound, dependencies(), PAIRS)
    assert kept.is_dir()
    assert unlisted.is_dir()
    for folder in (*lost, predictions):
        assert not folder.exists()
        assert folder.with_name(f"{folder.name}.damaged").is_dir()
    assert (bound / f"{BINDING_NAME}.damaged").read_bytes() == damaged
    assert "is damaged; it was set aside" in caplog.text
    # What stayed is bound as before.
    assert len(refusal(bound, dependencies(), ["SOL/USDC:USDC"])) == 2
    refusal(bound, dependencies({"seed": 7}))


@pytest.mark.parametrize("pairs", [None, [], "BTC", 5])
def test_a_binding_with_damaged_pairs_is_damaged(bound: Path, pairs: Any) -> None:
    path = bound / BINDING_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pairs": pairs}))
    bind_folder(bound, dependencies(), PAIRS)
    assert path.with_name(f"{BINDING_NAME}.damaged").is_file()
    assert json.loads(path.read_text())["pairs"] == {pair.split("/")[0]: pair for pair in PAIRS}


def test_every_single_flipped_bit_is_noticed_or_harmless(bound: Path) -> None:
    path = bound / BINDING_NAME
    whole = path.read_bytes()
    before = json.loads(whole)
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        bind_folder(bound, dependencies(), PAIRS)
        assert json.loads(path.read_bytes()) == before


def test_a_binding_without_a_sum_as_earlier_versions_wrote_it_is_accepted(bound: Path) -> None:
    path = bound / BINDING_NAME
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content))
    bind_folder(bound, dependencies(), PAIRS)
    assert not path.with_name(f"{BINDING_NAME}.damaged").exists()
    assert "sha256" in json.loads(path.read_text())


def test_after_a_damaged_binding_the_models_still_know_their_feature_code(bound: Path) -> None:
    binding = bind_features(bound, "code") | {"pair": "BTC/USDT:USDT"}
    save_model(bound, "BTC", binding)
    (bound / BINDING_NAME).write_bytes(b"")
    bind_folder(bound, dependencies(), PAIRS)
    assert bind_features(bound, "code") == {
        name: binding[name] for name in ("settings", "features")
    }
    (bound / BINDING_NAME).write_bytes(b"")
    bind_folder(bound, dependencies(), PAIRS)
    with pytest.raises(SettingsError, match="have changed"):
        bind_features(bound, "other code")

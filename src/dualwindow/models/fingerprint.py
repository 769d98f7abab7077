"""Binds a model folder to the settings that its models depend on.

FreqAI names models and cached predictions by identifier, base coin and training end alone, so
other settings would silently reuse or overwrite them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.data.features.base import FEATURE_CODE_VERSION
from dualwindow.errors import SettingsError
from dualwindow.models.freqai_folders import find_models
from dualwindow.models.manifest import MODEL_FORMAT, bound_to
from dualwindow.runtime.files import parse_json, set_aside, write_json
from dualwindow.settings import TrainingConfig
from dualwindow.settings.earlier import LATER_SETTINGS, RETIRED_SETTINGS, fingerprinted
from dualwindow.settings.kinds import is_own
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)

BINDING_NAME: Final = "dualwindow.json"
_KEYS: Final = frozenset({"fingerprint", "settings", "pairs", "features"})
#: FreqAI's folder of the predictions of a backtest.
CACHED_PREDICTIONS: Final = "backtesting_predictions"

#: Settings that decide how probabilities are used.
CONFIDENCE_SETTINGS: Final = (
    "use_confidence_thresholding",
    "confidence_mode",
    "confidence_coverage",
    "confidence_threshold_short",
    "confidence_threshold_long",
    "confidence_threshold_hold",
    "confidence_fallback",
    "calibration",
)
#: Settings that leave the model as it is, whatever machine made it: device, memory, processes and
#: the use of probabilities.
_NOT_IN_MODEL: Final = frozenset(
    {
        *CONFIDENCE_SETTINGS,
        "max_history_days",
        # A path; what counts is the model that lies there, see `model_dependencies`.
        "pretrained",
        "device",
        "use_streaming",
        "streaming_chunk_size",
        "use_multiprocessing",
        "n_processes",
        "multiprocessing_chunk_size",
        "use_batch_extraction",
        "batch_extraction_size",
        "enable_memory_monitoring",
        "max_memory_usage_pct",
        "adaptive_chunk_size",
        "fallback_to_serial",
    }
)
#: Settings without an effect unless `freqai.continual_learning` is on.
_OF_CHAINS: Final = frozenset({"warm_epochs", "warm_retrainings"})


def settings_in_model(config: TrainingConfig) -> dict[str, Any]:
    """The settings that a model depends on, as plain JSON types; a configuration may hold them."""
    return {name: value for name, value in config.to_dict().items() if name not in _NOT_IN_MODEL}


def model_settings(config: TrainingConfig) -> dict[str, Any]:
    """The settings that a model is bound to, as plain JSON types.

    Retired ones are among them, later ones only at a value that earlier versions did not have:
    else the folders and checkpoints of earlier versions would count as those of other settings.
    """
    return {**fingerprinted(settings_in_model(config)), **RETIRED_SETTINGS}


def model_dependencies(
    config: TrainingConfig, freqtrade: Mapping[str, Any], pretrained: str | None = None
) -> dict[str, Any]:
    """Everything that a model depends on, flat, as plain JSON types.

    That is settings of the training, freqtrade's configuration, and the SHA-256 of the model that
    every training starts from.
    """
    freqai = freqtrade["freqai"]
    content = model_settings(config)
    for group in ("feature_parameters", "data_split_parameters"):
        content |= {f"{group}.{name}": value for name, value in freqai.get(group, {}).items()}
    if freqai.get("continual_learning"):
        content["continual_learning"] = True
    else:
        content = {name: value for name, value in content.items() if name not in _OF_CHAINS}
    # FreqAI adds this itself while it runs, and only this value is allowed.
    content.pop("data_split_parameters.shuffle", None)
    if is_own(config.network):
        # Commands that know no network need not wait for torch.
        from dualwindow.models.networks.registry import code_sum  # noqa: PLC0415

        content["network_code"] = code_sum(config.network)
    return content | {
        "pretrained": pretrained,
        "train_period_days": freqai.get("train_period_days"),
        "timeframe": freqtrade.get("timeframe"),
        "exchange": freqtrade["exchange"]["name"],
        "trading_mode": str(freqtrade.get("trading_mode", "spot")),
        "feature_code_version": FEATURE_CODE_VERSION,
        "model_format": MODEL_FORMAT,
    }


def fingerprint(dependencies: Mapping[str, Any]) -> str:
    """Hexadecimal SHA-256 of plain JSON types, independent of key order."""
    return hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode()).hexdigest()


def bind_folder(folder: Path, dependencies: Mapping[str, Any], pairs: list[str]) -> None:
    """Bind a model folder to the settings, or check that it is bound to the same.

    A damaged binding is set aside and made again; of the models, those stay whose manifests show
    that they were made with the same settings.

    Args:
        folder: `user_data/models/<identifier>`; made when it is not there.
        dependencies: from `model_dependencies`.
        pairs: pairs that models will be made for; one base coin may stand for one pair only.

    Raises:
        SettingsError: when the folder belongs to other settings, another pair of the same base
            coin, or another model class, or cannot be made.
    """
    path = folder / BINDING_NAME
    plain, bases = _plain(dependencies), {base_coin(pair): pair for pair in pairs}
    require_binding(folder, dependencies, pairs)
    bound = _read(path) if path.exists() else {}
    if bound is None:
        bound = {"pairs": _start_over(folder, fingerprint(plain), bases)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            [f"its folder {folder} cannot be made: {error.strerror}; move what is in its place"],
            f"freqai.identifier {folder.name!r}",
        ) from None
    about = {"fingerprint": fingerprint(plain), "settings": plain}
    _write(path, {**bound, **about, "pairs": bound.get("pairs", {}) | bases})


def require_binding(folder: Path, dependencies: Mapping[str, Any], pairs: list[str]) -> None:
    """Check what `bind_folder` would refuse, and leave the folder as it is.

    Raises:
        SettingsError: as `bind_folder`.
    """
    path = folder / BINDING_NAME
    bound = _read(path) if path.exists() else {}
    if not bound:
        if bound is not None and _holds_models(folder):
            raise SettingsError(
                [f"its folder holds models that DualWindowLSTM did not make; {_way_out(folder)}"],
                f"freqai.identifier {folder.name!r}",
            )
        return
    problems = _differences(bound["settings"], _plain(dependencies))
    problems += [
        f"{base}: models of {bound['pairs'][base]} are there, now {pair} is asked for"
        for base, pair in {base_coin(pair): pair for pair in pairs}.items()
        if bound["pairs"].get(base, pair) != pair
    ]
    if problems:
        raise SettingsError([*problems, _way_out(folder)], f"freqai.identifier {folder.name!r}")


def _plain(dependencies: Mapping[str, Any]) -> dict[str, Any]:
    """Dependencies as JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps(dependencies))
    return plain


def read_binding(folder: Path) -> dict[str, Any] | None:
    """What a model folder is bound to: `settings` and `pairs`; None: not there, or damaged."""
    return _read(folder / BINDING_NAME)


def bind_pair(folder: Path, pair: str) -> str:
    """Bind the models of a base coin to a pair that a running bot meets in its whitelist.

    `bind_folder` comes before.

    Returns:
        The pair that they belong to: this one, or another whose models are there.
    """
    path, base = folder / BINDING_NAME, base_coin(pair)
    bound = _read(path)
    owner = None if bound is None else bound["pairs"].get(base)
    if owner not in (None, pair) and any(model.base == base for model in find_models(folder)):
        return str(owner)
    if bound is not None and owner != pair:
        _write(path, {**bound, "pairs": bound["pairs"] | {base: pair}})
    return pair


def bind_features(folder: Path, code: str) -> dict[str, str]:
    """Bind a model folder to the code that makes the features and labels, see `feature_code`.

    `bind_folder` comes before.

    Returns:
        Fingerprints of settings and code for the models' manifests, see `manifest.bound_to`.

    Raises:
        SettingsError: when the folder's models were made with other code.
    """
    path = folder / BINDING_NAME
    bound = _read(path)
    if bound is None:
        raise SettingsError([f"{path} is damaged; start again"], "the model folder")
    made_with = {bound_to(model.path).get("features", code) for model in find_models(folder)}
    if {bound.setdefault("features", code), *made_with} != {code}:
        raise SettingsError(
            [
                "the strategy's feature_engineering_* or set_freqai_targets have changed since its "
                f"models were made; {_way_out(folder)}"
            ],
            f"freqai.identifier {folder.name!r}",
        )
    _write(path, bound)
    return {"settings": bound["fingerprint"], "features": code}


def _start_over(folder: Path, settings: str, bases: Mapping[str, str]) -> dict[str, str]:
    """Set a damaged binding aside, with all that cannot be shown to belong to the settings.

    Returns:
        The pair of each base coin whose models stay.
    """
    path = folder / BINDING_NAME
    logger.warning("%s is damaged; it was set aside as %s", path, set_aside(path).name)
    pairs: dict[str, str] = {}
    for model in find_models(folder):
        binding = bound_to(model.path)
        pair = binding.get("pair", "")
        if binding.get("settings") == settings and bases.get(model.base, pair) == pair:
            pairs[model.base] = pair
            continue
        aside = set_aside(model.path)
        logger.warning("%s does not name these settings; it is now %s", model.path, aside.name)
    predictions = folder / CACHED_PREDICTIONS
    if predictions.is_dir():
        aside = set_aside(predictions)
        logger.warning("%s may be of other settings; it is now %s", predictions, aside.name)
    return pairs


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a binding with the sum of everything else in it."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    write_json(path, {**rest, "sha256": fingerprint(rest)})


def _read(path: Path) -> dict[str, Any] | None:
    """The binding, or None when it is damaged."""
    try:
        content: dict[str, Any] = parse_json(path.read_bytes())
        # Without a sum, as earlier versions wrote it, at least the settings can be checked.
        own_sum = content.pop("sha256", None)
        rest = content if own_sum else content["settings"]
        intact = (own_sum or content["fingerprint"]) == fingerprint(rest)
        intact = intact and isinstance(content["pairs"], dict) and content.keys() <= _KEYS
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return content if intact else None


def _differences(bound: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    bound, now = {**LATER_SETTINGS, **bound}, {**LATER_SETTINGS, **now}
    return [
        f"{name}: its models were made with {bound.get(name)!r}, now it is {now.get(name)!r}"
        for name in sorted(bound.keys() | now.keys())
        if bound.get(name) != now.get(name)
    ]


def _holds_models(folder: Path) -> bool:
    return any(folder.glob("sub-train-*")) or (folder / CACHED_PREDICTIONS).is_dir()


def _way_out(folder: Path) -> str:
    return f"set another freqai.identifier, or delete {folder} to train again"

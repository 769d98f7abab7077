"""Binds a model folder to the settings that its models depend on.

FreqAI names models and cached predictions by identifier, base coin and training end alone, so
other settings would silently reuse or overwrite them.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import SettingsError
from dualwindow.features import FEATURE_CODE_VERSION
from dualwindow.files import write_json
from dualwindow.settings import TrainingConfig
from dualwindow.trained import MODEL_FORMAT

BINDING_NAME: Final = "dualwindow.json"

#: Settings that leave the model as it is, whatever machine made it: device, memory, processes and
#: what is done with probabilities.
_NOT_IN_MODEL: Final = frozenset(
    {
        "max_history_days",
        "device",
        "use_confidence_thresholding",
        "confidence_mode",
        "confidence_threshold_short",
        "confidence_threshold_long",
        "confidence_threshold_hold",
        "confidence_fallback",
        "calibration",
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


def model_dependencies(config: TrainingConfig, freqtrade: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a model depends on, flat, as plain JSON types.

    Args:
        config: settings of the training.
        freqtrade: freqtrade's configuration.
    """
    freqai = freqtrade["freqai"]
    content: dict[str, Any] = {
        name: value for name, value in config.to_dict().items() if name not in _NOT_IN_MODEL
    }
    for group in ("feature_parameters", "data_split_parameters"):
        content |= {f"{group}.{name}": value for name, value in freqai.get(group, {}).items()}
    # FreqAI adds this itself while it runs, and only this value is allowed.
    content.pop("data_split_parameters.shuffle", None)
    return content | {
        "train_period_days": freqai.get("train_period_days"),
        "timeframe": freqtrade.get("timeframe"),
        "exchange": freqtrade["exchange"]["name"],
        "trading_mode": str(freqtrade.get("trading_mode", "spot")),
        "feature_code_version": FEATURE_CODE_VERSION,
        "model_format": MODEL_FORMAT,
    }


def fingerprint(dependencies: Mapping[str, Any]) -> str:
    """Hexadecimal SHA-256 of `model_dependencies`' result, independent of key order."""
    return hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode()).hexdigest()


def bind_folder(folder: Path, dependencies: Mapping[str, Any], pairs: list[str]) -> None:
    """Bind a model folder to the settings, or check that it is bound to the same.

    Args:
        folder: `user_data/models/<identifier>`; made when it is not there.
        dependencies: from `model_dependencies`.
        pairs: pairs that models will be made for; one base coin may stand for one pair only.

    Raises:
        SettingsError: when the folder belongs to other settings, another pair of the same base
            coin, or another model class.
    """
    path = folder / BINDING_NAME
    plain: dict[str, Any] = json.loads(json.dumps(dependencies))
    bases = {pair.split("/")[0]: pair for pair in pairs}
    bound_pairs: dict[str, str] = {}
    if path.is_file():
        bound = _read(path, folder)
        problems = _differences(bound["settings"], plain)
        bound_pairs = bound["pairs"]
        problems += [
            f"{base}: models of {bound_pairs[base]} are there, now {pair} is asked for"
            for base, pair in bases.items()
            if bound_pairs.get(base, pair) != pair
        ]
        if problems:
            raise SettingsError([*problems, _way_out(folder)], f"freqai.identifier {folder.name!r}")
    elif _holds_models(folder):
        raise SettingsError(
            [f"its folder holds models that DualWindowLSTM did not make; {_way_out(folder)}"],
            f"freqai.identifier {folder.name!r}",
        )
    folder.mkdir(parents=True, exist_ok=True)
    content = {"fingerprint": fingerprint(plain), "settings": plain, "pairs": bound_pairs | bases}
    write_json(path, content if not path.is_file() else _read(path, folder) | content)


def bind_features(folder: Path, code: str) -> None:
    """Bind a model folder to the code that makes the features and labels.

    Args:
        folder: bound by `bind_folder` before.
        code: from `code_fingerprint`.

    Raises:
        SettingsError: when the folder's models were made with other code.
    """
    path = folder / BINDING_NAME
    bound = _read(path, folder)
    if bound.setdefault("features", code) != code:
        raise SettingsError(
            [
                "the strategy's feature_engineering_* or set_freqai_targets have changed since its "
                f"models were made; {_way_out(folder)}"
            ],
            f"freqai.identifier {folder.name!r}",
        )
    write_json(path, bound)


def code_fingerprint(functions: Iterable[Callable[..., Any]]) -> str:
    """SHA-256 of what functions do: comments, docstrings and layout do not count.

    Code that they call in turn does not count either.
    """
    trees = []
    for function in functions:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        trees.append(ast.dump(tree))
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()


def _read(path: Path, folder: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        intact = content["fingerprint"] == fingerprint(content["settings"])
        intact = intact and isinstance(content["pairs"], dict)
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise SettingsError([f"{path} is damaged; {_way_out(folder)}"], "the model folder")
    return content


def _differences(bound: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: its models were made with {bound.get(name)!r}, now it is {now.get(name)!r}"
        for name in sorted(bound.keys() | now.keys())
        if bound.get(name) != now.get(name)
    ]


def _holds_models(folder: Path) -> bool:
    return any(folder.glob("sub-train-*")) or (folder / "backtesting_predictions").is_dir()


def _way_out(folder: Path) -> str:
    return f"set another freqai.identifier, or delete {folder} to train anew"

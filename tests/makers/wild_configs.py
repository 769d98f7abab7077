"""Configurations that people and programs get wrong: mutations of the shipped one, at random."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.freqai_options import FeatureOptions, FreqaiOptions, SplitOptions
from dualwindow.settings.root_settings import RootSettings
from tests.makers.bot import REPOSITORY

_FREQAI: Final = ("freqai",)
_FEATURES: Final = ("freqai", "feature_parameters")
_SPLIT: Final = ("freqai", "data_split_parameters")
_TRAINING: Final = ("freqai", "model_training_parameters")
#: Groups and the names of what is mutated in them.
_PLACES: Final[dict[tuple[str, ...], list[str]]] = {
    (): [
        *("timeframe", "trading_mode", "fee", "datadir", "user_data_dir", "exchange", "freqai"),
        *("dualwindow", "minimal_roi", "stoploss", "unknown_key"),
    ],
    ("exchange",): ["name", "pair_whitelist", "pair_blacklist"],
    ("dualwindow",): [*RootSettings.model_fields, "unknown_key"],
    _FREQAI: [
        *(*FreqaiOptions.model_fields, "identifier", "rl_config", "unknown_key"),
        *("feature_parameters", "data_split_parameters", "model_training_parameters"),
    ],
    _FEATURES: [
        *(*FeatureOptions.model_fields, "indicator_periods_candles", "noise_standard_deviation"),
        *("use_DBSCAN_to_remove_outliers", "unknown_key"),
    ],
    _SPLIT: [*SplitOptions.model_fields, "test_size", "train_size", "stratify", "unknown_key"],
    _TRAINING: [*TrainingConfig.model_fields, "unknown_key"],
}
#: How often a group is drawn from.
_WEIGHTS: Final = (3, 2, 3, 4, 4, 2, 8)
#: Takes the place of a value that is taken away.
_GONE: Final = "(taken away)"
_VALUES: Final[tuple[Any, ...]] = (
    *(_GONE, _GONE, None, True, False, {}, [], {"a": {"b": 1}}, [None], [[1]], [1.5], [True]),
    *("", " ", "90", "1m", "1M", "x" * 400, "../up", "a/b", "nul\0", "é" * 150, "\n", "spot"),
    *(["1m", 5], ["1m", "1m"], ["5m"], ["30s"], ["BTC/USDT", "BTC/USDC"], ["ETH/USDT:USDT"]),
    *(-1, -5, 0, 1, 2, 3, 7, 90, 1440, 43200, 2**31, 2**63, 2**64 + 1, 10**30, -(10**30)),
    *(math.nan, math.inf, -math.inf, 1e30, -1e30, 1e-30, 1e-6, 0.001, 0.05, 0.5, 0.99999, 1.0),
    *(100_000, [100_000], [8] * 500, [1440, 1440], [10**30], [0], ["14"], "binance", "futures"),
)


#: Share of the changes that stay near the value or the default.
_NEAR_SHARE: Final = 0.5
_DEFAULTS: Final = {
    **{name: field.default for name, field in RootSettings.model_fields.items()},
    **TrainingConfig().to_dict(),
    **{name: field.default for name, field in FreqaiOptions.model_fields.items()},
}


@dataclass(frozen=True)
class WildConfig:
    """A configuration and the names of what was changed in it."""

    content: dict[str, Any]
    changed: tuple[str, ...]

    def is_named(self, problem: str) -> bool:
        """Whether a sentence names something that was changed."""
        return any(name in problem for name in self.changed)


def _near(value: Any, drawn: random.Random) -> Any:
    """A value of the same kind that may well be meant."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return drawn.choice((value + 1, 2 * value, value // 2, 5 * value, -value))
    if isinstance(value, float):
        return drawn.choice((value, value / 3, value / 30, 3 * value, 30 * value, -value))
    if isinstance(value, list):
        return drawn.choice((value[:1], value[1:], [*value, *value[:1]], value[::-1]))
    return value


def wild_configs(count: int, seed: int) -> Iterator[WildConfig]:
    """The shipped configuration with one to three changes, `count` times."""
    shipped = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    drawn = random.Random(seed)
    for _ in range(count):
        content, changed = copy.deepcopy(shipped), []
        for _ in range(drawn.choice((1, 1, 1, 2, 3))):
            (place,) = drawn.choices(list(_PLACES), _WEIGHTS)
            name = drawn.choice(_PLACES[place])
            group = content
            for key in place:
                group = group.get(key) if isinstance(group, dict) else None
            if not isinstance(group, dict):
                continue
            value = copy.deepcopy(drawn.choice(_VALUES))
            if drawn.random() < _NEAR_SHARE:
                value = _near(group.get(name, _DEFAULTS.get(name)), drawn)
            changed += [name, *(f"'{key}'" for key in (value if isinstance(value, dict) else ()))]
            if value == _GONE:
                group.pop(name, None)
            else:
                group[name] = value
        yield WildConfig(content, tuple(changed))

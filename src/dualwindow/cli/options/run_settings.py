"""Settings of one run of a command, resolved from files, preset and flags."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.cli.options.configuration import (
    USERDIR,
    data_folder,
    layered_config,
    setting_rows,
    value_row,
)
from dualwindow.cli.options.flags import SettingFlag
from dualwindow.data.candles.pairs import FUTURES, SPOT, pair_of, settled_stem
from dualwindow.errors import SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import (
    cost_problems,
    cost_warnings,
    fee_of,
    leverage_problems,
    threshold_warnings,
)
from dualwindow.settings.checks.shapes import group_at, shape_problems, without_nulls
from dualwindow.settings.checks.sizes import least_features, size_problems
from dualwindow.settings.checks.whole import unread_keys
from dualwindow.settings.freqai import check_freqai_config
from dualwindow.settings.layers.files import LayeredConfig
from dualwindow.settings.layers.places import in_place
from dualwindow.settings.layers.unread import hyperopts_epochs
from dualwindow.settings.messages import collected
from dualwindow.settings.root_settings import RootSettings
from dualwindow.settings.timeframes import timeframe_seconds
from dualwindow.settings.training_config import USUAL_PERIODS

#: For a run without a configuration file, which would hold them.
_DEFAULT_IDENTIFIER: Final = "dualwindow"
_DEFAULT_EXCHANGE: Final = "binance"


@dataclass(frozen=True)
class RunSettings:
    """Settings of one run, and the configuration that they come from.

    `training` is as configured, not lowered to what this machine has; `periods` are those of the
    moving averages (candles). There is at least one of the `pairs`, which may be patterns, and
    `excluded` is left out of what a pattern matches. `data_folder` has the exchange's candles.
    """

    layers: LayeredConfig
    training: TrainingConfig
    root: RootSettings
    periods: tuple[int, ...]
    pairs: tuple[str, ...]
    excluded: tuple[str, ...]
    exchange: str
    trading_mode: str
    timeframe: str
    user_data: Path
    data_folder: Path
    terms: TradeTerms

    @classmethod
    def from_options(cls, options: argparse.Namespace, flags: tuple[SettingFlag, ...]) -> Self:
        """Read files, preset and flags of a training.

        Raises:
            SettingsError: with every problem; also when the barriers cannot earn what trades cost.
        """
        settings = cls.from_layers(layered_config(options, flags))
        training, root, terms = settings.training, settings.root, settings.terms
        n_features = least_features(settings.periods)
        problems = [
            *size_problems(training, n_features, training_memory()),
            *leverage_problems(training, root),
            *cost_problems(training, root, terms.fee, can_short=terms.can_short),
        ]
        if problems:
            raise SettingsError(problems, "the configuration")
        return settings

    @classmethod
    def from_layers(cls, layers: LayeredConfig) -> Self:
        """Check a configuration and resolve a run's settings from it.

        Raises:
            SettingsError: with every problem.
        """
        content = without_nulls(layers.content)
        timeframe = content.get("timeframe", "1m")
        problems = shape_problems(content)
        root = checked = None
        seconds: dict[str, int] = {}
        with collected(problems):
            root = RootSettings.from_config(in_place(content))
        with collected(problems):
            if isinstance(timeframe, str):
                seconds[timeframe] = timeframe_seconds(timeframe)
        with collected(problems):
            checked = check_freqai_config(_for_check(content), timeframe_seconds=seconds)
        with collected(problems):
            fee_of(root or RootSettings(), content, SPOT)
        exchange = group_at(content, "exchange")
        pairs = exchange.get("pair_whitelist", [])
        problems += _features_of_freqai(content, timeframe)
        if not pairs:
            problems.append(
                "there is no pair; give --pair BTC/USDT:USDT, or exchange.pair_whitelist"
            )
        if problems or root is None or checked is None:
            raise SettingsError(list(dict.fromkeys(problems)), "the configuration")
        training, periods = checked
        user_data = Path(content.get("user_data_dir") or USERDIR)
        trading_mode = content.get("trading_mode") or _mode_of(pairs)
        return cls(
            layers=layers,
            training=training,
            root=root,
            periods=periods,
            pairs=tuple(pairs),
            excluded=tuple(exchange.get("pair_blacklist", ())),
            exchange=exchange.get("name") or _DEFAULT_EXCHANGE,
            trading_mode=trading_mode,
            timeframe=timeframe,
            user_data=user_data,
            data_folder=Path(
                content.get("datadir")
                or data_folder(user_data) / (exchange.get("name") or _DEFAULT_EXCHANGE)
            ),
            terms=trade_terms(root, content, trading_mode),
        )

    @property
    def candle_seconds(self) -> int:
        """Seconds between two candles."""
        return timeframe_seconds(self.timeframe)

    def on_this_machine(self) -> tuple[TrainingConfig, list[str]]:
        """Training settings lowered to what this machine has, and a note on each lowered one."""
        return self.training.clamped_to_machine(read_cores().usable)

    def warnings(self) -> list[str]:
        """Sentences about values that work but may not be meant."""
        training, terms = self.training, self.terms
        return [
            *unread_keys(self.layers.content),
            *hyperopts_epochs(self.layers.content),
            *cost_warnings(training, self.root, terms.fee, can_short=terms.can_short),
            *threshold_warnings(training, can_short=terms.can_short),
        ]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Name, value and origin of every setting, as rows of a table."""
        for path, value in (
            ("exchange.pair_whitelist", list(self.pairs)),
            ("exchange.name", self.exchange),
            ("trading_mode", self.trading_mode),
            ("timeframe", self.timeframe),
            ("user_data_dir", str(self.user_data)),
            ("datadir", str(self.data_folder)),
            ("freqai.feature_parameters.indicator_periods_candles", list(self.periods)),
        ):
            yield value_row(self.layers, path, value)
        training, _ = self.on_this_machine()
        yield from setting_rows(self.layers, self.root, training)


def _for_check(content: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as a bot of one pair would read it."""
    freqai = content.get("freqai", {})
    if isinstance(freqai, Mapping):
        freqai = {"identifier": _DEFAULT_IDENTIFIER, **freqai}
        features = freqai.get("feature_parameters", {})
        if isinstance(features, Mapping):
            features = {"indicator_periods_candles": list(USUAL_PERIODS), **features}
        freqai["feature_parameters"] = features
    # FreqAI names models by the base coin; one model of all pairs may share base coins.
    return {**content, "freqai": freqai, "exchange": {}}


def _features_of_freqai(content: Mapping[str, Any], timeframe: str) -> list[str]:
    """Problems of features that only FreqAI makes: the bot could not use a model without them."""
    features = group_at(content, "freqai.feature_parameters")
    given = []
    included, others = features.get("include_timeframes"), features.get("include_corr_pairlist")
    if isinstance(included, list) and (more := [name for name in included if name != timeframe]):
        given.append(f"include_timeframes has {', '.join(map(str, more))} beside {timeframe}")
    if isinstance(others, list) and others:
        given.append(f"include_corr_pairlist has {', '.join(map(str, others))}")
    return [
        f"{problem}: the command line makes the features of a pair's own {timeframe} candles "
        "alone; remove it, or let the bot train"
        for problem in given
    ]


def _mode_of(pairs: tuple[str, ...]) -> str:
    """Futures if a pair has a settlement coin, in whichever form it is written."""
    named = [pair if "/" in pair else pair_of(settled_stem(pair, SPOT)) for pair in pairs]
    return FUTURES if any(":" in pair for pair in named) else SPOT

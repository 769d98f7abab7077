"""Settings of one run of a command, resolved from files, preset and flags."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.cli.options.config_check import shape_problems
from dualwindow.cli.options.configuration import (
    USERDIR,
    data_folder,
    layered_config,
    setting_rows,
    value_row,
)
from dualwindow.cli.options.flags import SettingFlag
from dualwindow.data.candles.pairs import FUTURES, SPOT, pair_of, settled_stem
from dualwindow.data.candles.timerange import timeframe_seconds
from dualwindow.errors import SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.settings import TrainingConfig
from dualwindow.settings.files import LayeredConfig
from dualwindow.settings.freqai import check_freqai_config
from dualwindow.settings.places import misplaced
from dualwindow.settings.root_settings import RootSettings
from dualwindow.settings.training_config import USUAL_PERIODS

#: For a run without a configuration file, which would hold one.
_DEFAULT_IDENTIFIER: Final = "dualwindow"


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
        """Read files, preset and flags.

        Raises:
            SettingsError: with every problem of the first part that has any.
        """
        return cls.from_layers(layered_config(options, flags))

    @classmethod
    def from_layers(cls, layers: LayeredConfig) -> Self:
        """Check a configuration and resolve a run's settings from it.

        Raises:
            SettingsError: with every problem of the first part that has any.
        """
        content = layers.content
        if problems := shape_problems(content) or misplaced(content):
            raise SettingsError(problems, "the configuration")
        root = RootSettings.from_config(content)
        timeframe = content.get("timeframe") or "1m"
        training, periods = check_freqai_config(
            _for_check(content), timeframe_seconds={timeframe: timeframe_seconds(timeframe)}
        )
        _require_base_features_only(content, timeframe)
        exchange = content.get("exchange") or {}
        name = exchange.get("name") or "binance"
        pairs = tuple(exchange.get("pair_whitelist") or ())
        if not pairs:
            raise SettingsError(
                ["there is no pair; give --pair BTC/USDT:USDT, or exchange.pair_whitelist"],
                "the configuration",
            )
        user_data = Path(content.get("user_data_dir") or USERDIR)
        trading_mode = content.get("trading_mode") or _mode_of(pairs)
        return cls(
            layers=layers,
            training=training,
            root=root,
            periods=periods,
            pairs=pairs,
            excluded=tuple(exchange.get("pair_blacklist") or ()),
            exchange=name,
            trading_mode=trading_mode,
            timeframe=timeframe,
            user_data=user_data,
            data_folder=Path(content.get("datadir") or data_folder(user_data) / name),
            terms=trade_terms(root, content, trading_mode),
        )

    @property
    def candle_seconds(self) -> int:
        """Seconds between two candles."""
        return timeframe_seconds(self.timeframe)

    def on_this_machine(self) -> tuple[TrainingConfig, list[str]]:
        """Training settings lowered to what this machine has, and a note on each lowered one."""
        return self.training.clamped_to_machine(read_cores().usable)

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
    freqai = {"identifier": _DEFAULT_IDENTIFIER, **(content.get("freqai") or {})}
    features = freqai.get("feature_parameters") or {}
    freqai["feature_parameters"] = {"indicator_periods_candles": list(USUAL_PERIODS), **features}
    # FreqAI names models by the base coin; one model of all pairs may share base coins.
    return {**content, "freqai": freqai, "exchange": {}}


def _require_base_features_only(content: Mapping[str, Any], timeframe: str) -> None:
    """Refuse features that only FreqAI makes: the bot could not use a model without them."""
    features = (content.get("freqai") or {}).get("feature_parameters") or {}
    problems = []
    others = [name for name in features.get("include_timeframes") or () if name != timeframe]
    if others:
        problems.append(f"include_timeframes has {', '.join(others)} beside {timeframe}")
    if features.get("include_corr_pairlist"):
        problems.append(f"include_corr_pairlist has {', '.join(features['include_corr_pairlist'])}")
    if problems:
        raise SettingsError(
            [
                f"{problem}: the command line makes the features of a pair's own {timeframe} "
                "candles alone; remove it, or let the bot train"
                for problem in problems
            ],
            "freqai.feature_parameters",
        )


def _mode_of(pairs: tuple[str, ...]) -> str:
    """Futures if a pair has a settlement coin, in whichever form it is written."""
    named = [pair if "/" in pair else pair_of(settled_stem(pair, SPOT)) for pair in pairs]
    return FUTURES if any(":" in pair for pair in named) else SPOT

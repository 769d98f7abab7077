"""The model that the bot's trainings start from, checked against the configuration."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqtrade.configuration import TimeRange

from dualwindow.bot.config_checks import is_live
from dualwindow.columns import FeatureSet
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.features.feature_sets import FeatureStream
from dualwindow.errors import SettingsError
from dualwindow.models.model_files import is_portable
from dualwindow.models.networks.registry import require_network
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import (
    load_pretrained,
    origin_warnings,
    require_features,
    require_no_hindsight,
    require_timeframe,
    settings_from,
)
from dualwindow.settings import TrainingConfig
from dualwindow.settings.freqai import FreqaiSettings

#: The strategy whose features follow from the configuration alone.
_OWN_STRATEGY = "DualWindowStrategy"


@dataclass(frozen=True)
class Start:
    """The start of every training of the bot: a pretrained model or random weights.

    Attributes:
        model: None for random weights.
        settings: with the sizes of the model's network.
        warnings: sentences to log once.
    """

    model: PortableModel | None
    settings: TrainingConfig
    warnings: tuple[str, ...]

    @property
    def sha256(self) -> str | None:
        """Sum of the model's weights."""
        return self.model.sha256 if self.model else None

    def lines(self) -> list[str]:
        """Lines about the model for the log, at the start of the bot."""
        if self.model is None:
            return []
        origin = self.model.origin
        used = "the start of every training" if self.settings.epochs else "used as it is"
        return [
            f"the pretrained model {origin.name!r} ({', '.join(origin.pairs)}, "
            f"{utc_text(origin.first)} to {utc_text(origin.until)} UTC) is {used}"
        ]


def read_start(config: Mapping[str, Any], settings: FreqaiSettings) -> Start:
    """Load the configured model and check all that is known before the first candle.

    Raises:
        DualWindowError: when the model cannot be loaded, is of other windows, labels, features or
            candles, or has seen candles that a backtest would predict.
    """
    training, models = settings.training, Path(config["user_data_dir"]) / "models"
    identifier = config["freqai"]["identifier"]
    if is_portable(models / identifier):
        problem = (
            f"freqai.identifier {identifier!r}: {models / identifier} is a model folder, in which "
            "FreqAI would write and which freqtrade's analyses delete; set another identifier, and "
            "name the folder as pretrained to use it"
        )
        raise SettingsError([problem], "the configuration")
    require_network(training.network, Path(config["user_data_dir"]))
    start = load_pretrained(training, models)
    if start is None:
        return Start(None, training, ())
    require_timeframe(start, config["timeframe"])
    training = settings_from(start, training)
    if names := _known_features(config, settings.indicator_periods, training.feature_set):
        require_features(start, names)
    mode = str(config.get("trading_mode", "spot"))
    warnings = origin_warnings(start, config["exchange"]["name"], mode)
    if is_live(config):
        seen = start.origin.seen_until
        if time.time() < seen:
            # Live candles are later than any training, unless a clock is wrong.
            warnings.append(
                f"the pretrained model {start.origin.name!r} has seen candles until "
                f"{utc_text(seen)} (UTC), which this machine's clock calls the future; check the "
                "clock"
            )
    elif config.get("timerange"):
        # FreqAI's first slice begins here; the slices of an analysis begin later.
        require_no_hindsight(start, TimeRange.parse_timerange(config["timerange"]).startts)
    return Start(start, training, tuple(warnings))


def _known_features(
    config: Mapping[str, Any], periods: tuple[int, ...], feature_set: FeatureSet
) -> tuple[str, ...]:
    """Names of the features where they follow from the configuration alone; else empty."""
    features = config["freqai"]["feature_parameters"]
    base_only = features.get("include_timeframes") == [config["timeframe"]]
    own = config.get("strategy") == _OWN_STRATEGY
    if not own or not base_only or features.get("include_corr_pairlist"):
        return ()
    return FeatureStream(periods, feature_set).names

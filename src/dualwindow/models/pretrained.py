"""Starting from a model that was trained before: what has to agree with it, what is taken from it.

Its weights, scaler and mirror stay together whatever the settings are; settings that decide what a
row, a window or a label is have to be the model's own, for nothing would tell otherwise.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import numpy as np

from dualwindow.data.candles.timerange import DAY_SECONDS, utc_text
from dualwindow.data.datasets.dataset import Selection
from dualwindow.errors import DataError, ModelFileError, SettingsError
from dualwindow.models.model_files import find_pretrained
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.portable import PortableModel, load_portable
from dualwindow.settings import TrainingConfig
from dualwindow.settings.training_config import ROW_SETTINGS

logger = logging.getLogger(__name__)

#: Settings that are the model's unless they are given.
_OF_NETWORK: Final = (
    *("network", "lstm_units", "dense_units", "patch_size", "trend_head"),
    *("window_features", "wide_features", "ensemble"),
)


def load_pretrained(config: TrainingConfig, models: Path) -> PortableModel | None:
    """Load the model that the settings start from; None where they name none.

    Its `pretrained` is a folder; a relative path counts from the current directory, then from
    freqtrade's folder of `models`.

    Raises:
        ModelFileError: when it cannot be loaded; the message begins with the setting.
    """
    if config.pretrained is None:
        return None
    folder = find_pretrained(config.pretrained, models)
    try:
        return load_portable(folder)
    except ModelFileError as error:
        raise ModelFileError(f"pretrained {config.pretrained!r}: {error}") from error


def settings_from(start: PortableModel, config: TrainingConfig) -> TrainingConfig:
    """The settings of a training that starts from a model: with its network sizes and mirror.

    Raises:
        SettingsError: naming every setting that has to be the model's, with both values.
    """
    theirs = start.model.config
    mirror = "on" if start.model.mirrors else "off"
    problems = [
        f"{name} {getattr(config, name)!r}: the pretrained model was made with "
        f"{getattr(theirs, name)!r}; set it to that, or train a model with yours"
        # They also decide what the bot trades.
        for name in ROW_SETTINGS
        if getattr(config, name) != getattr(theirs, name)
    ]
    problems += [
        f"{name} {_plain(getattr(config, name))!r}: the pretrained model's network has "
        f"{_plain(getattr(theirs, name))!r}; remove the setting, then the model's is taken"
        for name in _OF_NETWORK
        if name in config.model_fields_set and getattr(config, name) != getattr(theirs, name)
    ]
    if config.mirror not in ("auto", mirror):
        problems.append(
            f"mirror {config.mirror!r}: the pretrained model was made with {mirror!r}; remove the "
            "setting, then the model's is taken"
        )
    if not config.epochs and config.coverage_sides and start.model.quantiles is None:
        problems.append(
            "confidence_mode 'coverage': an earlier version made the pretrained model, without the "
            "quantiles of its validation candles; train it again, or choose another mode"
        )
    if not config.epochs and config.calibration != "none" and start.model.calibration is None:
        problems.append(
            f"calibration {config.calibration!r}: an earlier version made the pretrained model, "
            "without one; train it again, or set calibration to 'none'"
        )
    measure = config.confidence_measure
    if not config.epochs and measure != theirs.confidence_measure:
        if config.coverage_sides and start.model.quantiles is not None:
            problems.append(
                f"confidence_measure {measure!r}: the pretrained model, used as it is, has the "
                f"quantiles of {theirs.confidence_measure!r}; set it to that, or set epochs to 1 "
                "or more, or train a model with yours"
            )
        # Elsewhere nothing looks at its quantiles, and they stay what they are.
        measure = theirs.confidence_measure
    if problems:
        raise SettingsError(problems, f"what starts from the pretrained model {_named(start)}")
    taken = {name: getattr(theirs, name) for name in _OF_NETWORK}
    return config.replace(mirror=mirror, confidence_measure=measure, **taken)


def require_timeframe(start: PortableModel, timeframe: str) -> None:
    """Refuse candles of another length than the model's.

    Raises:
        SettingsError: with both named.
    """
    if timeframe != start.origin.timeframe:
        raise SettingsError(
            [
                f"timeframe {timeframe!r}: the pretrained model was trained on candles of "
                f"{start.origin.timeframe!r}; set it to that, or train a model on yours"
            ],
            f"what starts from the pretrained model {_named(start)}",
        )


def require_features(start: PortableModel, names: tuple[str, ...]) -> None:
    """Refuse features that the model does not know, or that come in another order.

    Raises:
        SettingsError: with both named.
    """
    theirs = start.model.feature_names
    if names == theirs:
        return
    raise SettingsError(
        [
            f"the features are {', '.join(names)}, the pretrained model's are "
            f"{', '.join(theirs)}; make the same ones in the same order (see "
            "indicator_periods_candles, include_timeframes, include_corr_pairlist and the "
            "strategy's feature_engineering_*), or train a model on yours"
        ],
        f"what starts from the pretrained model {_named(start)}",
    )


def require_no_hindsight(start: PortableModel, moment: int) -> None:
    """Refuse predictions of candles that the model's weights have been fitted to.

    `moment` is the date of the first candle that is predicted, seconds since 1970.

    Raises:
        DataError: with the dates and the way out.
    """
    seen = start.origin.seen_until
    if moment >= seen:
        return
    raise DataError(
        f"the pretrained model {_named(start)} has seen the candles until {utc_text(seen)} (UTC), "
        f"so predictions from {utc_text(moment)} on would be hindsight, not skill; begin at "
        f"--timerange {_day_from(seen)}- or later, or pretrain a model whose training ends earlier"
    )


def origin_warnings(start: PortableModel, exchange: str, trading_mode: str) -> list[str]:
    """One sentence for what differs from the market that the model was trained on."""
    pairs = (
        ("exchange", exchange, start.origin.exchange),
        ("trading_mode", trading_mode, start.origin.trading_mode),
    )
    return [
        f"{name} {value!r}: the pretrained model {_named(start)} was trained on {theirs!r}; its "
        "figures do not say how good it is here"
        for name, value, theirs in pairs
        if value != theirs
    ]


def untrained_network(start: PortableModel, config: TrainingConfig) -> DualWindowNetwork:
    """A network of its own with the model's weights, scaler and mirror, on the CPU.

    The settings are from `settings_from`; only their dropouts may differ from the model's.
    """
    return start.model.network_of(NetworkShape.from_settings(config, start.model.feature_names))


def unseen(start: PortableModel | None, rows: Selection) -> Selection:
    """Those rows that are no hindsight for a training that starts from a model; all without one."""
    if start is None:
        return rows
    seconds = rows.dataset.seconds
    # Each stretch is of one pair, so its dates are in order.
    stretches = []
    for rows_of_pair in rows.stretches:
        dates = seconds[rows_of_pair.start : rows_of_pair.stop]
        first = rows_of_pair.start + int(np.searchsorted(dates, start.origin.seen_until))
        stretches.append(range(first, rows_of_pair.stop))
    return Selection(rows.dataset, stretches)


def _named(start: PortableModel) -> str:
    return repr(start.origin.name)


def _plain(value: object) -> object:
    """As the configuration writes it."""
    return list(value) if isinstance(value, tuple) else value


def _day_from(second: int) -> str:
    """The first day that begins at a moment or later, as freqtrade's command line wants it."""
    return utc_text(-(-second // DAY_SECONDS) * DAY_SECONDS).replace("-", "")

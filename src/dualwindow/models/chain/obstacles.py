"""Whether a training may begin from the former model of its chain: checked, not assumed."""

from __future__ import annotations

from dataclasses import replace

from dualwindow.data.candles.sums import SummedCandles
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.split import Split, ends_of
from dualwindow.models.chain.former import FormerModel
from dualwindow.models.mirror import mirror_for
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.settings.training_config import ROW_SETTINGS


def full_is_due(former: FormerModel, config: TrainingConfig) -> bool:
    """Whether there were as many warm retrainings as the settings allow."""
    link = former.model.link
    return link is not None and link.retrainings >= config.warm_retrainings


def obstacle(
    former: FormerModel, split: Split, config: TrainingConfig, candles: SummedCandles | None
) -> str | None:
    """The first reason to train fully instead of from the former model; None where it may begin.

    Args:
        former: the pair's last model.
        split: of the new training, whose choosing rows are apart.
        config: its settings.
        candles: of the pair as they are now; None where they are not known.
    """
    link = former.model.link
    if link is None:
        return "its last model is not of a chain"
    if full_is_due(former, config):
        return f"{counted(link.retrainings, 'warm retraining')} came after the last full training"
    return (
        _other_model(former, split, config)
        or _seen(former, split)
        or _changed_candles(former, candles)
    )


def _other_model(former: FormerModel, split: Split, config: TrainingConfig) -> str | None:
    """What the weights or the scaler of the former model do not fit."""
    model, dataset = former.model, split.train.dataset
    if model.feature_names != dataset.names:
        return "its last model was made with other features"
    if model.candle_seconds != dataset.candle_seconds:
        return "its last model was made with candles of another length"
    differing = [
        name for name in ROW_SETTINGS if getattr(model.config, name) != getattr(config, name)
    ]
    if differing:
        return f"its last model was made with another {', '.join(differing)}"
    if model.shape.ensemble != config.ensemble:
        return f"its last model has ensemble {model.shape.ensemble}, now it is {config.ensemble}"
    asked = NetworkShape.from_settings(config, dataset.names)
    sizes = replace(model.shape, dropout=asked.dropout, lstm_dropout=asked.lstm_dropout)
    if sizes != asked or model.mirrors != (mirror_for(config, dataset.names) is not None):
        return "its last model has a network of other sizes"
    return None


def _seen(former: FormerModel, split: Split) -> str | None:
    """Rows of the new training that must be unseen, and are not.

    No model of the chain may have been fitted to a row that chooses or validates, and none may
    have been chosen by a row that validates.
    """
    link = former.model.link
    assert link is not None, "obstacle has looked"
    chosen_by, _ = ends_of(split.chosen_by)
    validated_by, _ = ends_of(split.validation)
    if chosen_by <= link.fitted_until:
        return (
            f"its last model was trained on candles until {utc_text(link.fitted_until)} (UTC), "
            f"and the validation begins at {utc_text(chosen_by)}"
        )
    if validated_by <= link.chosen_until:
        return (
            f"its last model was chosen by candles until {utc_text(link.chosen_until)} (UTC), and "
            f"the validation after the choice begins at {utc_text(validated_by)}"
        )
    return None


def _changed_candles(former: FormerModel, candles: SummedCandles | None) -> str | None:
    link = former.model.link
    if link is None or link.candles is None or candles is None:
        return None
    if not (changes := candles.changes(link.candles)):
        return None
    begin, stop = changes[0][0], changes[-1][1]
    return (
        f"candles between {utc_text(begin)} and {utc_text(stop)} (UTC) are not those any more that "
        "its last model was trained on"
    )

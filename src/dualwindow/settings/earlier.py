"""Settings that other versions have or lack, so that what those have made still counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Settings of earlier versions, with the value that trains as this version does. A configuration
#: may hold that value, as `save_to_file` wrote it; another one is refused. A saved model may hold
#: any, because these settings have no part in predictions.
RETIRED_SETTINGS: Final[Mapping[str, Any]] = {"auxiliary_weight": 0.0}
#: Settings that earlier versions lack, with the value at which rows and models are theirs. At it
#: they are left out of every fingerprint, so that earlier folders, checkpoints and stores count.
LATER_SETTINGS: Final[Mapping[str, Any]] = {
    "label_price_step": "none",
    "network": "lstm",
    "window_features": None,
    "wide_features": None,
    "sample_every": 1,
    "ensemble": 1,
    "warm_epochs": 1,
    "warm_retrainings": 11,
    "confidence_measure": "probability",
    # FreqAI's own.
    "continual_learning": False,
}

#: What the earlier training module's command line called otherwise, without case and separators,
#: and where it is now.
EARLIER_NAMES: Final[Mapping[str, str]] = {
    "pair": "exchange.pair_whitelist",
    "datefrom": "dualwindow.train_from",
    "dateto": "dualwindow.train_to",
    **{
        name: f"freqai.model_training_parameters.{setting}"
        for name, setting in {
            "windowpast": "window_size",
            "windowfuture": "future_window",
            "chunksize": "multiprocessing_chunk_size",
            "confidenceshort": "confidence_threshold_short",
            "confidencelong": "confidence_threshold_long",
            "confidencehold": "confidence_threshold_hold",
            "disableconfidence": "use_confidence_thresholding",
            "disablemultiprocessing": "use_multiprocessing",
            "disablebatchextraction": "use_batch_extraction",
        }.items()
    },
}


def fingerprinted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those of `LATER_SETTINGS` at the value there.

    Example:
        >>> fingerprinted({"label_rule": "hybrid", "label_price_step": "none"})
        {'label_rule': 'hybrid'}
    """
    return {
        name: value
        for name, value in settings.items()
        if name not in LATER_SETTINGS or value != LATER_SETTINGS[name]
    }


def is_retired(name: str, value: Any) -> bool:
    """Whether a setting of earlier versions holds the value that changes nothing."""
    return (
        name in RETIRED_SETTINGS and not isinstance(value, bool) and value == RETIRED_SETTINGS[name]
    )

"""Every setting with its default, range, unit and meaning, written once.

`dualwindow.settings.training_config.TrainingConfig` adds what settings do together.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from dualwindow.columns import BASE, EXTENDED, SUMMARY, FeatureSet, candles_looked_at
from dualwindow.confidence.thresholds import CalibrationKind, ConfidenceMode, Fallback
from dualwindow.labels import LabelRule, PriceStepRule
from dualwindow.settings.kinds import (
    Candles,
    Count,
    Ensemble,
    FeatureNames,
    Fraction,
    Measure,
    NetworkName,
    Probability,
    ReadSettings,
    Rows,
    SampleEvery,
    Width,
)

#: Most layers of a kind.
_MOST_LAYERS: Final = 16


class SettingFields(ReadSettings):
    """The fields: frozen, strict about types, closed to unknown names."""

    # windows
    window_size: Candles = Field(
        180, ge=2, le=100_000, description="Candles that the network looks at (P)."
    )
    future_window: Candles = Field(
        120, ge=1, le=100_000, description="Candles within which a barrier must be touched (F)."
    )
    max_flat_candles: Candles = Field(
        30,
        ge=0,
        le=1_000_000,
        description="Longest run of flat zero-volume candles that is not yet an outage.",
    )
    max_history_days: int = Field(
        800,
        ge=1,
        le=36_525,
        description="Most days of history that FreqAI may download at the start of a bot.",
        json_schema_extra={"unit": "days"},
    )

    # features
    feature_set: FeatureSet = Field(
        BASE,
        description="base: changes of high, low, close and volume, close and volume against their "
        "moving averages; extended: trailing volatilities, relative volume and time of day as "
        f"well, which look back {candles_looked_at(EXTENDED):,} candles; summary: those of base "
        "and volatilities, ranges, relative volumes and returns over many periods, and the clock, "
        f"which look back {candles_looked_at(SUMMARY):,} candles.",
    )
    window_features: FeatureNames | None = Field(
        None,
        description="Features of which the network sees the whole window: names or patterns with * "
        "and ?, such as my_rsi of the column %-my_rsi; all but the summary columns unless given.",
    )
    wide_features: FeatureNames | None = Field(
        None,
        description="Features of the window's last candle for the dense layers and the classes, "
        "past the LSTM layers; the summary columns unless given.",
    )

    # labels
    long_tp_pct: Fraction = Field(0.01, description="Take profit of a long above its entry.")
    long_sl_pct: Fraction = Field(0.005, description="Stop loss of a long below its entry.")
    short_tp_pct: Fraction = Field(0.01, description="Take profit of a short below its entry.")
    short_sl_pct: Fraction = Field(0.005, description="Stop loss of a short above its entry.")
    label_rule: LabelRule = Field(
        "hybrid",
        description="hybrid: the stop loss may not be touched anywhere in the future window; "
        "first_touch: not before the take profit.",
    )
    label_price_step: PriceStepRule = Field(
        "none",
        description="candles: stop losses of labels lie on the price step, as those of trades do, "
        "by the decimals of the prices in the future window; none: at the exact price. It matters "
        "where the step is not small against the barriers, of which the candle check warns.",
    )

    # training
    epochs: int = Field(
        100,
        ge=0,
        le=100_000,
        description="Most passes over the sample; 0 uses the `pretrained` model as it is.",
    )
    batch_size: Count = Field(256, description="Windows per gradient step.")
    learning_rate: float = Field(
        0.0005, gt=0.0, le=1.0, description="Step size of AdamW at the start."
    )
    learning_rate_schedule: Literal["plateau", "cosine"] = Field(
        "plateau",
        description="plateau: halved when validation stops improving; cosine: to 0 over `epochs`.",
    )
    validation_fraction: float = Field(
        0.15,
        gt=0.0,
        le=0.5,
        description="Newest share of the training rows kept for validation (FreqAI's test_size).",
        json_schema_extra={"unit": "fraction"},
    )
    early_stopping_patience: Count = Field(
        10, description="Epochs without a better validation loss before training stops."
    )
    gradient_clip: float = Field(
        1.0, gt=0.0, le=1_000_000.0, description="Largest norm of a gradient step."
    )
    dropout: float = Field(
        0.2, ge=0.0, lt=1.0, description="Share of the last hidden layer dropped in training."
    )
    lstm_dropout: float = Field(
        0.5, ge=0.0, lt=1.0, description="Share of units dropped between LSTM layers in training."
    )
    network: NetworkName = "lstm"
    ensemble: Ensemble = 1
    lstm_units: tuple[Width, ...] = Field(
        (128, 64, 32),
        min_length=1,
        max_length=_MOST_LAYERS,
        description="Width of each layer that reads the window. A network whose training cannot "
        "fit into the memory is refused.",
    )
    dense_units: tuple[Width, ...] = Field(
        (32, 16), max_length=_MOST_LAYERS, description="Width of each dense layer."
    )
    patch_size: Candles = Field(
        1,
        ge=1,
        le=100_000,
        description="Candles merged into one LSTM step; must divide `window_size`.",
    )
    trend_head: bool = Field(
        True,
        description="A linear map of the window's trailing returns, beside the LSTM layers and "
        "straight to SHORT and LONG; false: the LSTM layers alone.",
    )
    mirror: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Train on mirrored windows too and average a prediction with its mirror; "
        "auto: on when both sides have equal barriers and every feature has a mirror image.",
    )
    class_balance: Literal["undersample", "weights", "none"] = Field(
        "undersample",
        description="undersample: each epoch draws every class down to the rarest; "
        "weights: rare classes weigh more; none: the class prior as it is.",
    )
    sample_every: SampleEvery = 1
    warm_epochs: Count = Field(
        1,
        description="Epochs of a warm retraining, in which the step size falls to zero; only with "
        "freqai.continual_learning, which begins a training from the pair's last model.",
    )
    warm_retrainings: int = Field(
        11,
        ge=0,
        le=100_000,
        description="Warm retrainings until a full one; 0 trains fully every time, as without "
        "freqai.continual_learning.",
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of every random draw.")
    deterministic: bool = Field(True, description="Same seed and machine give identical weights.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,3})?)$",
        description="auto, cpu, mps, cuda or cuda:N; auto takes a GPU when there is one.",
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="Arithmetic of training; auto is fp32, as predictions always are."
    )
    pretrained: str | None = Field(
        None,
        min_length=1,
        max_length=4095,
        description="Folder of a model that `dualwindow train` wrote, from whose weights and "
        "scaler every training starts; a relative path counts from the current directory, then "
        "from user_data/models. Windows, labels and features must be the model's; the network's "
        "sizes are, unless given.",
    )

    # confidence
    use_confidence_thresholding: bool = Field(
        True, description="false: always predict the likeliest class."
    )
    confidence_mode: ConfidenceMode = Field(
        "conservative",
        description="Set of thresholds; coverage: every model has its own, which "
        "`confidence_coverage` of its validation candles reach.",
    )
    confidence_coverage: float = Field(
        0.02,
        ge=0.0001,
        le=0.5,
        description="Mode coverage: largest share of the validation candles that reach the "
        "threshold of SHORT, and of LONG; rounded down to whole ten-thousandths.",
        json_schema_extra={"unit": "fraction of candles"},
    )
    confidence_measure: Measure = "probability"
    confidence_threshold_short: Probability | None = Field(
        None, description="Threshold of SHORT; from the mode unless given."
    )
    confidence_threshold_long: Probability | None = Field(
        None, description="Threshold of LONG; from the mode unless given."
    )
    confidence_threshold_hold: Probability | None = Field(
        None,
        description="Threshold of HOLD; from the mode unless given. Has no effect unless "
        "`confidence_fallback` is argmax: with hold, every candle that is not SHORT or LONG is "
        "HOLD, whatever this is.",
    )
    confidence_fallback: Fallback = Field(
        "hold",
        description="Decision when no threshold is reached. hold: HOLD, which leaves the threshold "
        "of HOLD without effect; argmax: the likeliest class, so that SHORT and LONG may be "
        "decided below their thresholds where HOLD is below its own.",
    )
    calibration: CalibrationKind = Field(
        "none",
        description="Probabilities that are compared with the thresholds. none: the network's own, "
        "for the class shares that it was trained on; prior: corrected to the class prior of the "
        "training candles; temperature: also scaled by a temperature fitted on the validation "
        "candles. Changes no model and no cached prediction. In mode coverage quantile levels stay "
        "those of the network's own probabilities.",
    )

    # streaming
    use_streaming: bool = Field(
        True,
        description="false: one chunk holds all windows of an epoch, without a bound on memory "
        "and without a gain in speed.",
    )
    streaming_chunk_size: Rows = Field(
        1000,
        description="Windows in memory at a time in training and prediction, rounded to whole "
        "batches (at least one). Bounds memory and changes no result. It hardly matters for speed: "
        "delivering windows takes less than 1 % of a training, and least with about 1,000. "
        "Stores are prepared in batches of 65,536 candles, as freqtrade's files hold them.",
    )

    # parallel
    use_multiprocessing: bool = Field(
        False,
        description="Prepare a store of several pairs in worker processes, a pair at a time; a "
        "single pair, or less than a million candles, is prepared in one process, and so are the "
        "bot's candles.",
    )
    n_processes: Count = Field(2, description="Worker processes; at most the number of cores.")
    multiprocessing_chunk_size: Rows = Field(
        5000,
        description="Rows that a worker prepares at a time. Bounds its memory and changes no "
        "result; with 5,000 a row takes about twice as long as with 65,536.",
    )
    use_batch_extraction: bool = Field(
        True, description="Gather many windows at a time; false: one by one, for comparison."
    )
    batch_extraction_size: Rows = Field(
        1000,
        description="Windows gathered by one operation; at most the chunk. Above about 100 it no "
        "longer matters for speed.",
    )

    # memory
    enable_memory_monitoring: bool = Field(
        True, description="Watch memory while a store is prepared and a network is trained."
    )
    max_memory_usage_pct: float = Field(
        75.0,
        gt=0.0,
        le=100.0,
        description="Share of the memory limit that may be used: of the container's (cgroup v2 or "
        "v1) or the process's own where there is one, else of the machine's.",
        json_schema_extra={"unit": "percent"},
    )
    adaptive_chunk_size: bool = Field(
        True,
        description="Halve the chunk when nine tenths of that share are used; false: stop with an "
        "error when all of it is used.",
    )
    fallback_to_serial: bool = Field(
        True,
        description="Go on in one process when worker processes fail; false: stop with an error.",
    )

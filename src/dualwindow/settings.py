"""The one source of truth for every setting: default, range, unit and meaning.

The settings live in `freqai.model_training_parameters` of freqtrade's configuration. Nothing else
in the package holds a default; `dualwindow.freqai_config` reads and checks the rest of FreqAI's
configuration against them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import rapidjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dualwindow.confidence import MODE_THRESHOLDS, ConfidenceMode, Fallback, Thresholds
from dualwindow.errors import SettingsError
from dualwindow.files import write_json
from dualwindow.settings_errors import sentences

CANDLES_PER_DAY = 1440
_BUFFER_MARGIN = 1.1

Fraction = Annotated[float, Field(gt=0.0, lt=1.0, json_schema_extra={"unit": "fraction"})]
Probability = Annotated[float, Field(ge=0.0, le=1.0, json_schema_extra={"unit": "probability"})]
Candles = Annotated[int, Field(json_schema_extra={"unit": "candles"})]
Count = Annotated[int, Field(ge=1)]


class TrainingConfig(BaseModel):
    """Settings of windows, labels, training, confidence, streaming, processes and memory.

    Frozen; every value is checked when the object is made. Use `from_parameters` to have all
    problems in one `SettingsError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    # windows
    window_size: Candles = Field(180, ge=2, description="Candles that the network looks at (P).")
    future_window: Candles = Field(
        120, ge=1, description="Candles within which a barrier must be touched (F)."
    )
    max_flat_candles: Candles = Field(
        30,
        ge=0,
        description="Longest run of flat zero-volume candles that is not yet an outage.",
    )
    max_history_days: int = Field(
        800,
        ge=1,
        description="Most days of history that FreqAI may download at the start of a bot.",
        json_schema_extra={"unit": "days"},
    )

    # labels
    long_tp_pct: Fraction = Field(0.01, description="Take profit of a long above its entry.")
    long_sl_pct: Fraction = Field(0.005, description="Stop loss of a long below its entry.")
    short_tp_pct: Fraction = Field(0.01, description="Take profit of a short below its entry.")
    short_sl_pct: Fraction = Field(0.005, description="Stop loss of a short above its entry.")
    label_rule: Literal["hybrid", "first_touch"] = Field(
        "hybrid",
        description="hybrid: the stop loss may not be touched anywhere in the future window; "
        "first_touch: not before the take profit.",
    )

    # training
    epochs: int = Field(
        100, ge=0, description="Most passes over a balanced sample; 0 only with `pretrained`."
    )
    batch_size: Count = Field(256, description="Windows a gradient step.")
    learning_rate: float = Field(
        0.002, gt=0.0, le=1.0, description="Step size of AdamW at the start."
    )
    learning_rate_schedule: Literal["plateau", "cosine"] = Field(
        "plateau",
        description="plateau: halved when validation stops improving; cosine: falls to zero "
        "over `epochs`.",
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
    gradient_clip: float = Field(1.0, gt=0.0, description="Largest norm of a gradient step.")
    dropout: float = Field(0.2, ge=0.0, lt=1.0, description="Share of units dropped in training.")
    lstm_units: tuple[Count, ...] = Field(
        (128, 64, 32), min_length=1, description="Width of each LSTM layer."
    )
    dense_units: tuple[Count, ...] = Field((32, 16), description="Width of each dense layer.")
    patch_size: Candles = Field(
        1, ge=1, description="Candles merged into one LSTM step; must divide `window_size`."
    )
    mirror: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Train on mirrored windows too and average a prediction with its mirror; "
        "auto: on when both sides have equal barriers and every feature has a mirror image.",
    )
    class_balance: Literal["undersample", "weights", "none"] = Field(
        "undersample",
        description="undersample: each epoch draws every class down to the rarest; "
        "weights: rare classes weigh more; none: as in the market.",
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of every random draw.")
    deterministic: bool = Field(True, description="Same seed and machine give identical weights.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="auto, cpu, mps, cuda or cuda:N; auto takes a GPU when there is one.",
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="Arithmetic of training; auto is fp32 on a CPU, bf16 on a GPU."
    )
    pretrained: str | None = Field(
        None, description="Folder of a model to start from. Not available in this version."
    )

    # confidence
    use_confidence_thresholding: bool = Field(
        True, description="false: always say the likeliest class."
    )
    confidence_mode: ConfidenceMode = Field(
        "conservative", description="Which set of thresholds to use."
    )
    confidence_threshold_short: Probability | None = Field(
        None, description="Threshold of SHORT; from the mode unless given."
    )
    confidence_threshold_long: Probability | None = Field(
        None, description="Threshold of LONG; from the mode unless given."
    )
    confidence_threshold_hold: Probability | None = Field(
        None, description="Threshold of HOLD; from the mode unless given."
    )
    confidence_fallback: Fallback = Field(
        "hold", description="What is said when no threshold is reached."
    )
    calibration: Literal["none", "prior", "temperature"] = Field(
        "none",
        description="Correction of the network's probabilities before the thresholds; this version "
        "has none only.",
    )

    # streaming
    use_streaming: bool = Field(True, description="false: one chunk holds everything.")
    streaming_chunk_size: Candles = Field(
        1000, ge=1, description="Windows that are gathered in memory at a time."
    )

    # parallel
    use_multiprocessing: bool = Field(
        False, description="Prepare in worker processes. Not used by this version."
    )
    n_processes: Count = Field(
        2, description="Worker processes; at most the cores there are. Not used by this version."
    )
    multiprocessing_chunk_size: Candles = Field(
        5000, ge=1, description="Rows that a worker prepares at a time. Not used by this version."
    )
    use_batch_extraction: bool = Field(True, description="Gather windows many at a time.")
    batch_extraction_size: Candles = Field(
        1000, ge=1, description="Windows gathered at a time; at most the chunk."
    )

    # memory
    enable_memory_monitoring: bool = Field(
        True, description="Watch memory during training. Not used by this version."
    )
    max_memory_usage_pct: float = Field(
        75.0,
        gt=0.0,
        le=100.0,
        description="Share of the container's memory that may be used. Not used by this version.",
        json_schema_extra={"unit": "percent"},
    )
    adaptive_chunk_size: bool = Field(
        True, description="Halve the chunk when memory runs short. Not used by this version."
    )
    fallback_to_serial: bool = Field(
        True, description="Go on alone when workers fail. Not used by this version."
    )

    @field_validator("lstm_units", "dense_units", mode="before")
    @classmethod
    def _list_to_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        problems = self._disagreements()
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _disagreements(self) -> list[str]:
        """Problems that only show when two settings are looked at together."""
        problems = []
        if self.window_size % self.patch_size:
            problems.append(
                f"patch_size {self.patch_size} must divide window_size {self.window_size} "
                "without remainder; choose one that does, or 1"
            )
        if self.epochs == 0 and self.pretrained is None:
            problems.append("epochs 0 needs a pretrained model; set epochs to 1 or more")
        if self.pretrained is not None:
            problems.append(
                f"pretrained {self.pretrained!r} is not available in this version; remove it"
            )
        if self.calibration != "none":
            problems.append(
                f"calibration {self.calibration!r} is not available in this version; use 'none'"
            )
        symmetric = (self.long_tp_pct, self.long_sl_pct) == (self.short_tp_pct, self.short_sl_pct)
        if self.mirror == "on" and not symmetric:
            problems.append(
                "mirror 'on' needs equal barriers on both sides, but the long side has "
                f"{self.long_tp_pct}/{self.long_sl_pct} and the short side "
                f"{self.short_tp_pct}/{self.short_sl_pct}; use 'auto' or make them equal"
            )
        return problems

    @property
    def barriers_are_symmetric(self) -> bool:
        """True when both sides have the same take profit and stop loss."""
        return (self.long_tp_pct, self.long_sl_pct) == (self.short_tp_pct, self.short_sl_pct)

    @property
    def thresholds(self) -> Thresholds:
        """What `decide` takes: each threshold as given, else that of the mode."""
        mode = MODE_THRESHOLDS[self.confidence_mode]

        def given_or(value: float | None, default: float) -> float:
            return default if value is None else value

        return Thresholds(
            short=given_or(self.confidence_threshold_short, mode.short),
            hold=given_or(self.confidence_threshold_hold, mode.hold),
            long=given_or(self.confidence_threshold_long, mode.long),
            fallback=self.confidence_fallback,
            enabled=self.use_confidence_thresholding,
        )

    def apply_confidence_mode(self, mode: ConfidenceMode) -> Self:
        """A new config with the thresholds of `mode`, dropping thresholds given one by one."""
        return self.replace(
            confidence_mode=mode,
            confidence_threshold_short=None,
            confidence_threshold_long=None,
            confidence_threshold_hold=None,
        )

    def replace(self, **changes: Any) -> Self:
        """A new, checked config with some values changed.

        Raises:
            SettingsError: with every problem of the new values.
        """
        return self.from_parameters({**self.to_dict(), **changes})

    def validate_config(self) -> None:
        """Check all values again, for objects made past the checks (`model_construct`).

        Raises:
            SettingsError: with every problem.
        """
        self.from_parameters(self.to_dict())

    def validate_confidence_params(self) -> None:
        """Check the confidence settings alone.

        Raises:
            SettingsError: with every problem of the confidence settings.
        """
        names = [name for name in type(self).model_fields if "confidence" in name]
        self.from_parameters({name: getattr(self, name) for name in names})

    def calculate_required_buffer_days(
        self, indicator_periods: Sequence[int] = (1440, 43200)
    ) -> int:
        """Days of 1-minute history needed before the first training row.

        The longest moving average and a tenth more: 33 days for the default periods (candles).
        """
        longest = max((*indicator_periods, self.window_size))
        return math.ceil(longest / CANDLES_PER_DAY * _BUFFER_MARGIN - 1e-9)

    @classmethod
    def from_parameters(
        cls, parameters: Mapping[str, Any], source: str = "freqai.model_training_parameters"
    ) -> Self:
        """Make a config from plain values.

        Raises:
            SettingsError: with one sentence for every unknown key and bad value.
        """
        config, problems = cls.check(parameters)
        if problems:
            raise SettingsError(problems, source)
        return config

    @classmethod
    def check(cls, parameters: Mapping[str, Any]) -> tuple[Self, list[str]]:
        """Make a config of the good values alone, and tell what is wrong with the others.

        Returns:
            The config, with defaults in place of bad values, and one sentence a problem.
        """
        try:
            return cls.model_validate(dict(parameters)), []
        except ValidationError as error:
            problems = sentences(error, cls)
            bad = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        good = {name: value for name, value in parameters.items() if name not in bad}
        if not bad:
            # Every value is good by itself, so only a disagreement is left.
            return cast(Self, cls.model_construct(**good)), problems
        config, disagreements = cls.check(good)
        # A disagreement with a default that stands in for a bad value says nothing to the user.
        fields = bad & cls.model_fields.keys()
        named = [re.compile(rf"\b{re.escape(name)}\b") for name in fields]
        problems += [each for each in disagreements if not any(n.search(each) for n in named)]
        return config, problems

    @classmethod
    def from_config_file(cls, path: str | Path) -> Self:
        """Read the settings out of a freqtrade configuration file (comments allowed).

        Raises:
            SettingsError: when the file is missing, is not JSON, or holds bad settings.
        """
        file = Path(path)
        try:
            content = rapidjson.loads(
                file.read_text(encoding="utf-8"),
                parse_mode=rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS,
            )
        except FileNotFoundError:
            raise SettingsError(
                [f"there is no file {str(file)!r}; check the path"], str(file)
            ) from None
        except rapidjson.JSONDecodeError as error:
            raise SettingsError([f"not valid JSON: {error}"], str(file)) from None
        parameters: Any = content
        for key in ("freqai", "model_training_parameters"):
            if not isinstance(parameters, Mapping):
                break
            parameters = parameters.get(key, {})
        if not isinstance(parameters, Mapping):
            raise SettingsError(
                ["freqai.model_training_parameters is not a group of settings"], str(file)
            )
        return cls.from_parameters(parameters, source=str(file))

    def to_dict(self) -> dict[str, Any]:
        """All values as plain JSON types."""
        return self.model_dump(mode="json")

    def save_to_file(self, path: str | Path) -> None:
        """Write the settings as a freqtrade configuration overlay, whole or not at all."""
        write_json(Path(path), {"freqai": {"model_training_parameters": self.to_dict()}})

    def summary(self) -> str:
        """Every setting with its value, one a line, those that differ from the default marked."""
        lines = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            mark = "" if value == field.default else f"   (default {field.default})"
            lines.append(f"{name:<30} {value}{mark}")
        return "\n".join(lines)

    def print_summary(self) -> None:
        """Print `summary`."""
        print(self.summary())

    def auto_configure(self, memory_gib: float, cores: int) -> Self:
        """A new config with process and chunk sizes for a machine.

        Args:
            memory_gib: memory that may be used (GiB), the container's limit if there is one.
            cores: processor cores.
        """
        if memory_gib >= 32 and cores >= 8:
            processes, chunk = 8, 15000
        elif memory_gib >= 16 and cores >= 4:
            processes, chunk = 4, 5000
        else:
            processes, chunk = max(1, min(2, cores)), 1000
        return self.replace(
            use_multiprocessing=cores >= 4,
            n_processes=processes,
            streaming_chunk_size=chunk,
            multiprocessing_chunk_size=chunk,
            batch_extraction_size=min(chunk, 1000),
        )

    def clamped_to_machine(self, cores: int) -> tuple[Self, list[str]]:
        """Lower what this machine cannot do.

        Returns:
            The config to use, and one phrase for each value that was lowered.
        """
        changes: dict[str, int] = {}
        if self.n_processes > cores:
            changes["n_processes"] = cores
        if self.batch_extraction_size > self.streaming_chunk_size:
            changes["batch_extraction_size"] = self.streaming_chunk_size
        notes = [f"{name} {getattr(self, name)} -> {value}" for name, value in changes.items()]
        return (self.replace(**changes) if changes else self), notes

"""The settings in `freqai.model_training_parameters` of freqtrade's configuration.

The fields with their defaults are in `dualwindow.settings.fields`; this module checks and combines
them. `dualwindow.settings.freqai` checks the rest of FreqAI's configuration.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from numbers import Integral
from pathlib import Path
from typing import Any, Final, Self, cast

from pydantic import ValidationError, model_validator

from dualwindow.columns import LONG, SHORT, candles_looked_at
from dualwindow.confidence import Thresholds
from dualwindow.confidence.thresholds import COVERAGE_THRESHOLDS, MODE_THRESHOLDS, ConfidenceMode
from dualwindow.errors import SettingsError
from dualwindow.runtime.machine import Machine, MachineSizes, reason_for, sizes_for
from dualwindow.settings.fields import SettingFields
from dualwindow.settings.frozen import require_kept
from dualwindow.settings.layers.training_file import training_parameters, write_parameters
from dualwindow.settings.messages import Checked, not_a_group, sentences, shown

CANDLES_PER_DAY = 1440
#: Candles of the usual moving averages: a day and 30 days of 1-minute candles.
USUAL_PERIODS: Final = (1440, 43200)
#: Settings that define a row, its window and its label.
ROW_SETTINGS: Final = (
    "feature_set",
    "window_size",
    "future_window",
    "max_flat_candles",
    "long_tp_pct",
    "long_sl_pct",
    "short_tp_pct",
    "short_sl_pct",
    "label_rule",
    "label_price_step",
)
_BUFFER_MARGIN = 1.1
#: Of a window: more features of four bytes than either feature set has.
_CANDLE_BYTES: Final = 64

logger = logging.getLogger(__name__)


class TrainingConfig(SettingFields):
    """Settings of windows, labels, training, confidence, streaming, processes and memory.

    Frozen; every value is checked when the object is made. Use `from_parameters` to have all
    problems in one `SettingsError`.

    Example:
        >>> config = TrainingConfig.from_parameters({"window_size": 60, "patch_size": 5})
        >>> config.window_size, config.future_window
        (60, 120)
        >>> TrainingConfig.from_parameters({"window_size": 61, "patch_size": 5})
        Traceback (most recent call last):
            ...
        dualwindow.errors.SettingsError: 1 problem in freqai.model_training_parameters:
          - patch_size 5 must divide window_size 61 without remainder; choose one that does, or 1
    """

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        problems = []
        if self.window_size % self.patch_size:
            problems.append(
                f"patch_size {self.patch_size} must divide window_size {self.window_size} "
                "without remainder; choose one that does, or 1"
            )
        if self.epochs == 0 and self.pretrained is None:
            problems.append(
                "epochs 0 needs a pretrained model to use as it is; set pretrained, or set epochs "
                "to 1 or more"
            )
        if self.coverage_sides and self.confidence_fallback != "hold":
            problems.append(
                "confidence_mode 'coverage' needs confidence_fallback 'hold', because "
                f"{self.confidence_fallback!r} lets through what the thresholds hold back; change "
                "one of them"
            )
        if self.mirror == "on" and not self.barriers_are_symmetric:
            problems.append(
                "mirror 'on' needs equal barriers on both sides, but the long side has "
                f"{self.long_tp_pct}/{self.long_sl_pct} and the short side "
                f"{self.short_tp_pct}/{self.short_sl_pct}; use 'auto' or make them equal"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def barriers_are_symmetric(self) -> bool:
        """True when both sides have the same take profit and stop loss."""
        return (self.long_tp_pct, self.long_sl_pct) == (self.short_tp_pct, self.short_sl_pct)

    @property
    def thresholds(self) -> Thresholds:
        """Thresholds for `decide`: those given one by one, else those of the mode.

        The sides of `coverage_sides` get a threshold that is never reached: the real one is the
        model's, see `TrainedModel.thresholds`.

        Example:
            >>> TrainingConfig(confidence_threshold_long=0.6).thresholds.by_class()
            (0.7, 0.3, 0.6)
        """
        given = {
            "short": self.confidence_threshold_short,
            "hold": self.confidence_threshold_hold,
            "long": self.confidence_threshold_long,
        }
        return replace(
            MODE_THRESHOLDS.get(self.confidence_mode, COVERAGE_THRESHOLDS),
            **{name: value for name, value in given.items() if value is not None},
            fallback=self.confidence_fallback,
            enabled=self.use_confidence_thresholding,
        )

    @property
    def coverage_sides(self) -> tuple[int, ...]:
        """Class codes whose thresholds are the model's: in mode coverage those not given."""
        if self.confidence_mode != "coverage" or not self.use_confidence_thresholding:
            return ()
        given = {SHORT: self.confidence_threshold_short, LONG: self.confidence_threshold_long}
        return tuple(code for code, threshold in given.items() if threshold is None)

    def apply_confidence_mode(self, mode: ConfidenceMode) -> Self:
        """A new config with the thresholds of `mode`; thresholds given one by one are dropped.

        Example:
            >>> config = TrainingConfig(confidence_threshold_long=0.6)
            >>> config.apply_confidence_mode("aggressive").thresholds.by_class()
            (0.45, 0.4, 0.45)
        """
        changed = self.replace(
            confidence_mode=mode,
            confidence_threshold_short=None,
            confidence_threshold_long=None,
            confidence_threshold_hold=None,
        )
        require_kept("apply_confidence_mode", f"config = config.apply_confidence_mode({mode!r})")
        return changed

    def validate_config(self) -> None:
        """Check all values again, for `model_construct`; SettingsError has every problem."""
        self.from_parameters(self.to_dict())

    def validate_confidence_params(self) -> None:
        """Check the confidence settings alone; SettingsError has every problem of theirs."""
        fields = type(self).model_fields
        names = [name for name in fields if "confidence" in name or name == "calibration"]
        self.from_parameters({name: getattr(self, name) for name in names})

    def calculate_required_buffer_days(
        self, indicator_periods: Sequence[int] = USUAL_PERIODS
    ) -> int:
        """Days of 1-minute history needed before the first training row.

        The longest look-back, usually of a moving average (periods in candles), and a tenth more:
        33 days for the defaults.

        Raises:
            SettingsError: when the periods are no list of whole numbers above 0.
        """
        if not _are_periods(indicator_periods):
            raise SettingsError(
                [
                    f"indicator_periods {shown(indicator_periods)} must be a list of periods, "
                    f"whole numbers of candles; the usual value is {list(USUAL_PERIODS)}"
                ],
                "calculate_required_buffer_days",
            )
        looked_at = candles_looked_at(self.feature_set)
        longest = max((*indicator_periods, self.window_size, looked_at))
        return math.ceil(longest / CANDLES_PER_DAY * _BUFFER_MARGIN - 1e-9)

    @classmethod
    def from_parameters(
        cls, parameters: Mapping[str, Any], source: str = "freqai.model_training_parameters"
    ) -> Self:
        """Make a config from plain values.

        Raises:
            SettingsError: with one sentence for every unknown key and bad value.
        """
        checked = cls.check(parameters)
        if checked.problems:
            raise SettingsError(checked.problems, source)
        return checked.config

    @classmethod
    def check(cls, parameters: object) -> Checked[Self]:
        """Make a config of the good values and describe the problems of the others."""
        if not isinstance(parameters, Mapping):
            return Checked(cls(), frozenset(), [not_a_group("settings", parameters)])
        try:
            config = cls.__pydantic_validator__.validate_python(dict(parameters))
            return Checked(cast(Self, config), frozenset(), [])
        except ValidationError as error:
            problems = sentences(error, cls)
            bad = frozenset(str(detail["loc"][0]) for detail in error.errors() if detail["loc"])
        good = {name: value for name, value in parameters.items() if str(name) not in bad}
        if not bad:
            # Every value is good by itself, so the problems are disagreements.
            return Checked(cast(Self, cls.model_construct(**good)), bad, problems)
        rest = cls.check(good)
        # A disagreement with a default in place of a bad value would only mislead the user.
        named = [re.compile(rf"\b{name}\b") for name in bad & cls.model_fields.keys()]
        problems += [text for text in rest.problems if not any(n.search(text) for n in named)]
        return Checked(rest.config, bad, problems)

    @classmethod
    def from_config_file(cls, path: str | Path) -> Self:
        """Read the settings from a freqtrade configuration file (comments allowed).

        A file without groups, as `json.dump(config.to_dict(), file)` and the earlier training
        module wrote, holds the settings themselves, in any case.

        Raises:
            SettingsError: when the file is missing, is not JSON, or holds bad settings.
        """
        parameters, source = training_parameters(path)
        return cls.from_parameters(parameters, source)

    def to_dict(self) -> dict[str, Any]:
        """All values as plain JSON types."""
        return self.model_dump(mode="json")

    def save_to_file(self, path: str | Path) -> None:
        """Write the settings as a freqtrade configuration overlay, whole or not at all.

        Raises:
            SettingsError: when there can be no file at the path.
        """
        write_parameters(path, self.to_dict())

    def summary(self) -> str:
        """One line per setting with its value; values that differ from the default are marked."""
        lines = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            mark = "" if value == field.default else f"   (default {field.default})"
            lines.append(f"{name:<30} {value}{mark}")
        return "\n".join(lines)

    def print_summary(self) -> None:
        """Print the summary."""
        print(self.summary())

    def auto_configure(self, memory_gib: float | None = None, cores: int | None = None) -> Self:
        """A new config with process and chunk sizes for a machine; the log has what and why.

        Memory (GiB) and cores are detected unless given, a container's before the machine's.

        Raises:
            SettingsError: when given ones can be those of no machine.
        """
        machine = Machine.detect(memory_gib=memory_gib, cores=cores)
        sizes = self.sizes_for(machine)
        logger.info("%s", reason_for(machine, sizes))
        changed = self.replace(**asdict(sizes))
        require_kept("auto_configure", "config = config.auto_configure(...)")
        return changed

    def sizes_for(self, machine: Machine) -> MachineSizes:
        """Process and chunk sizes for a machine; they change no result."""
        size = self.window_size * _CANDLE_BYTES
        return sizes_for(machine, window_bytes=size, batch_size=self.batch_size)

    def clamped_to_machine(self, cores: int) -> tuple[Self, list[str]]:
        """Lower values that this machine cannot use.

        Returns:
            The config to use, and one phrase per lowered value.
        """
        changes: dict[str, int] = {}
        if self.n_processes > cores:
            changes["n_processes"] = cores
        if self.batch_extraction_size > self.streaming_chunk_size:
            changes["batch_extraction_size"] = self.streaming_chunk_size
        notes = [f"{name} {getattr(self, name)} -> {value}" for name, value in changes.items()]
        return (self.replace(**changes) if changes else self), notes


def _are_periods(periods: object) -> bool:
    return isinstance(periods, Sequence) and all(
        type(period) is not bool and isinstance(period, Integral) and int(period) > 0
        for period in periods
    )

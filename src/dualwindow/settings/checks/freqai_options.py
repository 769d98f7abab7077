"""FreqAI's own options: their types as in freqtrade's schema, and the values that make sense.

freqtrade checks little more than types, and only when a bot starts: `train_period_days` -5 ends in
the first training, `backtest_period_days` 0 in a loop without an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dualwindow.settings.messages import bad_value, not_a_group

#: A hundred years.
MOST_DAYS: Final = 36_525
Hours = Annotated[float, Field(ge=0, le=24 * MOST_DAYS)]
Text = Annotated[str, Field(min_length=1, max_length=100)]
Count = Annotated[int, Field(ge=0, le=2**31)]

FEATURES: Final = "feature_parameters"
SPLIT: Final = "data_split_parameters"
TRAINING: Final = "model_training_parameters"
#: What freqtrade gives a model without a name.
DEFAULT_IDENTIFIER: Final = "example"
#: Options that must be off (absent, false or 0), with the reason.
REFUSED_FEATURES: Final = {
    "shuffle_after_split": "shuffles rows, so windows would be made of unrelated candles",
    "reverse_train_test_order": "would validate on candles before the training",
    "buffer_train_data_candles": "cuts the candles between training and backtest",
    "principal_component_analysis": "replaces the features that the model scales and mirrors",
    "DI_threshold": "removes single rows, which leaves holes in windows",
    "use_SVM_to_remove_outliers": "removes single rows, which leaves holes in windows",
    "use_DBSCAN_to_remove_outliers": "removes single rows, which leaves holes in windows",
    "noise_standard_deviation": "adds noise to the features before they are scaled",
    "weight_factor": "weighs rows, which this model does not do",
    "include_shifted_candles": "repeats candles that are in the window anyway",
}
REFUSED_FREQAI: Final = {
    "keras": "is for Keras models",
    "rl_config": "is for reinforcement learning",
}
#: A group that freqtrade fills with defaults, however empty it is.
WITHOUT_OFF: Final = frozenset({"rl_config"})
REFUSED_SPLIT: Final = {
    "shuffle": "shuffles rows, so validation would see the training's future",
    "train_size": "is decided by validation_fraction",
    "stratify": "would draw validation rows from among the training rows",
}
#: Options that freqtrade requires or without which a bot does nothing, with a usual value.
_REQUIRED: Final = {
    "train_period_days": "90",
    f"{FEATURES}.include_timeframes": '["1m"]',
    f"{FEATURES}.include_corr_pairlist": "[]",
    SPLIT: '{"test_size": 0.15}',
}


class Options(BaseModel):
    """Typed options; those that are not listed are left to freqtrade and to derived strategies."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class FreqaiOptions(Options):
    """Options in `freqai`."""

    enabled: bool = False
    write_metrics_to_disk: bool = False
    purge_old_models: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        2, description="newest models of a pair that are kept"
    )
    conv_width: Annotated[int, Field(ge=1)] = 1
    train_period_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = Field(
        90, description="days of candles that a model is trained on"
    )
    backtest_period_days: Annotated[float, Field(ge=1 / 24, le=MOST_DAYS)] = Field(
        7, description="days between two trainings of a backtest"
    )
    live_retrain_hours: Hours = Field(0, description="age at which a bot trains a new model")
    expiration_hours: Hours = Field(
        0, description="age from which a model is not traded on; 0 for any"
    )
    save_backtest_models: bool = False
    fit_live_predictions_candles: Count = 0
    data_kitchen_thread_count: Annotated[int, Field(ge=0, le=100_000)] = 0
    activate_tensorboard: bool = True
    wait_for_training_iteration_on_reload: bool = True
    continual_learning: bool = False
    keras: bool = False
    override_exchange_check: bool = False

    @field_validator("purge_old_models", mode="before")
    @classmethod
    def _switched(cls, value: object) -> object:
        """True stands for FreqAI's usual 2, false for 0."""
        return 2 * value if isinstance(value, bool) else value


class SvmOptions(Options):
    """Options in `freqai.feature_parameters.svm_params`."""

    shuffle: bool = False
    nu: float = 0.1


class FeatureOptions(Options):
    """Options in `freqai.feature_parameters`; periods of averages are checked elsewhere."""

    include_timeframes: Annotated[list[Text], Field(max_length=100)] = []
    include_corr_pairlist: Annotated[list[Text], Field(max_length=10_000)] = []
    label_period_candles: Annotated[int, Field(ge=1)] = 1
    include_shifted_candles: Count = 0
    DI_threshold: float = 0
    weight_factor: float = 0
    principal_component_analysis: bool = False
    use_SVM_to_remove_outliers: bool = False  # noqa: N815 - FreqAI's name
    plot_feature_importances: Count = 0
    svm_params: SvmOptions = SvmOptions()
    shuffle_after_split: bool = False
    buffer_train_data_candles: Count = 0


class SplitOptions(Options):
    """Options in `freqai.data_split_parameters`; `test_size` is a setting of the training."""

    random_state: Annotated[int, Field(ge=0, lt=2**32)] = 0
    shuffle: bool = False


_MODELS: Final[dict[str, type[Options]]] = {
    "freqai": FreqaiOptions,
    f"freqai.{FEATURES}": FeatureOptions,
    f"freqai.{SPLIT}": SplitOptions,
}


def group_problems(freqai: object) -> list[str]:
    """One sentence for every group of FreqAI's options that is none; null is one."""
    if freqai is None:
        return []
    if not isinstance(freqai, Mapping):
        return [not_a_group("freqai", freqai)]
    return [
        not_a_group(f"freqai.{name}", freqai[name])
        for name in (FEATURES, SPLIT, TRAINING)
        if freqai.get(name) is not None and not isinstance(freqai[name], Mapping)
    ]


def option_problems(freqai: object, refused: Mapping[str, str]) -> list[str]:
    """One sentence for every bad value among FreqAI's options, and every group that is none.

    `refused` are options that are refused whatever their value is, by their path; they are left
    out here.
    """
    problems = group_problems(freqai)
    groups = {"freqai": freqai}
    if isinstance(freqai, Mapping):
        groups |= {f"freqai.{name}": freqai.get(name) for name in (FEATURES, SPLIT)}
    for path, group in groups.items():
        if isinstance(group, Mapping):
            problems += _bad_options(path, group, refused)
    return problems


def chain_problems(freqai: Mapping[str, Any], *, trains: bool) -> list[str]:
    """What trainings that begin from the pair's last model cannot do without."""
    if not trains or freqai.get("continual_learning") is not True:
        return []
    if freqai.get("save_backtest_models") is False:
        return [
            "freqai.continual_learning true: with save_backtest_models false there is no model to "
            "begin the next training from; set continual_learning false, or save the models"
        ]
    return []


def missing_options(freqai: Mapping[str, Any]) -> list[str]:
    """One sentence for every option that a bot cannot do without."""
    problems = []
    for path, usual in _REQUIRED.items():
        group, _, name = path.rpartition(".")
        inner = freqai.get(group, {}) if group else freqai
        if isinstance(inner, Mapping) and name not in inner:
            problems.append(f"freqai.{path} is missing; the usual value is {usual}")
    if freqai.get("enabled", False) is False:
        problems.append(
            "freqai.enabled is not true: freqtrade would refuse the strategy; set it to true"
        )
    return problems


def _bad_options(path: str, group: Mapping[str, Any], refused: Mapping[str, str]) -> list[str]:
    model = _MODELS[path]
    given = {name: value for name, value in group.items() if f"{path}.{name}" not in refused}
    try:
        model.model_validate(given)
    except ValidationError as error:
        return [
            bad_value(
                f"{path}.{detail['loc'][0]}",
                detail,
                model.model_fields[str(detail["loc"][0])].description or "",
            )
            for detail in error.errors()
        ]
    return []

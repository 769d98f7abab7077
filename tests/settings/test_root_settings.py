"""The root key `dualwindow`: the strategy's leverage and the command line's period."""

from __future__ import annotations

from typing import Any

import pytest

from dualwindow.errors import SettingsError
from dualwindow.settings.root_settings import RootSettings


def test_a_configuration_without_the_group_has_the_defaults() -> None:
    assert RootSettings.from_config({"freqai": {}}) == RootSettings()


def test_a_period_is_read_beside_the_leverage() -> None:
    settings = RootSettings.from_config({"dualwindow": {"leverage": 2.0, "train_days": 7}})
    assert (settings.leverage, settings.train_days) == (2.0, 7.0)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"train_dys": 7}, "'train_dys' is not a setting; did you mean 'train_days'"),
        ({"train_days": 0}, "train_days 0: .*greater than 0"),
        ({"tail_fraction": 0.9}, "tail_fraction 0.9: .*less than or equal to 0.5"),
        ({"train_from": 20250101}, "train_from 20250101: must be a text"),
        ({"train_days": 7, "train_from": "2025-01-01"}, "train_days 7 .* train_from '2025-01-01'"),
        ([7], r"dualwindow \[7\] is not a group"),
    ],
)
def test_bad_values_are_refused_by_name(group: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RootSettings.from_config({"dualwindow": group})

"""What the settings refuse, as the tests ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig


def problems_of(**parameters: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.from_parameters(parameters)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems

from __future__ import annotations

import numpy as np
import pytest

from dualwindow.columns import HOLD
from dualwindow.settings import TrainingConfig
from studies.edge import sides_of, traded
from tests.makers.markets import random_candles


def test_nothing_is_earned_where_nothing_is_said() -> None:
    figures = traded(random_candles(50), np.full(50, HOLD, np.int8), TrainingConfig())
    with pytest.raises(ValueError, match="at least one trade"):
        sides_of(figures)

"""Costs of trades: our setting, else freqtrade's fee, else the exchange's usual one."""

from __future__ import annotations

from typing import Any

import pytest

from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.errors import SettingsError
from dualwindow.settings.root_settings import RootSettings


@pytest.mark.parametrize(
    ("group", "content", "mode", "expected"),
    [
        ({}, {}, "futures", TradeTerms(0.0005)),
        ({}, {}, "spot", TradeTerms(0.001, can_short=False)),
        ({}, {"fee": 0.0002}, "spot", TradeTerms(0.0002, can_short=False)),
        ({"evaluation_fee": 0.0}, {"fee": 0.0002}, "futures", TradeTerms(0.0)),
        (
            {"evaluation_slippage": 0.0001, "leverage": 3.0},
            {},
            "futures",
            TradeTerms(0.0005, slippage=0.0001, leverage=3.0),
        ),
        # freqtrade refuses leverage on spot, the strategy asks for none there.
        ({"leverage": 3.0}, {}, "spot", TradeTerms(0.001, can_short=False)),
    ],
)
def test_terms(
    group: dict[str, Any], content: dict[str, Any], mode: str, expected: TradeTerms
) -> None:
    assert trade_terms(RootSettings.model_validate(group), content, mode) == expected


@pytest.mark.parametrize("fee", [-0.001, 0.1, "0.001", True])
def test_a_fee_of_freqtrades_that_is_none_is_refused(fee: Any) -> None:
    with pytest.raises(SettingsError, match=r"fee .* must be a fraction"):
        trade_terms(RootSettings(), {"fee": fee}, "spot")

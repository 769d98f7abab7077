"""A pair that cannot be trained is tried less and less often; the others go on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.freqai.freqai_interface import IFreqaiModel

from dualwindow.bot.live.pauses import GrowingPauses, in_words
from dualwindow.errors import DataError
from tests.makers.bot import PAIR
from tests.makers.live_bot import Live, live, trained

__all__ = ["live", "trained"]

GOOD = "ETH/USDT:USDT"


@pytest.mark.parametrize("longest", [60.0, 3_600.0, 86_400.0])
def test_pauses_double_up_to_the_longest(longest: float) -> None:
    now = [0.0]
    pauses = GrowingPauses(longest, clock=lambda: now[0])
    given = []
    for _ in range(16):
        assert pauses.is_over(PAIR)
        given.append(pauses.failed(PAIR))
        assert not pauses.is_over(PAIR)
        assert pauses.is_over(GOOD)
        now[0] += given[-1]
    assert given == [min(60.0 * 2**number, longest) for number in range(16)]
    pauses.succeeded(PAIR)
    assert pauses.failed(PAIR) == 60.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1 minute"), (120, "2 minutes"), (3_600, "60 minutes"), (7_680, "2.1 hours")],
)
def test_a_pause_is_said_in_minutes_or_hours(seconds: float, text: str) -> None:
    assert in_words(seconds) == text


@pytest.mark.parametrize("error", [DataError("too few candles"), OSError(28, "no space")])
def test_an_untrainable_pair_gets_a_line_an_attempt_while_the_other_is_trained(
    error: Exception,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = live.bot.model
    now = [0.0]
    tried: list[str] = []
    loaded = SimpleNamespace(
        keep=lambda _pairs: None, is_loaded=lambda _pair: True, incomplete=list
    )

    def train(_self: Any, _range: Any, pair: str, *_arguments: Any) -> None:
        tried.append(pair)
        if pair == PAIR:
            raise error
        model.dd.pair_dict[pair]["trained_timestamp"] = 4_000_000_000

    monkeypatch.setattr(IFreqaiModel, "extract_data_and_train_model", train)
    monkeypatch.setattr(model, "_pauses", GrowingPauses(3_600.0, clock=lambda: now[0]))
    monkeypatch.setattr(model, "_retrain_seconds", 3_600.0)
    monkeypatch.setattr(model, "live", True, raising=False)
    monkeypatch.setitem(model.config["freqai"], "live_retrain_hours", 1)
    model._pairs.now = (PAIR, GOOD)
    before = dict(model.dd.pair_dict[PAIR])
    model.dd.pair_dict[PAIR]["trained_timestamp"] = 0
    try:
        for _ in range(4 * 60):
            model._train_next(live.bot.strategy, loaded)
            now[0] += 60.0
    finally:
        model.dd.pair_dict[PAIR] = before
        model.dd.pair_dict.pop(GOOD)
        model._pairs.now = ()
    # After 0, 1, 3, 7, 15, 31, 63, 123 and 183 minutes.
    assert tried.count(PAIR) == 9
    assert tried.count(GOOD) == 1
    lines = [record for record in caplog.records if "tried again in" in record.getMessage()]
    assert len(lines) == 9
    assert "2 minutes" in lines[1].getMessage()

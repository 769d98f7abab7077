"""The first signal asks, a second one that is not the same ends at once."""

from __future__ import annotations

import os
import signal

import pytest

from dualwindow.cli import stop_signals
from dualwindow.cli.stop_signals import StopSignals


def test_the_same_signal_twice_in_a_moment_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_signals, "_ONE_SIGNAL", 3600.0)
    with StopSignals() as signals:
        assert not signals.requested()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        assert signals.requested()
    assert signals.exit_status == 130


def test_a_second_one_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_signals, "_ONE_SIGNAL", 0.0)
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before

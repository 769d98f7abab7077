"""What settings ask of a machine: days of history before the first window, processes and chunks."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.errors import SettingsError
from dualwindow.runtime import machine
from dualwindow.runtime.cores import Cores
from dualwindow.runtime.memory import MemoryGauge, MemoryUse
from dualwindow.settings import TrainingConfig


@pytest.mark.parametrize(
    ("periods", "window_size", "days"),
    [
        ((1440, 43200), 180, 33),
        ((43200, 1440), 180, 33),
        ((1440,), 180, 2),
        ((14,), 180, 1),
        ((14,), 1440 * 10, 11),
        ((72_000,), 180, 55),
        ((), 180, 1),
    ],
)
def test_the_buffer_is_the_longest_average_and_a_tenth(
    periods: tuple[int, ...], window_size: int, days: int
) -> None:
    config = TrainingConfig.from_parameters({"window_size": window_size})
    assert config.calculate_required_buffer_days(periods) == days


def test_the_buffer_holds_what_a_feature_set_looks_back_on() -> None:
    config = TrainingConfig(feature_set="extended")
    assert config.calculate_required_buffer_days((14,)) == 2
    assert config.calculate_required_buffer_days((43200,)) == 33
    config = TrainingConfig(feature_set="summary")
    assert config.calculate_required_buffer_days((14,)) == 16
    assert config.calculate_required_buffer_days((43200,)) == 33


def test_the_buffer_of_the_defaults_is_33_days() -> None:
    assert TrainingConfig().calculate_required_buffer_days() == 33


MACHINES: Final = {"memory": st.floats(0.05, 1024.0), "cores": st.integers(1, 256)}


@given(
    **MACHINES,
    window=st.integers(2, 50_000),
    batch=st.integers(1, 5_000),
    asked=st.booleans(),
)
def test_auto_configure_never_chooses_what_was_measured_as_slower(
    memory: float, cores: int, window: int, batch: int, asked: bool
) -> None:
    given_ = {"window_size": window, "batch_size": batch, "use_multiprocessing": asked, "epochs": 3}
    config = TrainingConfig.from_parameters(given_)
    configured = config.auto_configure(memory, cores)
    assert not configured.use_multiprocessing
    chunk = configured.streaming_chunk_size
    assert chunk <= max(1000, batch)
    # A chunk is small beside the memory, except for the batch that it must hold.
    assert chunk <= batch or chunk * window * 4 * 8 <= 0.01 * memory * 2**30
    assert configured.batch_extraction_size <= chunk
    assert configured.epochs == 3
    # Frozen, and nothing of what it chooses has to be lowered.
    assert config.to_dict() == TrainingConfig.from_parameters(given_).to_dict()
    assert configured.clamped_to_machine(cores) == (configured, [])


@pytest.mark.parametrize(("memory", "cores"), [(64.0, 16), (4.0, 2), (2.0, 1)])
def test_on_a_usual_machine_chunks_are_those_of_the_measurements(memory: float, cores: int) -> None:
    assert TrainingConfig().auto_configure(memory, cores).streaming_chunk_size == 1000


def test_auto_configure_detects_the_container_and_says_what_it_chose_and_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit = MemoryUse(0, 2**28, "the container (cgroup v2)")
    monkeypatch.setattr(MemoryGauge, "smallest", lambda _: limit)
    monkeypatch.setattr(machine, "read_cores", lambda: Cores(64, 64, 3.5))
    caplog.set_level("INFO")
    configured = TrainingConfig().auto_configure()
    assert configured.n_processes == 3
    assert configured.streaming_chunk_size < 1000
    (line,) = caplog.messages
    for words in (
        *("3 cores", "0.2 GiB", "the container (cgroup v2)", "because"),
        f"chunks of {configured.streaming_chunk_size} windows",
        "one process",
    ):
        assert words in line
    with pytest.raises(SettingsError, match=r"config = config\.auto_configure"):
        TrainingConfig().auto_configure()


def test_what_the_machine_cannot_do_is_lowered_and_named() -> None:
    config = TrainingConfig(n_processes=8, streaming_chunk_size=500, batch_extraction_size=900)
    clamped, notes = config.clamped_to_machine(cores=2)
    assert (clamped.n_processes, clamped.batch_extraction_size) == (2, 500)
    assert len(notes) == 2
    assert any("n_processes 8 -> 2" in note for note in notes)
    assert any("batch_extraction_size 900 -> 500" in note for note in notes)
    assert config.n_processes == 8


def test_what_fits_the_machine_is_left_alone() -> None:
    config = TrainingConfig(n_processes=2)
    assert config.clamped_to_machine(cores=2) == (config, [])
    assert config.clamped_to_machine(cores=1)[0].n_processes == 1

"""What settings ask of a machine: days of history before the first window, processes and chunks."""

from __future__ import annotations

import pytest

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


def test_the_buffer_holds_what_extended_features_look_back_on() -> None:
    config = TrainingConfig(feature_set="extended")
    assert config.calculate_required_buffer_days((14,)) == 2
    assert config.calculate_required_buffer_days((43200,)) == 33


def test_the_buffer_of_the_defaults_is_33_days() -> None:
    assert TrainingConfig().calculate_required_buffer_days() == 33


LARGE, MIDDLE, SMALL = (8, 15000), (4, 5000), (2, 1000)


@pytest.mark.parametrize(
    ("memory_gib", "cores", "tier"),
    [
        (32, 8, LARGE),
        (256, 64, LARGE),
        (31.9, 8, MIDDLE),
        (32, 7, MIDDLE),
        (16, 4, MIDDLE),
        (15.9, 4, SMALL),
        (64, 3, SMALL),
        (4, 16, SMALL),
        (2, 1, (1, 1000)),
    ],
)
def test_auto_configure_follows_the_tiers_of_memory_and_cores(
    memory_gib: float, cores: int, tier: tuple[int, int]
) -> None:
    config = TrainingConfig.from_parameters({"epochs": 3})
    configured = config.auto_configure(memory_gib, cores)
    assert (configured.n_processes, configured.streaming_chunk_size) == tier
    assert configured.epochs == 3
    assert config == TrainingConfig.from_parameters({"epochs": 3})
    # What it proposes needs no clamping on the machine that it was proposed for.
    assert configured.clamped_to_machine(cores) == (configured, [])


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

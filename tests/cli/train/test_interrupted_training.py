"""`dualwindow train` stopped, killed, resumed, and on several ranks."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dualwindow.cli.train.folder import CHECKPOINT_NAME
from tests.makers.trainings import (
    PERIOD,
    killed,
    losses,
    unsignalled,
    weights,
    write_candles,
    write_config,
)


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory, btc_futures: pd.DataFrame
) -> tuple[Path, bytes]:
    """A folder with candles, and what an uninterrupted training makes of them."""
    folder = tmp_path_factory.mktemp("whole")
    write_candles(folder, btc_futures.iloc[:7200])
    write_config(folder)
    result = unsignalled(folder, "train", *PERIOD, "--output", "whole")
    assert result.returncode == 0, result.stderr
    return folder, weights(folder / "whole")


#: An epoch of these candles has more batches than 3 and fewer than 12.
@pytest.mark.parametrize("batch", [1, 8])
def test_killed_and_resumed_it_ends_with_the_same_weights(
    batch: int, uninterrupted: tuple[Path, bytes], btc_futures: pd.DataFrame
) -> None:
    folder, expected = uninterrupted
    words = ["train", "--date-from", "2025-05-05", "--output", f"killed-{batch}", *PERIOD[2:]]
    result = killed(folder, *words, batch=batch, number=signal.SIGKILL)
    assert result.returncode == -signal.SIGKILL
    # Newer candles that have been downloaded since then change nothing.
    write_candles(folder, btc_futures.iloc[: 7200 + batch])
    result = unsignalled(folder, *words, "--resume")
    assert result.returncode == 0, result.stderr
    assert ("resumed after epoch" in result.stderr) == (batch > 1)
    assert weights(folder / f"killed-{batch}") == expected
    if batch > 1:
        return
    # And once more: there is nothing left to do, for these settings.
    result = unsignalled(folder, *words, "--resume")
    assert result.returncode == 0
    assert "was finished before" in result.stderr
    result = unsignalled(folder, *words, "--resume", "--epochs", "1")
    assert result.returncode == 1
    assert "epochs: the training there has 3, now it is 1" in result.stderr


def test_a_stop_leaves_a_checkpoint_and_says_how_to_go_on(
    uninterrupted: tuple[Path, bytes],
) -> None:
    folder, expected = uninterrupted
    words = ["train", *PERIOD, "--output", "stopped"]
    result = killed(folder, *words, batch=14, number=signal.SIGTERM)
    assert result.returncode == 128 + signal.SIGTERM
    assert "--resume" in result.stderr
    assert (folder / "stopped" / CHECKPOINT_NAME).is_file()
    refused = unsignalled(folder, *words, "--resume", "--batch-size", "64")
    assert refused.returncode == 1
    assert "batch_size: the training there has 256, now it is 64" in refused.stderr
    again = unsignalled(folder, *words)
    assert again.returncode == 1
    assert "holds something already" in again.stderr
    result = unsignalled(folder, *words, "--resume")
    assert result.returncode == 0, result.stderr
    assert weights(folder / "stopped") == expected


def test_stopped_before_its_first_epoch_nothing_is_left(
    uninterrupted: tuple[Path, bytes],
) -> None:
    folder, _ = uninterrupted
    words = ["train", *PERIOD, "--output", "early"]
    result = killed(folder, *words, batch=1, number=signal.SIGINT)
    assert result.returncode == 128 + signal.SIGINT
    assert not (folder / "early").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_two_ranks_train_what_one_does_and_the_loss_of_one_can_be_resumed(
    number: signal.Signals, uninterrupted: tuple[Path, bytes]
) -> None:
    folder, _ = uninterrupted
    words = ["train", *PERIOD, "--output", f"ranks-{number.name}"]
    result = killed(folder, *words, batch=8, number=number, ranks=2)
    assert result.returncode != 0
    assert "--resume" in result.stderr
    if number == signal.SIGKILL:
        assert "a rank of this training ended or cannot be reached" in result.stderr
    assert (folder / words[-1] / CHECKPOINT_NAME).is_file()
    result = unsignalled(folder, *words, "--resume", ranks=2)
    assert result.returncode == 0, result.stderr
    assert "resumed after epoch" in result.stderr
    np.testing.assert_allclose(losses(folder / words[-1]), losses(folder / "whole"), atol=1e-5)


def test_a_checkpoint_that_cannot_be_gone_on_with_is_never_written_over(
    uninterrupted: tuple[Path, bytes],
) -> None:
    folder, _ = uninterrupted
    words = ["train", *PERIOD, "--output", "moved"]
    killed(folder, *words, batch=8, number=signal.SIGKILL)
    checkpoint = folder / "moved" / CHECKPOINT_NAME
    before = checkpoint.read_bytes()
    # Two ranks sum gradients in another order, so they cannot end with the same bits.
    result = unsignalled(folder, *words, "--resume", ranks=2)
    assert result.returncode != 0
    assert "another device or number of threads or ranks" in result.stderr
    assert checkpoint.read_bytes() == before

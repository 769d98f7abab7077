"""DualWindowStrategy in a bot that kills itself at one moment of a training, named by KILL_AT.

freqtrade executes this file by its path when the bot starts, before anything is trained.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "strategies"))

from DualWindowStrategy import DualWindowStrategy  # noqa: E402

from dualwindow.bot import data_drawer  # noqa: E402
from dualwindow.models import trained_model  # noqa: E402
from dualwindow.runtime import files  # noqa: E402
from dualwindow.training import hooks as training_hooks  # noqa: E402


def die(*_arguments: Any, **_options: Any) -> None:
    """End as the kernel ends a process that uses too much memory: at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner: Any, name: str) -> None:
    """Die when a function of `owner` has done its work."""
    function: Callable[..., Any] = getattr(owner, name)

    def works_and_dies(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        die()

    setattr(owner, name, works_and_dies)


whole_file = files.whole_file


@contextmanager
def half_written(path: Path) -> Iterator[IO[bytes]]:
    """Like `files.whole_file`, but only the first half of a file of predictions is written."""
    with whole_file(path) as handle:
        yield handle
        if path.name == "historic_predictions.pkl" and path.exists():
            handle.truncate(handle.tell() // 2)
            handle.flush()
            die()


def arm(moment: str) -> None:
    """Prepare the end."""
    if moment == "epoch":
        after(training_hooks.LogHook, "on_epoch")
    elif moment == "model":
        trained_model.write_manifest = die
    elif moment == "metadata":
        after(trained_model.TrainedModel, "save")
    elif moment == "dictionary":
        data_drawer.DualWindowDrawer.save_drawer_to_disk = die
    elif moment == "seal":
        data_drawer.seal = die
    elif moment == "predictions":
        files.whole_file = half_written
    else:
        raise ValueError(f"unknown moment {moment!r}")


if "KILL_AT" in os.environ:
    arm(os.environ["KILL_AT"])


class KilledStrategy(DualWindowStrategy):
    """The strategy as it is."""

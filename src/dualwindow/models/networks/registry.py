"""Finds the core that the setting `network` names, and tries a class of the user's own."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Final

import torch
from torch import nn

from dualwindow.errors import SettingsError
from dualwindow.models.networks.contract import CoreSizes
from dualwindow.models.networks.gru import GRUCore
from dualwindow.models.networks.linear import LinearCore
from dualwindow.models.networks.lstm import LSTMCore
from dualwindow.models.networks.tcn import TCNCore
from dualwindow.models.networks.trial import trial_problem
from dualwindow.runtime.memory import training_memory
from dualwindow.settings.checks.sizes import BYTES_A_WEIGHT
from dualwindow.settings.kinds import NETWORKS, is_own

_CORES: Final = dict(zip(NETWORKS, (LSTMCore, GRUCore, TCNCore, LinearCore), strict=True))
#: Searched after `sys.path`: freqtrade's user folder and the current one, as modules are in Docker.
_FOLDERS: Final = [Path("user_data"), Path()]


class NetworkError(SettingsError):
    """The network that the settings or a saved model name cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__([f"network {name!r}: {problem}"], "the settings of the network")


def look_in(folder: Path) -> None:
    """Search a user folder for networks too, before freqtrade's usual one."""
    if folder.resolve() not in [known.resolve() for known in _FOLDERS]:
        _FOLDERS.insert(0, folder.resolve())


def require_network(name: str, user_data: Path) -> None:
    """Find a network before anything is prepared for it, in freqtrade's user folder too.

    Raises:
        NetworkError: when there is no such class.
    """
    look_in(user_data)
    if is_own(name):
        _class_of(name)


def code_sum(name: str) -> str | None:
    """SHA-256 of the file that holds a user's class; None for the networks that there are."""
    if not is_own(name):
        return None
    file = sys.modules[_class_of(name).__module__].__file__
    return hashlib.sha256(Path(str(file)).read_bytes()).hexdigest()


def core_of(name: str, sizes: CoreSizes, ensemble: int = 1) -> nn.Module:
    """A new core, one of so many; a user's class is imported, made and tried.

    Raises:
        NetworkError: when there is no such class, it cannot be made, or it breaks the contract.
    """
    if not is_own(name):
        return _CORES[name](sizes)
    kind = _class_of(name)
    needed, limit = ensemble * _weights_of(kind, sizes) * BYTES_A_WEIGHT, training_memory()
    if needed > limit:
        problem = f"a training of its weights needs {needed / 2**30:,.1f} GiB, more than the "
        raise NetworkError(name, f"{problem}{limit / 2**30:,.1f} GiB of memory")
    try:
        core = kind(sizes)
    except Exception as error:
        raise NetworkError(name, f"it cannot be made from {sizes}: {error!r}") from error
    if problem := trial_problem(core, sizes):
        raise NetworkError(name, problem)
    return core


def _weights_of(kind: type[nn.Module], sizes: CoreSizes) -> int:
    """Weights of a core, counted without memory for them; 0 where it cannot be made so."""
    try:
        with torch.device("meta"):
            return sum(weights.numel() for weights in kind(sizes).parameters())
    except Exception:
        # Whatever is wrong shows when it is made.
        return 0


def _class_of(name: str) -> type[nn.Module]:
    """Import a class; the folders that are searched go behind everything else on `sys.path`."""
    module_name, _, class_name = name.partition(":")
    folders = [str(folder.resolve()) for folder in _FOLDERS]
    sys.path += [folder for folder in folders if folder not in sys.path]
    # A file that was written after Python looked into its folder counts too.
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        places = f"it is searched on Python's path, then in {' and '.join(folders)}"
        raise NetworkError(name, f"its module cannot be imported: {error!r}; {places}") from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        problem = "has no class" if found is None else "has something else than a torch.nn.Module"
        raise NetworkError(name, f"{module.__file__} {problem} named {class_name}")
    return found

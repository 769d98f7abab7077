"""Files shipped beside the package: presets, adapters, configurations.

In the repository they are where freqtrade looks for them; a wheel holds copies inside the package,
made by setup.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from dualwindow.errors import DualWindowError

ShippedFolder = Literal["presets", "freqaimodels", "strategies"]
ShippedConfig = Literal["config.json", "config.spot.json"]

_PACKAGE: Final = Path(__file__).resolve().parents[1]
#: In an installed wheel alone; setup.py has the same name.
_COPIES: Final = _PACKAGE / "shipped_files"
_REPOSITORY: Final = _PACKAGE.parents[1]


def shipped_path(name: ShippedFolder | ShippedConfig) -> Path:
    """The folder or configuration of this name, in the repository or in the installed package.

    Raises:
        DualWindowError: when the installation lacks it.
    """
    path = (_COPIES if _COPIES.is_dir() else _REPOSITORY) / name
    if not path.exists():
        raise DualWindowError(
            f"this installation of dualwindow lacks {path}; install it again, from a wheel or from "
            "the whole repository"
        )
    return path

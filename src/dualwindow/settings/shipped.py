"""Files that users are given beside the package: presets, adapters, configurations.

In the repository they lie where freqtrade looks for them; a wheel carries copies inside the
package, which setup.py puts there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from dualwindow.errors import DualWindowError

ShippedFolder = Literal["presets", "freqaimodels", "strategies"]

ShippedConfig = Literal["config.json", "config.spot.json"]

_PACKAGE: Final = Path(__file__).resolve().parents[1]

#: Only in an installed wheel; setup.py names it too.
_COPIES: Final = _PACKAGE / "shipped_files"

_REPOSITORY: Final = _PACKAGE.parents[1]


def shipped_folder(name: ShippedFolder) -> Path:
    """The folder of this name, in the repository or in the installed package.

    Raises:
        DualWindowError: when the installation lacks it.
    """
    return _shipped(name)


def shipped_config(name: ShippedConfig) -> Path:
    """The configuration file of this name, likewise.

    Raises:
        DualWindowError: when the installation lacks it.
    """
    return _shipped(name)


def _shipped(name: str) -> Path:
    path = (_COPIES if _COPIES.is_dir() else _REPOSITORY) / name
    if not path.exists():
        raise DualWindowError(
            f"this installation of dualwindow lacks {path}; install it again, from a wheel or from "
            "the whole repository"
        )
    return path

"""Where prepared candles are kept, for every command alike."""

from __future__ import annotations

from pathlib import Path


def store_folder(user_data: Path) -> Path:
    """The folder of the stores in freqtrade's user folder."""
    return user_data / "dualwindow"

"""Refuses to build an image from configurations that hold keys or passwords.

config.json lies in the image with the package, and users write into it: an image that is handed on
would hand on their keys. Runs in the image, once freqtrade's packages are there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import rapidjson

#: freqtrade's settings that only their owner may know, wherever they stand.
SECRET: Final = {
    "apikey", "jwt_secret_key", "key", "password", "privatekey", "secret", "token", "ws_token"
}  # fmt: skip


def secrets_in(value: Any, path: str = "") -> Iterator[str]:
    """Where a configuration holds something secret, as dotted names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below = f"{path}.{name}".lstrip(".")
            if name.lower() in SECRET and inner:
                yield below
            else:
                yield from secrets_in(inner, below)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from secrets_in(inner, f"{path}.{number}")


def main() -> None:
    """Look through every configuration of the working folder.

    Raises:
        SystemExit: some hold secrets, which are named but not shown.
    """
    # As freqtrade reads its files.
    mode = rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS
    found = [
        f"  {path}: {name}"
        for path in sorted(Path().glob("*.json")) + sorted(Path().glob("presets/*.json"))
        if path.name != "image-torch.json"
        for name in secrets_in(rapidjson.loads(path.read_text(encoding="utf-8"), parse_mode=mode))
    ]
    if found:
        sys.exit(
            "What is secret may not get into an image:\n"
            + "\n".join(found)
            + "\nWrite it into a file in user_data/, and that file's name into `add_config_files`."
        )


if __name__ == "__main__":
    main()

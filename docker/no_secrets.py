"""Refuses to build an image from configurations that hold keys or passwords.

The image contains config.json, which users edit: sharing the image would share their keys. Runs in
the image, after freqtrade's packages are installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import rapidjson

#: Names of freqtrade's secret settings, at any depth of the configuration.
SECRET: Final = {
    "apikey", "jwt_secret_key", "key", "password", "privatekey", "secret", "token", "ws_token"
}  # fmt: skip


def secrets_in(value: Any, path: str = "") -> Iterator[str]:
    """Dotted names of the secrets in a configuration."""
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
    """Check every configuration of the working folder.

    Raises:
        SystemExit: when some hold secrets; names them without their values.
    """
    # freqtrade reads its files in this mode.
    mode = rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS
    secrets = [
        f"  {path}: {name}"
        for path in sorted(Path().glob("*.json")) + sorted(Path().glob("presets/*.json"))
        if path.name != "image-torch.json"
        for name in secrets_in(rapidjson.loads(path.read_text(encoding="utf-8"), parse_mode=mode))
    ]
    if secrets:
        sys.exit(
            "What is secret may not get into an image:\n"
            + "\n".join(secrets)
            + "\nWrite it into a file in user_data/, and that file's name into `add_config_files`."
        )


if __name__ == "__main__":
    main()

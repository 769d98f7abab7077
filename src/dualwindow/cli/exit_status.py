"""Exit statuses of the command line."""

from __future__ import annotations

from typing import Final

#: Exit statuses; argparse ends with 2 where the arguments are wrong.
OK: Final = 0

FAILED: Final = 1

INTERRUPTED: Final = 130

"""`python -m dualwindow` runs the `dualwindow` command; torchrun starts it this way."""

import sys

from dualwindow.cli.main import main

if __name__ == "__main__":
    # Spawned worker processes import this module too.
    sys.exit(main())

"""`python -m dualwindow` is `dualwindow`; that is how torchrun starts it."""

import sys

from dualwindow.cli.main import main

if __name__ == "__main__":
    # Worker processes that are spawned import this module too.
    sys.exit(main())

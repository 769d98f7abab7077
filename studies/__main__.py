"""Runs the studies and writes their page: `python -m studies [PART ...]`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from demo.running import REPOSITORY
from dualwindow.errors import DataError
from studies import months, null, power, track, verdict, weeks, years
from studies.part import Part, Progress
from studies.results import write_page, write_result

RESULTS: Final = REPOSITORY / "studies" / "results"
CACHE: Final = REPOSITORY / "studies" / "cache"
PAGE: Final = REPOSITORY / "docs" / "results.md"
#: By name, in the order of the page.
PARTS: Final[Mapping[str, Part]] = {
    part.NAME: part for part in (null, verdict, power, years, months, weeks, track)
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run parts, write the result of each and the page; 1 when a part failed, 0 when none."""
    parser = argparse.ArgumentParser(prog="python -m studies", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; or all")
    parser.add_argument(
        "--small",
        action="store_true",
        help="to see that it runs: small sizes; needs --results and --page, as it shows nothing",
    )
    parser.add_argument("--only-page", action="store_true", help="write the page, run nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.parts if name not in PARTS]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if options.small and options.results == RESULTS:
        parser.error("--small would overwrite published figures; name other --results and --page")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    failures = []
    try:
        for name in () if options.only_page else options.parts or PARTS:
            try:
                _run(PARTS[name], options)
            # What a part has not foreseen takes neither another part nor the page along.
            except (Exception, SystemExit) as error:
                if not isinstance(error, DataError):
                    traceback.print_exc()
                failures.append(f"failed: {name}: {type(error).__name__}: {error}")
    finally:
        logging.disable(before)
        write_page(options.results, options.page, PARTS)
    print("\n".join(failures), end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


def _run(part: Part, options: argparse.Namespace) -> None:
    started = time.monotonic()
    progress = Progress(
        part.NAME, options.cache, lambda text: print(text, file=sys.stderr, flush=True)
    )
    figures = part.run(part.SMALL if options.small else part.FULL, progress)
    seconds = time.monotonic() - started + progress.seconds_kept
    write_result(options.results, part.NAME, figures, seconds)


if __name__ == "__main__":
    sys.exit(main())

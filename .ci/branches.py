"""Share of the branches of src that the tests take, from `coverage json`; fails if it is too low.

`fail_under` in pyproject.toml counts lines and branches together: lines could hide branches.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

#: Percent.
REQUIRED: Final = 95.0
SHOWN: Final = 10


def main(path: str) -> int:
    """Print the share and the files that miss most; returns 1 where the share is too low."""
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    if not report["meta"]["branch_coverage"]:
        print("the tests ran without branches: make test COVER=1", file=sys.stderr)
        return 1
    totals = report["totals"]
    share = 100 * totals["covered_branches"] / max(totals["num_branches"], 1)
    print(f"branches: {totals['covered_branches']} of {totals['num_branches']}, {share:.2f} %")
    missing = {name: file["summary"]["missing_branches"] for name, file in report["files"].items()}
    for name in sorted(missing, key=lambda name: -missing[name])[:SHOWN]:
        if missing[name]:
            print(f"  {missing[name]} missing in {name}")
    if share < REQUIRED:
        print(f"fewer than {REQUIRED:g} % of the branches are tested", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

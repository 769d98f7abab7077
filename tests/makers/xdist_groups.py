"""Tests of one `xdist_group` run on one worker, also where pytest keeps ids as objects.

pytest-xdist 3.8 appends the name of the group to `_nodeid`, which pytest 9.2 does not read. Without
it the scheduler spreads a group, and every worker makes its fixtures again.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Append the name where the worker's own hook had no effect."""
    if not hasattr(config, "workerinput") or not config.getvalue("loadgroup"):
        return
    for item in items:
        names = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        suffix = f"@{'_'.join(names)}"
        if names and not item.nodeid.endswith(suffix):
            item._id = type(item._id).parse(item.nodeid + suffix)  # type: ignore[attr-defined]

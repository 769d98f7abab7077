"""The version of the package has a dated section of the changelog, below what is not released."""

from __future__ import annotations

import re

from dualwindow import __version__
from tests.makers.bot import REPOSITORY


def test_the_version_is_the_newest_in_the_changelog() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    first, newest = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", changelog, re.M)[:2]
    assert first == ("Unreleased", "")
    assert newest[0] == __version__
    assert newest[1]

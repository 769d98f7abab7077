"""`docs/commands.md` is what the parser tells, and tells all of it."""

from __future__ import annotations

import argparse

from dualwindow.cli.parser import program_parser
from dualwindow.cli.reference import commands_page
from tests.makers.bot import REPOSITORY


def test_the_reference_in_the_docs_is_current() -> None:
    page = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == commands_page(), "python -m dualwindow.cli.reference > docs/commands.md"


def test_every_option_is_explained() -> None:
    page = commands_page()
    _, parsers = program_parser()
    for name, parser in parsers.items():
        section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        assert section
        for option in parser.option_names() - {"-h", "--help"}:
            assert f"`{option}" in section, (name, option)
    # Every row has a meaning.
    assert "|  |" not in page


def test_no_text_of_a_help_has_a_placeholder_left() -> None:
    assert "%(" not in commands_page()
    assert "%%" not in commands_page()
    assert argparse.SUPPRESS not in commands_page()

"""The fenced blocks of README and of the docs, as the parser of the site finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from demo.running import REPOSITORY

PAGES: Final = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]

Kind = Literal["commands", "output", "python", "json", "site"]

_LANGUAGES: Final[dict[str, Kind]] = {
    "bash": "commands",
    "sh": "commands",
    "text": "output",
    "python": "python",
    "json": "json",
}
#: What a block without a language begins with where it is commands.
_PROGRAMS: Final = re.compile(
    r"(?:git|cd|make|source|pip|python|torchrun|docker|freqtrade|dualwindow)\s"
)
_ENDINGS: Final = {"python": ".py", "json": ".json"}
_SPAN: Final = re.compile(r"`([^`\s]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: its file.
        line: of the fence, from 1.
        kind: what is done with it.
        text: what it holds.
        file: the file that the text around it tells to write it into, if any.
    """

    page: Path
    line: int
    kind: Kind
    text: str
    file: str | None = None

    @property
    def place(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, from top to bottom.

    Raises:
        ValueError: for a language that is unknown here.
    """
    return list(read_blocks(page, page.read_text("utf-8")))


def read_blocks(page: Path, text: str) -> Iterator[Block]:
    """The blocks of a text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for at, token in enumerate(tokens):
        if token.type != "fence":
            continue
        line = (token.map or [0])[0] + 1
        kind = kind_of(token.info.strip(), token.content, f"{page.name}:{line}")
        yield Block(page, line, kind, token.content, _file(tokens, at, kind))


def kind_of(info: str, content: str, place: str) -> Kind:
    """What a block is, by its language; without one, by its first word."""
    if info.startswith("{"):
        return "site"
    if not info:
        return "commands" if _PROGRAMS.match(content) else "output"
    if info not in _LANGUAGES:
        raise ValueError(f"{place}: nothing is known about blocks of {info}")
    return _LANGUAGES[info]


def _file(tokens: list[Token], at: int, kind: Kind) -> str | None:
    """A path before the block, where the sentence ends with a colon, or right after `in`."""
    ending = _ENDINGS.get(kind)
    before = _paragraph(tokens[:at][::-1])
    after = _paragraph(tokens[at + 1 :])
    named = _SPAN.findall(before) if before.endswith(":") else []
    named += re.findall(r"^in `([^`\s]+)`", after)
    # A page tells to write a file of one's own, never to change a shipped one.
    own = [path for path in named if not (REPOSITORY / path).exists()]
    paths = [path for path in own if ending and path.endswith(ending)]
    return paths[-1] if paths else None


def _paragraph(tokens: list[Token]) -> str:
    """The text of the first block of text, where no other block comes before it."""
    for token in tokens:
        if token.type == "inline":
            return token.content
        if token.type == "fence":
            return ""
    return ""

"""Whether a block of output on a page has the shape of what a command printed.

Numbers depend on the processor, on the market and on the day, so every number is masked, its sign
too, and so are the words for what numbers come to: verdicts, and which baseline is the strongest.
Everything else has to be the same. The pages show shortened output: the lines of a block have
to be found in the output one after another, other lines may stand between them, and `...` stands
for anything within a line. Runs of blanks and the borders of tables count as one blank. Only
what a block of Python printed is compared to the digit.
"""

from __future__ import annotations

import re
from typing import Final

_BORDERS: Final = re.compile(r"[─-╿|\s]+")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,:]\d+)*")
_FINDING: Final = re.compile(
    r"(?:better than|worse than|not distinguishable from)"
    r"|(?:class prior|majority class|shuffled labels|volatility baseline)"
    r"|(?i:edge found|no edge worth the fees|not enough data to tell)"
)
_OMISSION: Final = re.compile(r"\.\.\.|…")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


def shape(text: str) -> str:
    """A text without its numbers, findings, borders and line breaks."""
    plain = _BORDERS.sub(" ", _COLOURS.sub("", text)).strip()
    return _FINDING.sub("*", _NUMBER.sub("0", plain))


def missing_line(shown: str, printed: str) -> str | None:
    """The first line of a block that is not found in what was printed, or none."""
    text, at = shape(printed), 0
    for line in shown.splitlines():
        for part in map(shape, _OMISSION.split(line)):
            found = text.find(part, at)
            if found < 0:
                return line
            at = found + len(part)
    return None

"""What a part of the study is, and what it may lean on while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from dualwindow import __version__
from dualwindow.model_selection.contest.cells import KeptCells


class Part(Protocol):
    """A module of this package that studies one thing.

    It holds two dataclass instances besides: `FULL`, the scale of `make study`, and `SMALL`, which
    only shows that it runs.
    """

    @property
    def NAME(self) -> str:  # noqa: N802 - a module's constant
        """One word, names the result's file."""

    @property
    def TITLE(self) -> str:  # noqa: N802 - a module's constant
        """Heading on the page."""

    @property
    def FULL(self) -> Any:  # noqa: N802 - a module's constant
        """Scale of the figures that are published."""

    @property
    def SMALL(self) -> Any:  # noqa: N802 - a module's constant
        """Scale of a trial."""

    def run(self, scale: Any, progress: Progress, /) -> dict[str, Any]:
        """Study at a scale: figures as plain JSON types."""

    def lines(self, figures: dict[str, Any], /) -> list[str]:
        """Markdown below the heading, from figures as they come back from JSON."""


class Progress:
    """Says what a part is at, and keeps what its cells gave.

    A cell is a piece of work of its own, such as one market with one seed. Its figures lie in a
    file named after its inputs and the package's version, so that an interrupted study goes on.
    Who changes code without changing the version deletes the folder.

    Attributes:
        seconds_kept: what the cells that were there already had taken when they were made.
    """

    def __init__(
        self, part: str, folder: Path | None = None, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Keep cells below `folder`, or nothing without one.

        Args:
            part: name of the part.
            folder: of all parts' cells.
            say: takes one line about what is being done.
        """
        self.seconds_kept = 0.0
        self._folder = None if folder is None else folder / part
        self._say = say
        self._part = part

    def say(self, text: str) -> None:
        """Tell what is being done."""
        self._say(f"{self._part}: {text}")

    @property
    def cells(self) -> KeptCells:
        """The part's kept cells."""
        return KeptCells(self._folder, __version__)

    def cell(
        self, what: str, inputs: Mapping[str, Any], make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The figures of a cell: those that are kept, or else made now.

        Args:
            what: names it to who is waiting.
            inputs: everything that the figures depend on besides the code, as plain JSON types.
            make: makes the figures, plain JSON types.

        Returns:
            The figures as they come back from JSON.
        """
        cells = self.cells
        kept = cells.find(inputs)
        if kept is not None:
            self.seconds_kept += kept.seconds
            self.say(f"{what}: kept")
            return kept.figures
        self.say(what)
        cell = cells.make(inputs, make)
        self.say(f"{what}: {cell.seconds:.0f} s")
        return cell.figures

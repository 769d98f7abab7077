"""What the code says to its users: gathered from the source, to be held against the docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
#: Stands where a message has a value.
VALUE: Final = "\0"
#: Errors of ours whose text is meant for users, and how scripts end with one.
_RAISED: Final = re.compile(r"\w+Error$|OperationalException$")
#: Errors that tell programmers of a wrong call; a pydantic check's ValueError is for users.
_FOR_PROGRAMMERS: Final = {"ValueError", "IndexError", "MemoryError", "AssertionError"}
_ENDS: Final = {"exit", "_exit", "SystemExit"}
_WARNS: Final = {"warning", "error", "exception"}
#: Calls whose texts are help or progress, not trouble.
_NO_TROUBLE: Final = {
    "Field",
    "add_argument",
    "add_parser",
    "SettingFlag",
    "info",
    "debug",
    "print",
    "compile",
    "sub",
    "Fact",
    "print_table",
    "figure_table",
    *_FOR_PROGRAMMERS,
}
#: Fewer words, values left out, are a part of a message rather than one.
_FEWEST_WORDS: Final = 3
#: Make a page of the docs, and that of a report.
_WRITE_PAGES: Final = {
    "reference.py",
    *("page.py", "tables.py", "verdict.py"),
    *("contest_page.py", "league.py", "notes.py"),
    *("training_charts.py", "probability_charts.py", "candle_charts.py"),
    *("equity_charts.py", "track_charts.py", "headline.py", "html.py", "comparison.py"),
}


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        place: file and line.
        text: as written, with `VALUE` for each value.
    """

    place: str
    text: str


def source_files() -> list[Path]:
    """Everything that talks to users."""
    folders = ("src/dualwindow", "freqaimodels", "strategies", "docker")
    found = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    found = [path for path in found if path.name not in _WRITE_PAGES]
    return sorted([*found, REPOSITORY / "train_gpu.py"])


@cache
def all_texts() -> tuple[Message, ...]:
    """Every text in the code, docstrings left out."""
    return tuple(
        Message(f"{path.relative_to(REPOSITORY)}:{node.lineno}", text)
        for path in source_files()
        for node, text, _ in _texts(path)
    )


def messages() -> list[Message]:
    """The texts that tell of trouble: raised, logged as a warning, or listed as a problem."""
    return [
        Message(f"{path.relative_to(REPOSITORY)}:{node.lineno}", text)
        for path in source_files()
        for node, text, above in _texts(path)
        if len(re.findall(r"[A-Za-z_']{2,}", text)) >= _FEWEST_WORDS
        and _tells_of_trouble(node, text, above)
    ]


def _texts(path: Path) -> Iterator[tuple[ast.expr, str, list[ast.AST]]]:
    """Each text with what it stands in, the nearest first."""
    pending: list[tuple[ast.AST, list[ast.AST]]] = [(ast.parse(path.read_text("utf-8")), [])]
    while pending:
        node, above = pending.pop()
        text = _text(node)
        if text is not None and not (above and isinstance(above[0], ast.Expr)):
            assert isinstance(node, ast.expr)
            yield node, text, above
        if isinstance(node, ast.JoinedStr):
            # Its own parts are in the text; texts inside its values are others.
            inner = [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
            pending += [(each, [node, *above]) for each in inner]
        else:
            pending += [(each, [node, *above]) for each in ast.iter_child_nodes(node)]


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        # What logging fills in is a value too.
        return re.sub(r"%[-+.\d]*[sdrfg]", VALUE, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            each.value if isinstance(each, ast.Constant) and isinstance(each.value, str) else VALUE
            for each in node.values
        )
    return None


def _tells_of_trouble(text_node: ast.expr, text: str, above: list[ast.AST]) -> bool:
    inner: ast.AST = text_node
    for node in above:
        if isinstance(node, ast.Call):
            name = _name(node.func)
            # The second argument of an error says where its problems are.
            if name in _NO_TROUBLE or (_RAISED.match(name) and inner in node.args[1:]):
                return False
            if name in _WARNS | _ENDS | {"append", "extend"} or _RAISED.match(name):
                return True
        if isinstance(node, (ast.List, ast.ListComp)):
            return True
        inner = node
        if isinstance(node, ast.stmt):
            break
    # By the house style a message is followed by the way out.
    return "; " in text and not _is_help(inner)


def _is_help(statement: ast.AST) -> bool:
    """Whether it sets the text of a command's help."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(_name(each) in {"description", "HELP"} for each in targets)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")

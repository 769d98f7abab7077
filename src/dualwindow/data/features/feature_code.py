"""A fingerprint of the code that makes features and labels, by which models are bound to it."""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import inspect
import io
import logging
import textwrap
import tokenize
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

logger = logging.getLogger(__name__)

#: Raised by `inspect` and `ast` for code without a source, or with one that is not its own.
_UNREADABLE = (OSError, TypeError, ValueError, SyntaxError, IndexError, tokenize.TokenError)


def code_fingerprint(functions: Iterable[Callable[..., Any]]) -> str:
    """SHA-256 of the code of functions: comments, docstrings and layout do not count.

    Code that they call does not count either. What is hashed is `ast.dump`, whose output differs
    between Python versions (3.12 adds `type_params`, 3.13 leaves out what is empty): a model folder
    that was bound under one of them is refused under another, as if the functions had changed. Of
    a function without a source, made at run time or compiled, it is the instructions.

    Example:
        >>> def feature(close):
        ...     return close.diff()
        >>> before = code_fingerprint([feature])
        >>> def feature(close):
        ...     return close.diff()  # The first one is unknown.
        >>> code_fingerprint([feature]) == before
        True
    """
    return hashlib.sha256("\n".join(map(_text_of, functions)).encode()).hexdigest()


def _text_of(function: Callable[..., Any]) -> str:
    """Code of a function as text, the same on every run."""
    if isinstance(function, functools.partial):
        given = [*function.args, *sorted(function.keywords.items())]
        return f"partial {_text_of(function.func)} {_value(given)}"
    try:
        tree = _parsed(inspect.getsource(function))
        _require_own(tree, function)
    except _UNREADABLE:
        logger.info(
            "%s has no source that can be read: models are bound to its compiled instructions, "
            "which another version of Python refuses",
            getattr(function, "__qualname__", function),
        )
        return _compiled(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _parsed(source: str) -> ast.Module:
    """The tree of a function's source, which is indented where it is a method.

    Comments and text may begin anywhere, also left of the function, where dedenting ends.
    """
    try:
        return ast.parse(textwrap.dedent(source))
    except SyntaxError:
        pass
    try:
        return ast.parse(textwrap.dedent(_without_comments(source)))
    except SyntaxError:
        # A block inside another one may be indented as it likes.
        body = ast.parse(f"if True:\n{source}").body[0]
        assert isinstance(body, ast.If)
        return ast.Module(body.body, [])


def _without_comments(source: str) -> str:
    """A source whose lines that are comments alone are empty; comments inside texts stay."""
    lines = source.splitlines(keepends=True)
    # A block that is indented is no whole file, unless it is inside another one.
    head = "if True:\n" if source[:1].isspace() else ""
    for token in tokenize.generate_tokens(io.StringIO(head + source).readline):
        row = token.start[0] - 1 - bool(head)
        if token.type == tokenize.COMMENT and not lines[row][: token.start[1]].strip():
            lines[row] = "\n"
    return "".join(lines)


def _require_own(tree: ast.Module, function: Callable[..., Any]) -> None:
    """Refuse the lines of another function: code made at run time may name a file of others.

    Raises:
        ValueError: when the tree is not the function's.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or code.co_name == "<lambda>":
        return
    first = tree.body[0] if tree.body else None
    if not isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef) or first.name != code.co_name:
        raise ValueError(f"the source of {code.co_name} is that of another function")


def _compiled(function: Any) -> str:
    """Instructions, defaults and closed-over values of a function without a source."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(inner, "__code__") and hasattr(type(inner).__call__, "__code__"):
        inner = type(inner).__call__
    if not hasattr(inner, "__code__"):
        # Written in another language.
        return f"{getattr(inner, '__module__', '')} {getattr(inner, '__qualname__', '')}"
    cells = [cell.cell_contents for cell in inner.__closure__ or () if _is_filled(cell)]
    defaults = [inner.__defaults__, inner.__kwdefaults__]
    return f"{_instructions(inner.__code__)} {_value(defaults)} {_value(cells)}"


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _instructions(code: CodeType) -> str:
    """Every instruction with its argument; a docstring is in none of them, nor is a line number."""
    steps = [f"{step.opname} {_value(step.argval)}" for step in dis.get_instructions(code)]
    return "; ".join([f"{code.co_argcount} {code.co_kwonlyargcount} {code.co_flags}", *steps])


def _value(value: Any) -> str:
    """A value as text that does not depend on hashes or addresses."""
    if isinstance(value, CodeType):
        return f"({_instructions(value)})"
    if isinstance(value, str | bytes | int | float | complex | None | type(...)):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return (
            f"{{{', '.join(sorted(f'{_value(key)}: {_value(of)}' for key, of in value.items()))}}}"
        )
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_value, value)))}}}"
    return f"{type(value).__module__}.{type(value).__qualname__}"

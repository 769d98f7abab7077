"""Mutants of a source file: one small fault each, inside its functions.

Left out is what no test of a decision can see: annotations, docstrings, texts of errors and of log
lines (`tests/test_docs.py` holds those against the docs), and guards against what cannot be, the
`strict` of a zip and the `encoding` of a text file.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Final

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,  # codespell:ignore notin
}  # fmt: skip
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Div, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
#: Typing alone, and what takes None for float64.
_NOT_NONE: Final = ("cast", "astype", "to_numpy")
_LEFT_OUT: Final = frozenset({"annotation", "returns", "decorator_list", "defaults", "kw_defaults"})
_KEYWORDS_LEFT_OUT: Final = frozenset({"strict", "encoding"})
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """A fault: one node of a file's tree in the place of another.

    Attributes:
        file: path below the package, with slashes.
        function: qualified name of the outermost function that holds it.
        first_line: of that function, as its code object has it.
        lines: first and last line of the statement, without the statements inside it.
        before: the statement on one line.
        after: the same, mutated.
        number: of the mutants of the function that read the same, counted from 0.
        identity: stays as long as the text of the function does.
    """

    file: str
    function: str
    first_line: int
    lines: tuple[int, int]
    before: str
    after: str
    number: int
    identity: str
    tree: ast.Module
    place: tuple[ast.AST, str, int | None, ast.AST]

    @property
    def at(self) -> str:
        """File and function, as the docs name them."""
        return f"{self.file}:{self.function}"

    def code(self) -> CodeType:
        """Code of the mutated function; the tree stays mutated, for a process of its own."""
        _put(*self.place)
        module = compile(ast.fix_missing_locations(self.tree), self.file, "exec")
        return next(
            code
            for code in functions_in(module)
            if (code.co_qualname, code.co_firstlineno) == (self.function, self.first_line)
        )


def functions_in(code: CodeType) -> Iterator[CodeType]:
    """Code objects of everything that a module's code defines."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from functions_in(inner)


def mutants_of(package: Path, file: str) -> list[Mutant]:
    """All mutants of a file, in its order."""
    source = (package / file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    found: list[Mutant] = []
    for name, function in _outermost(tree, ""):
        text = ast.get_source_segment(source, function) or ""
        first_line = min([function.lineno, *(each.lineno for each in function.decorator_list)])
        seen: dict[tuple[str, str], int] = {}
        for statement, place in _changes(function, function):
            before = _one_line(statement)
            owner, field, index, _new = place
            old = _get(owner, field, index)
            _put(*place)
            # A statement that was itself replaced is no longer part of the tree.
            after = _one_line(place[3] if old is statement else statement)
            _put(owner, field, index, old)
            number = seen[before, after] = seen.get((before, after), -1) + 1
            words = "\0".join((file, name, text, before, after, str(number)))
            identity = hashlib.sha256(words.encode()).hexdigest()[:16]
            lines = statement.lineno, _last_line(statement)
            found.append(
                Mutant(file, name, first_line, lines, before, after, number, identity, tree, place)
            )
    return found


def _outermost(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.ClassDef):
            yield from _outermost(inner, f"{prefix}{inner.name}.")
        elif isinstance(inner, _FUNCTIONS):
            yield prefix + inner.name, inner  # type: ignore[misc]
        elif isinstance(inner, ast.If | ast.Try):
            yield from _outermost(inner, prefix)


_Place = tuple[ast.AST, str, "int | None", ast.AST]


def _changes(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[ast.stmt, _Place]]:
    """Statements and what may take the place of a node in them."""
    for field, value in ast.iter_fields(node):
        if field in _LEFT_OUT:
            continue
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            if not isinstance(item, ast.AST) or _is_left_out(item):
                continue
            inner = item if isinstance(item, ast.stmt) else statement
            for new in _mutated(item):
                yield inner, (node, field, index, ast.copy_location(new, item))
            if field in ("test", "ifs") and _is_plain(item):
                yield inner, (node, field, index, ast.UnaryOp(ast.Not(), item))
            if not isinstance(item, ast.Raise | ast.JoinedStr):
                yield from _changes(item, inner)


def _is_left_out(node: ast.AST) -> bool:
    """A docstring, a line for the log, or a guard against what cannot be."""
    if isinstance(node, ast.keyword):
        return node.arg in _KEYWORDS_LEFT_OUT
    if not isinstance(node, ast.Expr):
        return False
    called = node.value.func if isinstance(node.value, ast.Call) else None
    logged = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "logger"
    return isinstance(node.value, ast.Constant) or logged


def _is_plain(node: ast.AST) -> bool:
    return not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)


def _mutated(node: ast.AST) -> Iterator[ast.AST]:  # noqa: PLR0912
    """Everything that may take the place of a node."""
    match node:
        case ast.Compare(ops=ops):
            for index, operator in enumerate(ops):
                yield _with(
                    node, ops=[*ops[:index], _COMPARED[type(operator)](), *ops[index + 1 :]]
                )
        case ast.BinOp(op=operator) if type(operator) in _COMPUTED:
            yield _with(node, op=_COMPUTED[type(operator)]())
        case ast.AugAssign(target=target, op=operator, value=value):
            yield _with(node, op=_COMPUTED[type(operator)]())
            yield ast.Assign([target], value)
        case ast.BoolOp(op=operator):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value):
            yield ast.Constant(f"XX{value}XX")
        case ast.Call():
            yield from _calls(node)
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield _with(node, value=ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()


def _calls(node: ast.Call) -> Iterator[ast.Call]:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name in _CALLED:
        called = copy.copy(node.func)
        setattr(called, "id" if isinstance(called, ast.Name) else "attr", _CALLED[name])
        yield _with(node, func=called)
    for index, argument in enumerate(node.args):
        if not isinstance(argument, ast.Starred | ast.Constant) and name not in _NOT_NONE:
            args = [*node.args[:index], ast.Constant(None), *node.args[index + 1 :]]
            yield _with(node, args=args)
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, *_KEYWORDS_LEFT_OUT):
            yield _with(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return changed


def _get(owner: ast.AST, field: str, index: int | None) -> ast.AST:
    value = getattr(owner, field)
    return value if index is None else value[index]  # type: ignore[no-any-return]


def _put(owner: ast.AST, field: str, index: int | None, new: ast.AST) -> None:
    if index is None:
        setattr(owner, field, new)
    else:
        getattr(owner, field)[index] = new


_BODIES: Final = ("body", "orelse", "finalbody", "handlers", "cases")


def _last_line(statement: ast.stmt) -> int:
    """The last line of a statement, or of its head where others are inside it."""
    inside = [node for field in _BODIES for node in getattr(statement, field, [])]
    if inside and isinstance(inside[0], ast.stmt | ast.ExceptHandler | ast.match_case):
        first = min(getattr(node, "lineno", statement.lineno + 1) for node in inside)
        return max(statement.lineno, first - 1)
    return statement.end_lineno or statement.lineno


def _one_line(statement: ast.AST) -> str:
    """The statement on one line, without those inside it."""
    shown = copy.copy(statement)
    if isinstance(getattr(shown, "body", None), list):
        for field in _BODIES:
            if getattr(shown, field, None):
                setattr(shown, field, [ast.Expr(ast.Constant(...))] if field == "body" else [])
        if isinstance(shown, ast.Try):
            shown.finalbody = [ast.Pass()]
    text = ast.unparse(ast.fix_missing_locations(shown))
    return " ".join(text.split()).removesuffix(" ...")

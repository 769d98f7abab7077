"""The fingerprint of feature code: layout never counts, and code without a source has one too."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dualwindow.data.features.feature_code import code_fingerprint

PLAIN = """
class Strategy:
    def hook(self, frame):
        frame["a"] = frame["close"] + 1
        return frame
"""
#: The same code in another layout.
LAYOUTS = {
    "comment in column 0": """
class Strategy:
    def hook(self, frame):
# why not
        frame["a"] = frame["close"] + 1
  # nor here
        return frame
""",
    "docstring at column 0": '''
class Strategy:
    def hook(self, frame):
        """Add a.

Text at the margin.
"""
        frame["a"] = frame["close"] + 1
        return frame
''',
    "tabs": """
class Strategy:
\tdef hook(self, frame):
\t\tframe["a"] = frame["close"] + 1
\t\treturn frame
""",
    "tabs inside spaces": """
class Strategy:
    def hook(self, frame):
    \tframe["a"] = frame["close"] + 1
    \treturn frame
""",
    "arguments at column 0": """
class Strategy:
    def hook(self,
frame):
        frame["a"] = (
frame["close"] + 1
)
        return frame
""",
}
TEXT = '''
class Strategy:
    def hook(self, frame):
        frame.attrs["note"] = """first
# no comment
{}"""
        return frame
'''


def loaded(source: str, folder: Path, name: str = "derived") -> ModuleType:
    path = folder / f"{name}_{len(list(folder.iterdir()))}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fingerprint(source: str, folder: Path) -> str:
    return code_fingerprint([loaded(source, folder).Strategy().hook])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_does_not_count(layout: str, tmp_path: Path) -> None:
    assert fingerprint(LAYOUTS[layout], tmp_path) == fingerprint(PLAIN, tmp_path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_code_counts_in_every_layout(layout: str, tmp_path: Path) -> None:
    changed = LAYOUTS[layout].replace("+ 1", "+ 2")
    assert fingerprint(changed, tmp_path) != fingerprint(PLAIN, tmp_path)


def test_text_at_column_0_counts(tmp_path: Path) -> None:
    first, second = (fingerprint(TEXT.format(text), tmp_path) for text in ("left", "right"))
    assert first != second
    assert first == fingerprint(TEXT.format("left"), tmp_path)


def executed(body: str) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(f"def hook(frame):\n    'Docstring.'\n    return {body}\n", names)
    function: Callable[..., Any] = names["hook"]
    return function


def wrong_file(body: str) -> Callable[..., Any]:
    """Code that names a file in whose lines another function stands."""
    names: dict[str, Any] = {}
    exec(compile(f"def hook(frame):\n    return {body}\n", __file__, "exec"), names)
    function: Callable[..., Any] = names["hook"]
    return function


def closed_over(value: Any) -> Callable[..., Any]:
    """Code without a source that keeps a value, and a name that has none yet."""
    names: dict[str, Any] = {}
    body = (
        "    def hook(frame):\n        return frame[value] if later else later\n    return hook\n"
    )
    exec(f"def outer(value):\n    if not value: later = 1\n{body}", names)
    function: Callable[..., Any] = names["outer"](value)
    return function


class Called:
    """An object in place of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, frame: Any) -> Any:
        return self.function(frame)


MAKERS: dict[str, Callable[[str], Callable[..., Any]]] = {
    "executed": executed,
    "of another file": wrong_file,
    "partial": lambda body: functools.partial(executed("frame"), body),
    "lambda": lambda body: eval(f"lambda frame: {body}"),
    "closed over": closed_over,
    "closed over a table": lambda body: closed_over({"columns": {body, "date"}, "rate": (1, 2.5)}),
    "nested": lambda body: executed(f"[x for x in frame if x in {{'a', 'b', {body!r}}}]"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_functions_without_a_source_have_a_fingerprint(kind: str) -> None:
    one, same, other = (MAKERS[kind](body) for body in ("frame * 2", "frame * 2", "frame * 3"))
    assert code_fingerprint([one]) == code_fingerprint([same])
    assert code_fingerprint([one]) != code_fingerprint([other])


@pytest.mark.parametrize("function", [len, Called(len), str.upper, functools.partial(len)])
def test_whatever_can_be_called_has_a_fingerprint(function: Callable[..., Any]) -> None:
    assert code_fingerprint([function]) == code_fingerprint([function])


def test_it_is_the_same_in_another_process_and_for_a_compiled_file(tmp_path: Path) -> None:
    """Sets have another order there, and the source of a compiled file is not there at all."""
    source = tmp_path / "compiled_hook.py"
    source.write_text("def hook(frame):\n    return frame.name in {'a', 'b', 'c', 'd'}\n")
    ask = (
        "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[1] + 'c', dfile='gone')\n"
        "import importlib.util as u; s = u.spec_from_file_location('m', sys.argv[1] + 'c')\n"
        "m = u.module_from_spec(s); s.loader.exec_module(m)\n"
        "from dualwindow.data.features.feature_code import code_fingerprint as f\n"
        "print(f([m.hook]))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", ask, str(source)],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1

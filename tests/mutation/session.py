"""One group of mutants against its tests, in one pytest session that forks a process a mutant.

Everything is imported and collected once. A child swaps the code of the mutated function wherever
it is referred to, and runs the tests that reach its lines, until one fails.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Final

import coverage
import pytest

from tests.mutation.mutants import Mutant

#: Seconds of the processor that a test may take beside ten times as long as without a mutant, and
#: seconds that a mutant may take beside ten times as long as all its tests.
_TEST_PATIENCE: Final = 4.0
_PATIENCE: Final = 60.0
#: A fault that fills the memory ends by it.
_MEMORY: Final = 8 * 2**30
_KILLED, _SURVIVED, _NO_MUTANT = 1, 0, 3
#: Before the name of a test, what its setup reaches.
_SETUP: Final = "setup of "
_OUTCOMES: Final = {
    None: "timeout",
    -signal.SIGPROF: "timeout",
    _SURVIVED: "survived",
    # The function cannot take the code, or there is none of its name.
    _NO_MUTANT: "no mutant",
}


@dataclass
class Reach:
    """Which tests reach which lines, and how long each takes."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    tests: dict[str, dict[int, list[str]]] = field(default_factory=dict)


class Mutation:
    """Takes the place of pytest's own loop over the tests."""

    def __init__(self, mutants: list[Mutant], package: Path, note: Callable[[Mutant, str], None]):
        self._mutants = mutants
        self._package = package
        self._note = note
        self._passed = Path(os.environ["DUALWINDOW_MUTATION"])
        self._reach = Reach()
        self._measured: coverage.Coverage | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Raises UsageError where a test fails without any mutant."""
        if in_child(lambda: self._measure(session), None, quiet=False) != _SURVIVED:
            raise pytest.UsageError(
                "the tests of the group fail without a mutant, or none is there"
            )
        self._reach = Reach(**json.loads(self._passed.read_text("utf-8")))
        by_time = sorted(session.items, key=lambda item: self._reach.seconds[item.nodeid])
        if in_child(lambda: _run(session, by_time, self._reach.seconds), None) != _SURVIVED:
            raise pytest.UsageError("the tests of the group depend on their order")
        for file in sorted({mutant.file for mutant in self._mutants}):
            # Some are imported by a bot alone.
            importlib.import_module("dualwindow." + file.removesuffix(".py").replace("/", "."))
        originals = _functions()
        for mutant in self._mutants:
            items = self._items_for(session, mutant)
            limit = _PATIENCE + 10 * sum(self._reach.seconds[item.nodeid] for item in items)
            run = partial(_try, session, mutant, items, originals, self._reach.seconds)
            ended = in_child(run, limit)
            outcome = _OUTCOMES.get(ended, "killed")
            self._note(mutant, "not reached" if ended == _SURVIVED and not items else outcome)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._measured is not None:
            self._measured.switch_context(_SETUP + item.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        if self._measured is not None:
            self._measured.switch_context(item.nodeid)

    def _measure(self, session: pytest.Session) -> int:
        """Run every test, and note the lines that each reaches."""
        sources = sorted({str(self._package / mutant.file) for mutant in self._mutants})
        measured = coverage.Coverage(data_file=None, include=sources, config_file=False)
        self._measured = measured
        measured.start()
        reach = Reach()
        for item, after in _pairs(session.items):
            begin = time.perf_counter()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            reach.seconds[item.nodeid] = time.perf_counter() - begin
        measured.stop()
        data = measured.get_data()
        reach.tests = {path: data.contexts_by_lineno(path) for path in data.measured_files()}
        self._passed.write_text(json.dumps(reach.__dict__), encoding="utf-8")
        return _KILLED if session.testsfailed or not session.items else _SURVIVED

    def _items_for(self, session: pytest.Session, mutant: Mutant) -> list[pytest.Item]:
        """Tests that reach the mutant, the quickest files first.

        What is reached in a test's setup may be a fixture that others of its file share; these
        follow.
        """
        reached = self._reach.tests.get(str(self._package / mutant.file), {})
        first, last = mutant.lines
        found = {test for line in range(first, last + 1) for test in reached.get(str(line), ())}
        ids = {test.removeprefix(_SETUP) for test in found}
        sharing = {_file(test.removeprefix(_SETUP)) for test in found if test.startswith(_SETUP)}
        seconds, of_file = self._reach.seconds, defaultdict(float)
        for test in ids:
            of_file[_file(test)] += seconds[test]

        def order(item: pytest.Item) -> tuple[bool, float, str, float]:
            file = _file(item.nodeid)
            return item.nodeid not in ids, of_file[file], file, seconds[item.nodeid]

        chosen = [i for i in session.items if i.nodeid in ids or _file(i.nodeid) in sharing]
        return sorted(chosen, key=order)


def _file(test: str) -> str:
    return test.partition("::")[0]


def in_child(run: Callable[[], int], limit: float | None, *, quiet: bool = True) -> int | None:
    """Status of a forked process; None where it took longer than the limit and was ended."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2) if quiet else ():
                os.dup2(null, stream)
            status = run()
        except BaseException:
            status = _KILLED
        os._exit(status)
    handle = os.pidfd_open(child)
    in_time = select.select([handle], [], [], limit)[0]
    # Whatever the tests have started ends with them.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(handle)
    return os.waitstatus_to_exitcode(status) if in_time else None


_Originals = dict[tuple[str, str, int], list[FunctionType]]


def _functions() -> _Originals:
    """Every function there is, by the place of its code."""
    found: _Originals = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType:
            code = each.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(each)
    return found


def _try(
    session: pytest.Session,
    mutant: Mutant,
    items: list[pytest.Item],
    originals: _Originals,
    seconds: Mapping[str, float],
) -> int:
    code = mutant.code()
    functions = [
        function
        for (path, *place), found in originals.items()
        if path.endswith(f"/dualwindow/{mutant.file}")
        and tuple(place) == (mutant.function, mutant.first_line)
        for function in found
    ]
    if not functions or functions[0].__code__.co_freevars != code.co_freevars:
        return _NO_MUTANT
    for function in functions:
        function.__code__ = code.replace(co_filename=function.__code__.co_filename)
    return _run(session, items, seconds)


def _run(session: pytest.Session, items: list[pytest.Item], seconds: Mapping[str, float]) -> int:
    """Run tests until one fails."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    for item, after in _pairs(items):
        # Ends the process by a signal that no test handles.
        signal.setitimer(signal.ITIMER_PROF, _TEST_PATIENCE + 10 * seconds[item.nodeid])
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return _KILLED
    return _SURVIVED


def _pairs(items: list[pytest.Item]) -> Iterable[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)

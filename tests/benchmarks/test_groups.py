"""Every group of benchmarks runs, and what was measured is on disk whatever comes after it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks.__main__ import GROUPS, JSON_PATH, PAGE_PATH, main
from benchmarks.results import Result, at_most
from tests.makers.dry_run import require_faketime

#: Needs libfaketime to be quick.
LIVE = "decisions"


def files(folder: Path) -> tuple[dict[str, Path], list[str]]:
    paths = {"json": folder / "deep" / "latest.json", "page": folder / "deep" / "benchmarks.md"}
    return paths, [word for name, path in paths.items() for word in (f"--{name}", str(path))]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_runs_in_its_quick_form(
    group: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if group == LIVE:
        require_faketime()
    paths, options = files(tmp_path)
    assert main(["--quick", "--only", group, *options]) == 0, capsys.readouterr().err
    content = json.loads(paths["json"].read_text(encoding="utf-8"))
    page = paths["page"].read_text(encoding="utf-8")
    assert page == command.page_of(content)
    assert content["machine"]["cores"] >= 1
    assert content["results"]
    assert group not in content["missing"]
    printed = capsys.readouterr().out
    for result in content["results"]:
        assert result["what"] in printed
        assert result["what"] in page
        assert {"what", "ratio", "goal", "met"} <= result.keys()


Group = Callable[[bool], Iterator[Result]]


def figures(*names: str, error: BaseException | None = None) -> Group:
    """A group that measures, and fails after it."""

    def measured(_quick: bool) -> Iterator[Result]:
        for name in names:
            yield at_most(name, 1.0, "s", None)
        if error is not None:
            raise error

    return measured


def plant(monkeypatch: pytest.MonkeyPatch, **groups: Group) -> None:
    monkeypatch.setattr(command, "GROUPS", groups)


def written(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return [result["what"] for result in json.loads(path.read_text(encoding="utf-8"))["results"]]


@pytest.mark.parametrize("error", [AttributeError("no such name"), SystemExit(2), OSError("full")])
def test_a_group_that_fails_takes_no_figure_of_the_others_along(
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing = figures("half of the middle", error=error)
    plant(monkeypatch, first=figures("one", "two"), middle=failing, last=figures("three"))
    paths, options = files(tmp_path)
    assert main(options) == 1
    assert written(paths["json"]) == ["one", "two", "half of the middle", "three"]
    content = json.loads(paths["json"].read_text(encoding="utf-8"))
    reason = f"{type(error).__name__}: {error}"
    assert content["missing"] == {"middle": reason}
    page = paths["page"].read_text(encoding="utf-8")
    assert "| three |" in page
    assert f"- middle: {reason}" in page
    shown = capsys.readouterr()
    assert "| three |" in shown.out
    # Named at the end, where it is seen; where it happened is above.
    assert shown.err.splitlines()[-1] == f"failed: middle: {reason}"
    assert "Traceback" in shown.err


def test_a_figure_is_on_disk_as_soon_as_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, options = files(tmp_path)
    seen: list[list[str]] = []

    def last(_quick: bool) -> Iterator[Result]:
        seen.append(written(paths["json"]))
        yield at_most("three", 1.0, "s", None)
        seen.append(written(paths["json"]))
        raise KeyboardInterrupt

    plant(monkeypatch, first=figures("one", "two"), last=last, never=figures("four"))
    with pytest.raises(KeyboardInterrupt):
        main(options)
    assert seen == [["one", "two"], ["one", "two", "three"]]
    content = json.loads(paths["json"].read_text(encoding="utf-8"))
    assert content["missing"] == {"last": "not yet measured", "never": "not yet measured"}


@pytest.mark.parametrize("given", [["--quick"], ["--only", "first"]])
def test_what_is_not_the_whole_does_not_stand_where_the_published_figures_do(
    given: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    published = [path.read_bytes() for path in (JSON_PATH, PAGE_PATH)]
    monkeypatch.setattr(command, "PARTIAL", tmp_path)
    plant(monkeypatch, first=figures("one"), last=figures("two"))
    assert main(given) == 0
    assert [path.read_bytes() for path in (JSON_PATH, PAGE_PATH)] == published
    expected = ["one"] if "--only" in given else ["one", "two"]
    assert written(tmp_path / JSON_PATH.name) == expected
    assert str(tmp_path / JSON_PATH.name) in capsys.readouterr().out


def test_the_shipped_figures_miss_nothing() -> None:
    assert json.loads(JSON_PATH.read_text(encoding="utf-8"))["missing"] == {}


def test_a_function_that_nothing_calls_any_more_is_no_stage_of_zero_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moved away would still be there to be watched, and its time counted as another's."""
    from benchmarks.stopwatch import Stopwatch

    class Owner:
        def used(self) -> int:
            return 1

        def moved(self) -> int:
            return 2

    stopwatch = Stopwatch(("work",))
    stopwatch.watch("work", Owner, "used", "moved")
    Owner().used()
    assert [name.rpartition(".")[2] for name in stopwatch.uncalled()] == ["moved"]


def test_the_group_that_watches_a_backtest_says_what_was_never_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from benchmarks import whole_run
    from benchmarks.measure import Run

    seconds: dict[str, Any] = dict.fromkeys((*whole_run.STAGES, "freqtrade", "all"), 1.0)
    answer = Run(1.0, 1.0, {"seconds": seconds, "uncalled": ["house.labels.make"]})
    monkeypatch.setattr(whole_run, "in_process", lambda *_given: answer)
    with pytest.raises(RuntimeError, match=r"never called: house\.labels\.make"):
        list(whole_run.split_of_a_backtest(quick=True))


def test_a_process_that_fails_shows_its_reason(capfd: pytest.CaptureFixture[str]) -> None:
    from benchmarks.measure import in_process

    with pytest.raises(RuntimeError, match="json:no_such_name failed: AttributeError: ") as caught:
        in_process("json:no_such_name", 1)
    assert "has no attribute 'no_such_name'" in str(caught.value)
    assert sys.executable not in str(caught.value)

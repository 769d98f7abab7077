"""Gather a report from the files of a folder, and write it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dualwindow import __version__
from dualwindow.backtest.figures import AfterFees
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.errors import DataError, ModelFileError
from dualwindow.models.fingerprint import CACHED_PREDICTIONS, read_binding
from dualwindow.models.freqai_folders import find_models
from dualwindow.models.identifier.looks import choices_of, looks_at
from dualwindow.models.manifest import MANIFEST_NAME, check_manifest, sum_of
from dualwindow.models.model_files import ABOUT_NAME, EVALUATION_NAME, WEIGHTS_NAME
from dualwindow.report.page import page_of
from dualwindow.report.predictions import WalkFacts, thinned, weekly
from dualwindow.report.schema import (
    REPORT_FORMAT,
    Report,
    RunFacts,
    TrainedWindow,
    Verdict,
    WeeklyClasses,
    evaluated,
)
from dualwindow.report.trainings import (
    read_after_fees,
    read_importance,
    read_track,
    read_window,
    read_windows,
)
from dualwindow.report.verdict import verdict_of
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import parse_json, whole_file, write_json

FIGURES_NAME: Final = "report.json"
PAGE_NAME: Final = "report.html"
_LIBRARIES: Final = ("torch", "numpy", "pandas", "scikit-learn", "freqtrade")
_RUN: Final = TypeAdapter(RunFacts)
#: Rows whose weeks are counted at a time.
_ROWS_IN_MEMORY: Final = 2**20


def gather(
    folder: Path,
    run: RunFacts | None = None,
    after_fees: AfterFees | None = None,
    walk: WalkFacts | None = None,
) -> Report:
    """Gather the report of a model folder, or of a bot's or backtest's folder of models.

    The folder is one that `dualwindow train` wrote, `user_data/models/<identifier>`, or one of its
    `sub-train-*`. `run` is of the training that has just ended, else that of the folder's earlier
    report; profits after fees are a training's own unless given.

    Raises:
        ModelFileError: when there are no figures, or a model's files are not as its manifest lists
            them.
    """
    if (folder / EVALUATION_NAME).is_file():
        if (folder / MANIFEST_NAME).is_file():
            check_manifest(folder, "copy the whole folder again, or train the model again")
        own = after_fees or read_after_fees(folder / EVALUATION_NAME)
        return _of_training(folder, run or _earlier_run(folder), own)
    if find_models(folder) or (folder / CACHED_PREDICTIONS).is_dir():
        return _of_backtest(folder, after_fees, walk or WalkFacts())
    raise ModelFileError(
        f"{folder} holds no figures of a model; give a folder that `dualwindow train` has written, "
        "or FreqAI's folder of an identifier, such as user_data/models/dualwindow, after a "
        "training or backtest"
    )


def run_versions() -> dict[str, str]:
    """Versions of the libraries that a training depends on, in this process."""
    versions = {"dualwindow": __version__, "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def label_weeks(dataset: Dataset) -> WeeklyClasses | None:
    """Known labels of a dataset by week; a mapped dataset is read in parts."""
    starts = range(0, len(dataset), _ROWS_IN_MEMORY)
    parts = [slice(start, start + _ROWS_IN_MEMORY) for start in starts]
    return weekly("labels", ((dataset.seconds[part], dataset.labels[part]) for part in parts))


def _of_training(folder: Path, run: RunFacts, after_fees: AfterFees | None) -> Report:
    about = _content(folder / ABOUT_NAME)
    origin: dict[str, Any] = about.get("origin", {})
    window = read_window(folder / EVALUATION_NAME, origin.get("until"))
    shown = {"model": folder.name, **_market(origin, origin.get("pairs", [window.name]))}
    choices = _tail_choices(folder, origin)
    if after_fees is not None and choices:
        after_fees = after_fees.of_choices(len(choices))
    for title, name in (
        ("trained on candles from", "first"),
        ("validated from", "validation_from"),
        ("judged on the tail from", "tail_from"),
        ("up to", "until"),
    ):
        if origin.get(name) is not None:
            shown[title] = f"{utc_text(origin[name])} UTC"
    if len(choices) > 1:
        shown["tail looked at with"] = "; ".join(choices)
    return Report(
        title=str(origin.get("name", folder.name)),
        kind="training",
        made=_now(),
        version=__version__,
        about={**shown, **_rows(window)},
        verdict=_with_steps(verdict_of([window], after_fees), after_fees),
        windows=[window],
        candles=[],
        run=run,
        settings=about.get("settings", {}),
        after_fees=after_fees,
        importance=read_importance(folder, sum_of(folder, WEIGHTS_NAME)),
    )


def _of_backtest(folder: Path, after_fees: AfterFees | None, walk: WalkFacts) -> Report:
    bound = read_binding(folder) or {"settings": {}, "pairs": {}}
    settings: dict[str, Any] = bound["settings"]
    pairs = {base.lower(): str(pair) for base, pair in bound["pairs"].items()}
    windows = read_windows(folder)
    known = evaluated(windows)
    # As the thresholds of the page: those of the last training.
    calibration = known[-1][1].calibration if known else "none"
    predictions = walk.predictions(folder / CACHED_PREDICTIONS, calibration)
    if not windows and not predictions:
        raise ModelFileError(
            f"{folder} holds no figures yet: no training in it has come to its end; run "
            "`freqtrade backtesting`, or wait for the bot's first training"
        )
    windows, pooled = walk.windows(windows), walk.pooled
    earned = pooled.after_fees if pooled and not after_fees else after_fees
    predicted = (
        (own.seconds[own.usable], own.decisions[own.usable]) for own in predictions.values()
    )
    names = list(dict.fromkeys([*pairs.values(), *(window.name for window in windows)]))
    shown = {"identifier": folder.name, **_market(settings, names)}
    if windows:
        shown["retrainings"] = str(len(windows))
    if predictions:
        first = min(int(own.seconds[0]) for own in predictions.values())
        last = max(int(own.seconds[-1]) for own in predictions.values())
        shown["predicted candles"] = f"{utc_text(first)} to {utc_text(last)} UTC"
    shown |= walk.basis
    return Report(
        title=folder.name,
        kind="backtest",
        made=_now(),
        version=__version__,
        about=shown,
        verdict=_with_steps(
            walk.verdict(verdict_of(windows, earned, pooled.evaluation if pooled else None)), earned
        ),
        windows=windows,
        candles=[
            walk.marked(thinned(pairs.get(base, base), own)) for base, own in predictions.items()
        ],
        run=RunFacts(weeks=walk.label_weeks() or weekly("decisions", predicted)),
        settings=settings,
        after_fees=earned,
        walk=pooled,
        said_weeks=walk.decision_weeks(),
        track=read_track(folder),
    )


def _tail_choices(folder: Path, origin: Mapping[str, Any]) -> list[str]:
    """Thresholds that the untouched tail has been looked at with; none without a tail."""
    first, until = origin.get("tail_from"), origin.get("until")
    if first is None or until is None:
        return []
    return choices_of(looks_at(folder, (first, until - 1), sum_of(folder, WEIGHTS_NAME)))


def _with_steps(verdict: Verdict, earned: AfterFees | None) -> Verdict:
    """The verdict with what the price step means for it, before its last sentence."""
    if earned is None or not earned.step_warning:
        return verdict
    *before, last = verdict.sentences
    return replace(verdict, sentences=[*before, earned.step_warning, last])


def _market(content: dict[str, Any], pairs: list[str]) -> dict[str, str]:
    """Pairs, exchange, trading mode and timeframe, as far as they are known."""
    values = (content.get(name) for name in ("exchange", "trading_mode", "timeframe"))
    market = ", ".join(str(value) for value in values if value)
    return {"pairs": ", ".join(pairs), **({"market": market} if market else {})}


def _rows(window: TrainedWindow) -> dict[str, str]:
    training = window.training
    rows = {"training rows": f"{training.rows:,} and {training.purged:,} purged"}
    if window.evaluation is not None:
        rows["judged on"] = f"{counted(window.evaluation.rows, 'row')} of the {window.evaluated_on}"
    return rows


def _earlier_run(folder: Path) -> RunFacts:
    """Facts of the run in the folder's report; empty where there are none."""
    content = _content(folder / FIGURES_NAME)
    if content.get("format") != REPORT_FORMAT:
        return RunFacts()
    try:
        return _RUN.validate_python(content.get("run", {}))
    except ValidationError:
        return RunFacts()


def _content(path: Path) -> dict[str, Any]:
    """JSON of a file that is not essential; empty where it is missing or damaged."""
    try:
        content = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write the page and its figures into a folder, which is made where needed.

    Returns:
        Paths of the page and of the figures; earlier files of these names are replaced.

    Raises:
        DataError: when the folder cannot be written.
    """
    page, figures = folder / PAGE_NAME, folder / FIGURES_NAME
    content = page_of(report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(figures, report.to_dict())
        with whole_file(page) as handle:
            handle.write(content.encode())
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}; give another --output") from None
    return page, figures

"""Promises about what is on the disk and in memory after every step."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dualwindow.errors import ModelFileError
from dualwindow.models.freqai_folders import find_models, is_saved
from dualwindow.models.manifest import check_manifest
from dualwindow.runtime.files import SUMS_NAME, CheckedFiles, parse_json
from tests.lives.exchange import LIMIT
from tests.lives.invariants import Invariant
from tests.lives.market import PAIRS
from tests.lives.training import zip_sum
from tests.lives.world import open_handles

if TYPE_CHECKING:
    from tests.lives.life import Life

Found = Iterator[str]
#: Handles of files that a life may hold beyond those at its beginning: two databases a bot, each
#: with its log.
_HANDLES: Final = 16
_HISTORIES: Final = ("historic_predictions.pkl", "historic_predictions.backup.pkl")


def whole_files(life: Life) -> Found:
    if life.bot is None:
        return
    folder = life.folder
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or ".damaged" in str(path.relative_to(folder)):
            continue
        if path.name.endswith(".tmp") and not life.second:
            yield f"{_plain(path, folder)} was left behind"
        if path.suffix == ".json" and path.name != SUMS_NAME:  # a damaged one is made again
            try:
                parse_json(path.read_bytes())
            except ValueError:
                yield f"{_plain(path, folder)} is no JSON"
    sums = CheckedFiles(folder)
    for name in (*_HISTORIES, "pair_dictionary.json", "global_metadata.json"):
        if sums.is_damaged(name):
            yield f"{name} is damaged"
    history = folder / _HISTORIES[0]
    if history.is_file():
        try:
            pickle.loads(history.read_bytes())
        except Exception as error:
            yield f"{history.name} cannot be read: {error}"


def _plain(path: Path, folder: Path) -> str:
    """A path without the numbers of temporary names."""
    return str(path.relative_to(folder))


def no_model_lost(life: Life) -> Found:
    """Also brings the ledger up to date."""
    folder, ledger = life.folder, life.ledger
    found: dict[str, int] = {}
    for model in find_models(folder):
        if not is_saved(model.path, model.filename):
            continue
        key = (folder.name, model.path.name)
        if key not in ledger.damaged_models:
            try:
                check_manifest(model.path)
            except ModelFileError as error:
                yield f"the model {model.path.name} is damaged: {error}"
                continue
            found[model.base] = max(found.get(model.base, 0), model.trained_until)
        if key not in ledger.sums:
            own = [done.sum for done in life.trainings.done if done.folder == model.path.name]
            ledger.sums[key] = own[-1] if own else zip_sum(model.path)
    newest = ledger.newest.setdefault(folder.name, {})
    for base, stamp in newest.items():
        if found.get(base, 0) < stamp:
            yield f"the model of {base} that was trained until {stamp} is gone"
    newest.update(found)
    for training in [] if life.step_failed else life.trainings.new:
        if (folder.name, training.folder) not in ledger.sums:
            yield f"the model of a training that has ended, {training.folder}, is not there"
    if life.bot is not None and life.has_started:
        entries = life.bot.model.dd.pair_dict
        for pair in life.list:
            if pair.partition("/")[0] in found and not (entries.get(pair) or {}).get(
                "model_filename"
            ):
                yield f"{pair}: a whole model is there, and the bot started without one"


def nothing_lost_by_kill(life: Life) -> Found:
    before, life.ledger.predictions = life.ledger.predictions, {}
    if not life.was_killed or life.bot is None:
        return
    held = life.bot.model.dd.historic_predictions
    for pair, count in before.items():
        if len(held.get(pair, ())) < count:
            now = len(held.get(pair, ()))
            yield f"{pair}: {count} predictions were on the disk, {now} are held"


def undisturbed_weights(life: Life) -> Found:
    new, life.trainings.new = life.trainings.new, []
    for number, training in enumerate(new):
        # One that went on from a checkpoint always; of the others some, for they take time.
        if not training.resumed and (life.plan.seed + number + life.total) % 5:
            continue
        if training.undisturbed() != training.sum:
            how = "went on from a checkpoint" if training.resumed else "was trained beside a bot"
            yield f"the weights of {training.folder}, which {how}, are not those of a quiet one"


def bounded(life: Life) -> Found:
    handles = open_handles()
    if handles > life.handles + _HANDLES:
        yield f"{handles} files are open, {life.handles} were at the beginning"
    if life.bot is None:
        return
    drawer, exchange = life.bot.model.dd, life.bot.exchange
    for name, table in {
        "models": drawer.model_dictionary,
        "return values": drawer.model_return_values,
        "histories": drawer.historic_data,
        "candles": exchange._klines,
    }.items():
        if len(table) > len(PAIRS):
            yield f"{len(table)} {name} are held, of {len(PAIRS)} pairs"
    gone = drawer.historic_data.keys() - set(life.seen_list)
    if gone and life.trainings.turned:
        yield f"the candles of {', '.join(sorted(gone))} are held, which left the whitelist"
    for pair, frames in drawer.historic_data.items():
        if len(frames.get("1h", ())) > 700:
            yield f"{len(frames['1h'])} candles of {pair} are held"
    for key, frame in exchange._klines.items():
        if len(frame) > 4 * LIMIT:
            yield f"{len(frame)} candles of {key[0]} are handed over"


KEPT: Final = (
    Invariant("whole files", "a file is whole or not there", after_step=whole_files),
    Invariant(
        "no model lost",
        "the newest whole model of a pair stays, and a start finds it",
        after_step=no_model_lost,
    ),
    Invariant(
        "nothing lost by a kill",
        "a kill costs no prediction that was saved",
        after_step=nothing_lost_by_kill,
    ),
    Invariant(
        "undisturbed weights",
        "a training that a bot has trained ends with the weights of a quiet one",
        after_step=undisturbed_weights,
    ),
    Invariant("bounded", "handles and tables do not grow", after_step=bounded),
)

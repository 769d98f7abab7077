"""Damaged model folders: whatever is loaded predicts as before, and what is refused is named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.errors import ModelFileError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.models.fingerprint import BINDING_NAME
from dualwindow.models.manifest import write_manifest
from dualwindow.models.model_files import EVALUATION_NAME
from dualwindow.models.portable import load_portable, save_portable
from dualwindow.models.trained_model import TrainedModel
from dualwindow.report.build import gather, write_report
from dualwindow.report.schema import RunFacts
from tests.fuzz.damage import damaged, damaged_json, found_before
from tests.makers.bot import PAIR, Bot, freqtrade_config
from tests.makers.reports import backtest_folder, evaluated, window, write_window
from tests.makers.saved_models import NEWER, OLDER, save, trained
from tests.models.test_portable import ORIGIN

__all__ = ["trained"]

COUNT: Final = 150
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Whole:
    """Sound folders, the configuration of a bot on one of them, and a model's predictions."""

    userdir: Path
    portable: Path
    candles: CandleArrays
    expected: np.ndarray
    bot: Bot

    @property
    def models(self) -> Path:
        return self.userdir / "models" / "dualwindow"

    def require_same(self, model: object) -> None:
        assert isinstance(model, TrainedModel)
        found = model.predict(self.candles).probabilities
        np.testing.assert_array_equal(found, self.expected)


@pytest.fixture(scope="module")
def whole(
    trained: tuple[Bot, TrainedModel],
    btc_futures: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Whole:
    bot, model = trained
    userdir, portable = tmp_path_factory.mktemp("bot"), tmp_path_factory.mktemp("portable")
    drawer = start(userdir)
    drawer.bind(bot.strategy)
    for stamp in (OLDER, NEWER):
        save(bot, model, drawer, stamp)
    drawer.historic_predictions[PAIR] = pd.DataFrame({"LONG": [0.25]})
    drawer.save_historic_predictions_to_disk()
    drawer.save_global_metadata_to_disk({"start_dry_live_date": OLDER})
    (portable / EVALUATION_NAME).write_text("{}", encoding="utf-8")
    save_portable(portable, model, ORIGIN, [EVALUATION_NAME])
    featured = bot.features(btc_futures.iloc[:400].reset_index(drop=True))
    columns = list(featured.filter(like="%-"))
    candles = read_candles(featured, columns, PAIR, "1m")
    return Whole(userdir, portable, candles, model.predict(candles).probabilities, bot)


def start(userdir: Path) -> Any:
    """The drawer of a bot that has just been started."""
    config = freqtrade_config(userdir)
    config["runmode"] = RunMode.DRY_RUN
    return FreqaiModelResolver.load_freqaimodel(config).dd


def _bytes(file: Path, _others: list[Path], drawn: random.Random) -> None:
    file.write_bytes(damaged(file.read_bytes() or b"\0", drawn))


def _values(file: Path, others: list[Path], drawn: random.Random) -> None:
    try:
        file.write_bytes(damaged_json(file.read_bytes(), drawn))
    except ValueError:
        _bytes(file, others, drawn)


def _gone(file: Path, _others: list[Path], _drawn: random.Random) -> None:
    file.unlink()


def _exchanged(file: Path, others: list[Path], drawn: random.Random) -> None:
    shutil.copyfile(drawn.choice(others), file)


def _folder(file: Path, _others: list[Path], _drawn: random.Random) -> None:
    file.unlink()
    file.mkdir()


_KINDS: Final[tuple[Callable[[Path, list[Path], random.Random], None], ...]] = (
    *(_bytes, _bytes, _values, _values, _gone, _exchanged, _folder),
)


def spoil(folder: Path, drawn: random.Random) -> list[Path]:
    """Damage one to three files below a folder; their paths in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = drawn.sample(files, drawn.choice((1, 1, 2, 3)))
    for file in chosen:
        others = [other for other in files if other != file and other.is_file()]
        drawn.choice(_KINDS)(file, others, drawn)
    return [file.relative_to(folder) for file in chosen]


def or_refusal(look: Callable[[], _Found], folder: Path) -> tuple[_Found | None, bool]:
    """What is found, and whether it was refused: by a message that names a file of the folder."""
    try:
        return look(), False
    except (OperationalException, ModelFileError) as error:
        message = str(error)
    assert str(folder) in message
    return None, True


def restarted(userdir: Path, bot: Bot) -> object:
    """The model with which a bot starts; None where it trains again."""
    drawer = start(userdir)
    if not drawer.pair_dict.get(PAIR, {}).get("model_filename"):
        return None
    kitchen = bot.kitchen()
    kitchen.live = True
    return drawer.load_data(PAIR, kitchen)


def test_a_bot_starts_with_a_sound_model_or_refuses_by_name(whole: Whole, tmp_path: Path) -> None:
    started = 0
    for number in range(COUNT):
        drawn = random.Random(f"bot {number}")
        userdir = tmp_path / str(number)
        shutil.copytree(whole.userdir, userdir)
        spoilt = spoil(userdir / "models" / "dualwindow", drawn)
        model, refused = or_refusal(lambda: restarted(userdir, whole.bot), userdir)  # noqa: B023
        if refused:
            continue
        touched = {path.parts[0] for path in spoilt}
        sound = {f"sub-train-BTC_{stamp}" for stamp in (OLDER, NEWER)} - touched
        assert model is not None or not sound, (number, spoilt)
        if model is not None:
            whole.require_same(model)
            started += 1
    assert started > COUNT // 2


def test_a_passed_on_folder_is_loaded_as_it_was_or_refused_by_name(
    whole: Whole, tmp_path: Path
) -> None:
    loaded = 0
    for number in range(COUNT):
        drawn = random.Random(f"portable {number}")
        folder = tmp_path / str(number)
        shutil.copytree(whole.portable, folder)
        spoilt = spoil(folder, drawn)
        found, refused = or_refusal(lambda: load_portable(folder), folder)  # noqa: B023
        if not refused:
            assert found is not None
            whole.require_same(found.model)
            assert found.origin == ORIGIN, (number, spoilt)
            loaded += 1
    # Hardly anything but whitespace leaves a manifest's sums as they are.
    assert loaded < COUNT // 10


def test_a_report_is_gathered_of_what_is_sound_or_refused_by_name(tmp_path: Path) -> None:
    sound = backtest_folder(tmp_path / "sound")
    (tmp_path / "training").mkdir()
    write_window(tmp_path / "training", window(evaluated()))
    write_report(gather(tmp_path / "training", RunFacts()), tmp_path / "training")
    for evaluation in tmp_path.rglob(EVALUATION_NAME):
        write_manifest(evaluation.parent, [evaluation])
    gathered = 0
    for number in range(COUNT):
        drawn = random.Random(f"report {number}")
        folder = tmp_path / str(number)
        shutil.copytree(drawn.choice((sound, tmp_path / "training")), folder)
        spoilt = spoil(folder, drawn)
        report, refused = or_refusal(lambda: gather(folder), folder)  # noqa: B023
        if not refused:
            assert report is not None, spoilt
            write_report(report, tmp_path / f"page {number}")
            gathered += 1
    assert 0 < gathered < COUNT


def test_a_binding_that_once_ended_a_report_is_refused_or_left_out(tmp_path: Path) -> None:
    sound = backtest_folder(tmp_path / "sound")
    contents = found_before("bindings")
    assert contents
    for number, content in enumerate(contents):
        folder = tmp_path / str(number)
        shutil.copytree(sound, folder)
        assert (folder / BINDING_NAME).exists()
        (folder / BINDING_NAME).write_bytes(content)
        report, refused = or_refusal(partial(gather, folder), folder)
        assert refused or report is not None
        with pytest.raises(ModelFileError, match=str(folder / BINDING_NAME)):
            WalkSettings.from_config(folder, {})

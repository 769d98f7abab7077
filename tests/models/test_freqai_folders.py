"""Old models go, but never the last whole one, whatever killed trainings left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.models.freqai_folders import (
    UnfinishedTraining,
    checkpoint_path,
    find_models,
    find_unfinished,
    is_saved,
    purge_models,
    remove_checkpoints,
    seal,
    warm_checkpoint,
)

START = 1_700_000_000


def make(folder: Path, base: str, number: int, *, whole: bool = True) -> Path:
    """A model folder as FreqAI leaves it, or as a training that was killed while saving does."""
    stamp = START + number
    path = folder / f"sub-train-{base}_{stamp}"
    path.mkdir(parents=True)
    name = f"cb_{base.lower()}_{stamp}"
    (path / f"{name}_model.zip").write_bytes(b"weights")
    seal(path, name)  # as the model itself does when it is saved
    if whole:
        (path / f"{name}_trained_dates_df.pkl").write_bytes(b"dates")
        seal(path, name)
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_newest_of_every_base_coin_stay(tmp_path: Path) -> None:
    kept = {make(tmp_path, base, number).name for base in ("BTC", "ETH") for number in (3, 4)}
    gone = {make(tmp_path, base, number) for base in ("BTC", "ETH") for number in (1, 2)}
    assert set(purge_models(tmp_path, 2, [])) == gone
    assert names(tmp_path) == kept


def test_what_killed_trainings_left_does_not_push_a_model_out(tmp_path: Path) -> None:
    whole = make(tmp_path, "ETH", 1)
    for number in (2, 3, 4):
        make(tmp_path, "ETH", number, whole=False)
    assert purge_models(tmp_path, 2, []) == []
    assert is_saved(whole, find_models(tmp_path)[-1].filename)


def test_older_leftovers_go_with_the_next_whole_model(tmp_path: Path) -> None:
    make(tmp_path, "ETH", 1)
    left = make(tmp_path, "ETH", 2, whole=False)
    make(tmp_path, "ETH", 3)
    running = make(tmp_path, "ETH", 4, whole=False)
    assert purge_models(tmp_path, 2, []) == [left]
    assert running.is_dir()


def test_a_model_that_predicts_stays_however_old(tmp_path: Path) -> None:
    used = make(tmp_path, "BTC", 1)
    for number in range(2, 6):
        make(tmp_path, "BTC", number)
    purge_models(tmp_path, 1, [str(used)])
    assert names(tmp_path) == {used.name, f"sub-train-BTC_{START + 5}"}


@pytest.mark.parametrize("name", ["sub-train-BTC", "backtesting_predictions", "mine", "x.damaged"])
def test_other_folders_are_nobodys_business(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    for number in range(3):
        make(tmp_path, "BTC", number)
    purge_models(tmp_path, 1, [])
    assert (tmp_path / name).is_dir()


@given(
    models=st.lists(
        st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(0, 30), st.booleans()),
        unique_by=lambda each: each[:2],
        max_size=8,
    ),
    keep=st.integers(1, 4),
    in_use=st.integers(0, 7),
)
def test_as_many_whole_models_stay_as_there_were_up_to_the_limit(
    models: list[tuple[str, int, bool]],
    keep: int,
    in_use: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("models")
    paths = [make(folder, base, number, whole=whole) for base, number, whole in models]
    used = [str(paths[in_use])] if in_use < len(paths) else []
    purge_models(folder, keep, used)
    for base in ("BTC", "ETH"):
        whole = sorted(n for b, n, is_whole in models if b == base and is_whole)
        expected = {f"sub-train-{base}_{START + number}" for number in whole[-keep:]}
        assert expected <= names(folder)
    assert all(Path(path).is_dir() for path in used)
    twice = names(folder)
    assert purge_models(folder, keep, used) == []
    assert names(folder) == twice


def leave_checkpoint(folder: Path, last_candle: int) -> Path:
    path = checkpoint_path(folder, last_candle)
    path.write_bytes(b"state")
    return path


@pytest.mark.parametrize("warm", [False, True])
def test_the_newest_training_that_was_cut_off_is_found(warm: bool, tmp_path: Path) -> None:
    make(tmp_path, "BTC", 1)
    folder = tmp_path / f"sub-train-BTC_{START + 50}"
    folder.mkdir()
    assert find_unfinished(tmp_path, "BTC", START) is None
    path = leave_checkpoint(folder, START + 40)
    if warm:
        path.rename(warm_checkpoint(path))
    assert find_unfinished(tmp_path, "BTC", START) == UnfinishedTraining(START + 50, START + 40)
    assert find_unfinished(tmp_path, "ETH", START) is None
    assert find_unfinished(tmp_path, "BTC", START + 50) is None, "a new training is due by then"


def test_a_training_whose_model_was_saved_is_finished(tmp_path: Path) -> None:
    folder = make(tmp_path, "BTC", 1)
    leave_checkpoint(folder, START)
    assert find_unfinished(tmp_path, "BTC", START) is None
    remove_checkpoints(folder)
    assert not list(folder.glob("*.checkpoint"))


def test_an_older_one_is_not_taken_up_once_a_newer_model_is_there(tmp_path: Path) -> None:
    older = tmp_path / f"sub-train-BTC_{START + 1}"
    older.mkdir()
    leave_checkpoint(older, START)
    make(tmp_path, "BTC", 2)
    assert find_unfinished(tmp_path, "BTC", START - 10) is None


@pytest.mark.parametrize(
    ("setting", "kept"), [(1, [4]), (2, [3, 4]), (True, [3, 4]), (0, [1, 2, 3, 4])]
)
def test_the_bot_purges_as_its_setting_says_and_never_what_it_predicts_with(
    setting: int | bool, kept: list[int], tmp_path: Path
) -> None:
    paths = {number: make(tmp_path, "BTC", number) for number in range(5)}
    freqai = {"purge_old_models": setting, "feature_parameters": {}}
    drawer = DualWindowDrawer(tmp_path, {"freqai": freqai})
    drawer.get_pair_dict_info("BTC/USDT:USDT")
    drawer.pair_dict["BTC/USDT:USDT"]["data_path"] = str(paths[0])
    drawer.purge_old_models()
    assert names(tmp_path) == {paths[number].name for number in (0, *kept)}

"""The pairs that are trained follow the whitelist, one a base coin."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.live.whitelist import TrainedPairs
from dualwindow.models.fingerprint import bind_folder, bind_pair
from dualwindow.models.freqai_folders import recover_models, seal
from dualwindow.runtime.files import write_json

PERPETUAL, DATED, ETH = "BTC/USDT:USDT", "BTC/USDT:USDT-261225", "ETH/USDT:USDT"


@given(st.lists(st.lists(st.sampled_from([PERPETUAL, DATED, ETH, "A-B/USDT:USDT", "C.D/USDT"]))))
def test_the_whitelist_is_trained_but_never_two_pairs_of_a_base(lists: list[list[str]]) -> None:
    pairs = TrainedPairs(lambda pair: pair)
    for whitelist in lists:
        before = pairs.now
        pairs.follow(whitelist)
        bases = [pair.split("/")[0] for pair in pairs.now]
        assert len(set(bases)) == len(bases)
        assert set(bases) == {pair.split("/")[0] for pair in whitelist}
        # A pair that stays is not pushed out by another of its base.
        assert set(before) & set(whitelist) <= set(pairs.now)


def test_a_second_pair_of_a_base_is_refused_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pairs = TrainedPairs(lambda pair: pair)
    for order in ([ETH, PERPETUAL, DATED], [DATED, ETH, PERPETUAL], [PERPETUAL, DATED]):
        pairs.follow(order)
        assert DATED not in pairs.now
    assert caplog.text.count(f"{DATED} is not trained") == 1
    pairs.follow([DATED])
    assert pairs.now == (DATED,)


def saved(folder: Path, pair: str, end: int) -> Path:
    """The files of a whole model that was made for a pair."""
    base = pair.split("/", maxsplit=1)[0]
    home = folder / f"sub-train-{base}_{end}"
    home.mkdir()
    name = f"cb_{base.lower()}_{end}"
    (home / f"{name}_trained_dates_df.pkl").write_bytes(b"dates")
    seal(home, name, {"pair": pair})
    return home


def test_models_keep_their_pair_however_the_list_changes(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    bind_folder(folder, {}, [])
    # Nothing was trained yet: the base is free.
    assert bind_pair(folder, DATED) == DATED
    assert bind_pair(folder, PERPETUAL) == PERPETUAL
    saved(folder, PERPETUAL, 1_700_000_000)
    assert bind_pair(folder, DATED) == PERPETUAL
    assert bind_pair(folder, ETH) == ETH


def test_a_pair_never_gets_the_model_of_another_with_its_base(tmp_path: Path) -> None:
    """A refused pair has an entry in FreqAI's dictionary as well."""
    folder = tmp_path / "small"
    bind_folder(folder, {}, [])
    home = saved(folder, PERPETUAL, 1_700_000_000)
    empty = {"model_filename": "", "trained_timestamp": 0, "data_path": "", "extras": {}}
    write_json(folder / "pair_dictionary.json", {DATED: empty})
    recover_models(folder, [])
    text = (folder / "pair_dictionary.json").read_text()
    assert text.count(str(home)) == 1
    assert f'"{PERPETUAL}": {{"model_filename": "cb_btc_1700000000"' in text

"""The benchmarks compare like with like, and report what they found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import naive, preparing
from benchmarks.__main__ import GROUPS, main, page_of
from benchmarks.networks import PlainNetwork, network_of, plain_twin
from benchmarks.results import at_most, compared, report
from benchmarks.walks import candles_of, walk, write_feathers
from dualwindow.candle_files import CandleFile
from dualwindow.dataset import Dataset
from dualwindow.settings import TrainingConfig
from dualwindow.stream import WindowStream


def test_a_goal_is_met_when_ours_is_that_many_times_smaller() -> None:
    met, missed = (compared("a", "b", (1.0, times), "s", goal=2) for times in (2.0, 1.9))
    assert (met.ratio, met.met, missed.met) == (2.0, True, False)
    assert [at_most("a", 3.0, "MiB", goal).met for goal in (3.0, 2.9, None)] == [True, False, None]


@pytest.mark.parametrize("rule", ["hybrid", "first_touch"])
def test_the_naive_labels_are_ours(rule: Any) -> None:
    config = TrainingConfig(label_rule=rule)
    columns = walk(3000, seed=4)
    ours = preparing.labels_of(columns, config)
    np.testing.assert_array_equal(
        naive.label_rows(columns, config), ours[: 3000 - config.future_window]
    )
    assert set(ours.tolist()) == {-1, 0, 1, 2}


def test_the_naive_pipeline_has_the_windows_that_ours_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naive, "CHUNK_SEQUENCES", 100)
    config = TrainingConfig(window_size=30, future_window=20, long_tp_pct=0.002, short_tp_pct=0.002)
    columns = walk(44_600, seed=5)
    candles = candles_of(columns)
    labels = preparing.labels_of(columns, config)
    dataset = Dataset.of_candles(candles, labels, config, name="walk")
    paths = naive.write_chunks(columns, candles.features, config, tmp_path)
    assert len(paths) > 2
    chunks = [np.load(path) for path in paths]
    rows = dataset.labelled().all_rows()
    np.testing.assert_array_equal(
        np.concatenate([chunk["labels"] for chunk in chunks]), dataset.labels[rows]
    )
    ((_, windows),) = WindowStream(candles.features, 30).batches(rows, len(rows))
    np.testing.assert_array_equal(
        np.concatenate([chunk["windows"] for chunk in chunks]), windows.numpy()
    )
    balanced, drawn = naive.read_balanced(paths, seed=1)
    counts = np.bincount(dataset.labels[rows], minlength=3)
    rarest = counts[counts > 0].min()
    assert np.bincount(drawn, minlength=3).tolist() == [rarest if count else 0 for count in counts]
    assert sum(map(len, naive.deliver(balanced, 64))) == len(drawn)


@pytest.mark.parametrize("patch_size", [1, 5])
def test_the_plain_network_computes_what_ours_does(patch_size: int) -> None:
    import torch

    config = TrainingConfig(
        mirror="off", patch_size=patch_size, window_size=20, lstm_units=(8, 6), dense_units=(5,)
    )
    network = network_of(config)
    plain = plain_twin(network, config)
    assert isinstance(plain, PlainNetwork)
    windows = torch.randn(7, 20, 8).clamp(-8, 8)
    torch.testing.assert_close(plain(windows), network(windows))


def test_feather_files_of_walks_are_candle_files(tmp_path: Path) -> None:
    sources = write_feathers(tmp_path, 2, 70_000)
    for source in sources:
        file = CandleFile(source.path)
        assert len(file) == 70_000
        assert sum(map(len, file.batches(lambda: 50_000))) == 70_000
    whole = walk(70_000, seed=0)["close"]
    parts = [batch["close"] for batch in CandleFile(sources[0].path).batches(lambda: 50_000)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_quick_rows_are_written_as_a_table_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "latest.json", tmp_path / "benchmarks.md"]
    arguments = ["--quick", "--only", "labels", "delivery", "scaling"]
    main([*arguments, "--json", str(paths[0]), "--page", str(paths[1])])
    printed = capsys.readouterr().out
    content = json.loads(paths[0].read_text(encoding="utf-8"))
    page = paths[1].read_text(encoding="utf-8")
    assert page == page_of(content)
    assert content["machine"]["cores"] >= 1
    for result in content["results"]:
        assert result["what"] in printed
        assert result["what"] in page
        assert {"what", "ratio", "goal", "met"} <= result.keys()


def test_the_shipped_figures_are_of_every_group_and_on_the_page(
    pytestconfig: pytest.Config,
) -> None:
    root = pytestconfig.rootpath
    content = json.loads((root / "benchmarks" / "latest.json").read_text(encoding="utf-8"))
    assert (root / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page_of(content)
    said = " ".join(result["what"] for result in content["results"])
    words = {
        "labels": "first_touch labels, 500,000",
        "pipelines": "label + index + balance, 500,000",
        "delivery": "deliver 100,000",
        "training": "training step with patch_size 5",
        "prediction": "backtest slice",
        "freqai": "everything but the network in one 90-day",
        "live": "one live candle",
        "backtest": "of the demo: training",
        "scaling": "26,280,000 rows",
    }
    assert words.keys() == GROUPS.keys()
    for group, word in words.items():
        assert word in said, group


def test_a_report_names_versions(tmp_path: Path) -> None:
    versions = report([], {})["versions"]
    assert {"torch", "freqtrade", "dualwindow"} <= versions.keys()

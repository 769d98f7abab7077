"""freqtrade's own searches for bias, on a tiny overlay because they retrain for every signal."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS, LABEL_COLUMN
from tests.makers.freqtrade import SMALL, Run, freqtrade, merged, user_folder

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("analysis")]

TINY = merged(
    SMALL,
    {
        "timerange": "20250608-20250609",
        "exchange": {"pair_whitelist": ["BTC/USDT:USDT"]},
        "freqai": {
            "identifier": "tiny",
            "train_period_days": 1,
            "backtest_period_days": 1,
            "feature_parameters": {"indicator_periods_candles": [60, 240]},
            "model_training_parameters": {"epochs": 1, "future_window": 60},
        },
    },
)
#: Both tools let a cut run end one candle earlier than its frame (FreqAI's slices leave out their
#: last candle), so its last row holds FreqAI's null prediction. What is made from predictions is
#: therefore reported for every FreqAI model: the label, the classes, do_predict, and where the
#: full run has a signal in that very row, the signal.
PREDICTED = {LABEL_COLUMN, "do_predict", *CLASS_NAMES, *CONFIDENCE_COLUMNS}
SIGNALS = {"decision", "enter_long", "enter_short", "enter_tag"}
ALLOWED = PREDICTED | SIGNALS | {f"{name}_{each}" for name in PREDICTED for each in ("mean", "std")}
NULL = {"0", "0.0", "nan", ""}


@pytest.fixture(scope="module")
def userdir(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    futures = shared_data / "binance-futures-2025-05-04_2025-06-24"
    return user_folder(tmp_path_factory.mktemp("analysis"), futures, ["BTC_*"])


def analysis(userdir: Path, *arguments: str) -> Run:
    run = freqtrade(userdir, TINY, [*arguments, "--freqaimodel", "DualWindowLSTM"])
    assert run.status == 0, run.output[-3000:]
    assert "raised exception" not in run.output
    return run


def says_the_same_or_nothing(column: str, full: str, cut: str) -> bool:
    """Whether the cut run's value is none yet, or a probability that only rounding tells apart.

    Batches of another size add up in another order, which shows in the last of seven digits.
    """
    probable = column in {"SHORT", "HOLD", "LONG"}
    return cut in NULL or (probable and abs(float(full) - float(cut)) < 1e-6)


def test_lookahead_analysis_finds_no_biased_entry_or_exit(userdir: Path) -> None:
    file = userdir / "lookahead.csv"
    arguments = ["--minimum-trade-amount", "2", "--targeted-trade-amount", "4"]
    run = analysis(
        userdir, "lookahead-analysis", *arguments, "--lookahead-analysis-exportfilename", str(file)
    )
    with file.open(encoding="utf-8") as content:
        (row,) = list(csv.DictReader(content))
    assert row["strategy"] == "DualWindowStrategy"
    assert int(row["total_signals"]) >= 2
    assert int(row["biased_entry_signals"]) == 0
    assert int(row["biased_exit_signals"]) == 0
    biased = {name.strip() for name in row["biased_indicators"].split(",") if name.strip()}
    assert biased <= ALLOWED
    reported = re.findall(r"bias in column (\S+)\. (\S+) != (.*?) ?20\d\d-", run.output)
    assert {name for name, _, _ in reported} == biased
    # Nowhere does a cut run say something else: it only says nothing yet.
    assert [each for each in reported if not says_the_same_or_nothing(*each)] == []


def test_recursive_analysis_finds_no_lookahead_and_no_recursive_feature(userdir: Path) -> None:
    run = analysis(userdir, "recursive-analysis", "--startup-candle", "180", "240")
    assert "No variance on indicator(s) found due to recursive formula" in run.output
    reported = set(re.findall(r"found lookahead in indicator (\S+)", run.output))
    assert reported <= ALLOWED

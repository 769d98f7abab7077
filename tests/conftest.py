"""What every test may use: real candles, one thread, reproducible examples."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import Phase, settings
from rich.logging import RichHandler

from tests.makers.xdist_groups import pytest_collection_modifyitems

__all__ = ("pytest_collection_modifyitems",)

IN_CI = bool(os.environ.get("CI"))

# Examples take as long as the machine needs; in CI the same ones are tried every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
# A mutant is noticed or not; which example shows it best does not matter.
settings.register_profile(
    "mutation",
    deadline=None, derandomize=True, database=None, max_examples=40,
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
IN_MUTATION = bool(os.environ.get("DUALWINDOW_MUTATION"))
settings.load_profile("mutation" if IN_MUTATION else "ci" if IN_CI else "local")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run beside each other in several processes; more threads would only get in the way."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A command line that runs in the process logs to its console, which is gone after the test."""
    root = logging.getLogger()
    # `--verbose` sets it.
    own = logging.getLogger("dualwindow").level
    level, handlers, disabled = root.level, list(root.handlers), logging.root.manager.disable
    yield
    root.setLevel(level)
    logging.getLogger("dualwindow").setLevel(own)
    # The benchmarks quieten everything below a warning.
    logging.disable(disabled)
    for handler in set(root.handlers) - set(handlers):
        if type(handler) in (logging.StreamHandler, RichHandler):
            root.removeHandler(handler)


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """Folder of real candles beside the repository, which the project does not ship."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"the real candles are not there: {folder}"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def btc_futures(shared_data: Path) -> pd.DataFrame:
    """73,139 candles of BTC/USDT:USDT without a hole. Not to be changed in place."""
    folder = shared_data / "binance-futures-2025-05-04_2025-06-24" / "futures"
    return pd.read_feather(folder / "BTC_USDT_USDT-1m-futures.feather")


@pytest.fixture(scope="session")
def eth_spot(shared_data: Path) -> pd.DataFrame:
    """130,708 candles of ETH/USDT without a hole. Not to be changed in place."""
    folder = shared_data / "binance-spot-2025-05-20_2025-08-18"
    return pd.read_feather(folder / "ETH_USDT-1m.feather")


@pytest.fixture(scope="session")
def btc_gap(shared_data: Path) -> pd.DataFrame:
    """71,041 candles of BTC/USDT with 72 of no volume, then 80 missing minutes, as on disk."""
    folder = shared_data / "binance-spot-2023-03-16_2023-05-05-gap80"
    return pd.read_feather(folder / "BTC_USDT-1m.feather")


@pytest.fixture(scope="session")
def btc_gap_filled(btc_gap: pd.DataFrame) -> pd.DataFrame:
    """The candles with the outage as freqtrade hands them over: 152 flat ones in a row."""
    from freqtrade.data.converter import ohlcv_fill_up_missing_data

    return ohlcv_fill_up_missing_data(btc_gap, "1m", "BTC/USDT")

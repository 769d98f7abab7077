"""What a freqtrade configuration needs for this model, taken from config.json as shipped."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import OWN_EXITS, exit_problems
from dualwindow.settings.layers.files import Layer, LayeredConfig, read_config_file
from dualwindow.settings.shipped import ShippedConfig, shipped_path

#: Keys of config.json that stay a user's own: money, market, exchange, pairs, folders.
USERS_OWN: Final = frozenset(
    {
        *("dry_run", "initial_state", "dry_run_wallet", "max_open_trades", "stake_currency"),
        *("stake_amount", "tradable_balance_ratio", "trading_mode", "margin_mode", "exchange"),
        # `install` puts the adapters where freqtrade looks for them.
        *("pairlists", "strategy_path", "freqaimodel_path", "dataformat_ohlcv"),
    }
)
_DAY: Final = "%Y%m%d"


def overlay_for(user: Mapping[str, Any]) -> dict[str, Any]:
    """What to read after a user's configuration, which may be empty.

    A time range of the user's own stays. Exits that replace the strategy's are set back; those of a
    ROI table cannot be, and `config validate` names them.
    """
    names: tuple[ShippedConfig, ...] = ("config.json",)
    if user and user.get("trading_mode", "spot") == "spot":
        names = ("config.json", "config.spot.json")
    layers = [Layer(name, read_config_file(shipped_path(name))) for name in names]
    kept = USERS_OWN | ({"timerange"} if user.get("timerange") else set())
    overlay = {
        key: value for key, value in LayeredConfig(layers).content.items() if key not in kept
    }
    of_exits = {
        key: own
        for key, own in OWN_EXITS.items()
        if not isinstance(own, Mapping) and exit_problems({key: user.get(key, own)})
    }
    return {**overlay, **of_exits}


@dataclass(frozen=True)
class Download:
    """Candles that a backtest needs.

    Attributes:
        timerange: as freqtrade takes it; None where the configuration's has no plain days.
        training: days of the first training.
        warm_up: days before it, for the longest average and a margin for gaps.
        timeframes: to download.
    """

    timerange: str | None
    training: float
    warm_up: int
    timeframes: tuple[str, ...]

    @property
    def days(self) -> int:
        """Days before the time range, rounded up to whole ones."""
        return math.ceil(self.training) + self.warm_up


def download_for(content: Mapping[str, Any]) -> Download:
    """The candles that a backtest of a valid configuration needs."""
    freqai = content["freqai"]
    features = freqai["feature_parameters"]
    settings = TrainingConfig.check(freqai["model_training_parameters"]).config
    training = float(freqai["train_period_days"])
    warm_up = settings.calculate_required_buffer_days(features["indicator_periods_candles"])
    days = re.fullmatch(r"(\d{8})-(\d{8})?", str(content.get("timerange", "")))
    timerange = None
    if days is not None:
        begin = datetime.strptime(days[1], _DAY) - timedelta(days=math.ceil(training) + warm_up)
        timerange = f"{begin:{_DAY}}-{days[2] or ''}"
    timeframes = dict.fromkeys((content["timeframe"], *features["include_timeframes"]))
    return Download(timerange, training, warm_up, tuple(timeframes))

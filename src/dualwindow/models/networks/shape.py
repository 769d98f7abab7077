"""Sizes of the network, and the features that each of its parts sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dualwindow.columns import CLASS_NAMES
from dualwindow.data.features.column_roles import ColumnRoles
from dualwindow.models.mirror import close_changes
from dualwindow.models.networks.contract import CoreSizes
from dualwindow.settings import TrainingConfig

#: Shares of the window that the trend head sums up: 15, 30, 60, 120 and 180 candles by default.
TREND_SHARES: Final = (1 / 12, 1 / 6, 1 / 3, 2 / 3, 1.0)


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network.

    Attributes:
        n_features: C, features a candle.
        lstm_units: width of each LSTM layer.
        dense_units: width of each dense layer.
        patch_size: candles merged into one LSTM step.
        dropout: share of the last dense layer's units dropped in training.
        lstm_dropout: share of the units of each LSTM layer but the last dropped in training.
        trend_features: positions, in the window, of the features that the trend head sums up.
        trend_spans: candles of each of its sums; no spans, no trend head.
        window_features: positions of the features of the window; none stands for all.
        wide_features: positions of the features of the wide path.
        network: the core, as the setting `network` names it.
        window_size: P, candles of a window.
        ensemble: networks of these sizes whose probabilities are averaged.
    """

    n_features: int
    lstm_units: tuple[int, ...]
    dense_units: tuple[int, ...]
    patch_size: int
    dropout: float
    lstm_dropout: float = 0.0
    trend_features: tuple[int, ...] = ()
    trend_spans: tuple[int, ...] = ()
    window_features: tuple[int, ...] = ()
    wide_features: tuple[int, ...] = ()
    network: str = "lstm"
    window_size: int = 0
    ensemble: int = 1

    @property
    def core(self) -> CoreSizes:
        """The sizes that the core is made from."""
        return CoreSizes(
            self.window_size,
            len(self.roles.window),
            len(self.wide_features),
            len(CLASS_NAMES),
            self.lstm_units,
            self.dense_units,
            self.patch_size,
        )

    @property
    def roles(self) -> ColumnRoles:
        """The features of the window and those of the wide path."""
        return ColumnRoles(
            self.window_features or tuple(range(self.n_features)), self.wide_features
        )

    @classmethod
    def from_settings(cls, config: TrainingConfig, names: Sequence[str]) -> NetworkShape:
        """The sizes that the settings ask for; without `close_changes` there is no trend head.

        Raises:
            DataError: when the settings name features that there are not, see `ColumnRoles.of`.

        Example:
            >>> names = "volume_change", "close_change"
            >>> shape = NetworkShape.from_settings(TrainingConfig(), names)
            >>> shape.n_features, shape.trend_features, shape.trend_spans
            (2, (1,), (15, 30, 60, 120, 180))
        """
        roles = ColumnRoles.of(config, names)
        changes = close_changes([names[position] for position in roles.window])
        spans: set[int] = set()
        if config.trend_head and changes:
            spans = {max(round(share * config.window_size), 1) for share in TREND_SHARES}
        return cls(
            len(names),
            config.lstm_units,
            config.dense_units,
            config.patch_size,
            config.dropout,
            config.lstm_dropout,
            changes if spans else (),
            tuple(sorted(spans)),
            roles.window if len(roles.window) < len(names) else (),
            roles.wide,
            config.network,
            config.window_size,
            config.ensemble,
        )

    def to_dict(self) -> dict[str, Any]:
        """All sizes as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> NetworkShape:
        """Make a shape from `to_dict`'s result, where tuples may have become lists.

        Models of earlier versions lack trend head, `lstm_dropout`, wide path, the core's name, and
        `ensemble`.
        """
        sizes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        return cls(**sizes)

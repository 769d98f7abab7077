"""The configuration that a backtest's predictions are evaluated with, and how it is shown.

It is the one that the backtest traded with, which its folder remembers, unless the user names
another one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dualwindow.cli.options.configuration import (
    config_files,
    data_folder,
    flag_layers,
    layered_config,
)
from dualwindow.cli.options.flags import SettingFlag
from dualwindow.data.candles.timerange import utc_text
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.models.fingerprint import CACHED_PREDICTIONS
from dualwindow.models.identifier.changed_rule import changed_rule
from dualwindow.models.identifier.saved_predictions import find_predictions
from dualwindow.models.identifier.traded import Traded, read_traded
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.settings.layers.environment import environment_names
from dualwindow.settings.layers.files import Layer, LayeredConfig
from dualwindow.settings.layers.places import TRAINING_GROUP

_RECORD: Final = "the backtest"
#: One and several of them.
_FILES: Final = ("file of predictions", "files of predictions")
#: Flags that say where files lie.
_PLACES: Final = frozenset({"--userdir", "--datadir"})
_NO_RECORD: Final = (
    "the folder does not tell with what its predictions were traded: run the backtest again with "
    "this version, or name the files of its configuration with -c"
)


@dataclass(frozen=True)
class Basis:
    """The configuration of an evaluation.

    Attributes:
        layers: the configuration.
        traded: the backtest whose predictions are meant, with the rule that decides now; None: all
            predictions, by the rule of the configuration.
        record: the backtest as it traded; None where the folder does not tell.
        names: files, variables and flags that the configuration comes from, beside the record.
    """

    layers: LayeredConfig
    traded: Traded | None
    record: Traded | None
    names: tuple[str, ...]

    @classmethod
    def from_options(
        cls, options: argparse.Namespace, folder: Path, flags: tuple[SettingFlag, ...]
    ) -> Basis:
        """Choose the configuration for `user_data/models/<identifier>`.

        `-c` and `--preset` name another one than the backtest's; other flags change single values
        of it, and of the environment only what the backtest knew counts.

        Raises:
            SettingsError: when a file cannot be read, or a flag's value is wrong.
        """
        record, given = read_traded(folder), flag_layers(options, flags)
        names = [layer.name for layer in given if layer.name not in _PLACES]
        if record is None or options.config is not None or options.preset is not None:
            preset = () if options.preset is None else (f"preset {options.preset}",)
            files = [*map(str, config_files(options)), *preset, *environment_names()]
            return cls(layered_config(options, flags), None, record, (*files, *names))
        layers = LayeredConfig([Layer(_RECORD, record.configuration), *given])
        group, parameters = TRAINING_GROUP
        changed = {
            name for layer in given for name in layer.content.get(group, {}).get(parameters, {})
        }
        settings = TrainingConfig.from_parameters(dict(layers.content[group][parameters]))
        rule = changed_rule(record.rule, settings, changed)
        return cls(layers, replace(record, rule=rule), record, tuple(names))

    def candles(self, folder: Path, exchange: str) -> Path:
        """Folder of the exchange's candles: as configured, else beside that of the models."""
        content = self.layers.content
        userdir, datadir = content.get("user_data_dir"), content.get("datadir")
        if self.layers.origin("datadir") == _RECORD and (
            userdir or not Path(str(datadir)).is_dir()
        ):
            # The folder was copied to another machine, or the user names another place.
            datadir = None
        return Path(datadir or data_folder(Path(userdir or folder.resolve().parents[1])) / exchange)

    def lines(self, folder: Path, settings: WalkSettings) -> dict[str, str]:
        """Title to words: which configuration this is, and how it differs from the backtest's."""
        return {
            "configuration": self._configuration(),
            "decisions": settings.rule.summary(),
            "costs": _costs(settings),
            **dict(self._differences(folder, settings)),
        }

    def _configuration(self) -> str:
        given = ", ".join(self.names)
        if self.record is None:
            return f"{given or 'defaults'}; {_NO_RECORD}"
        minute = self.record.when - self.record.when % 60
        when = f"the backtest of {utc_text(minute)} UTC ({self.record.strategy})"
        if self.traded is None:
            return f"{given}, in place of that of {when}"
        return f"as traded by {when}{f', with {given}' if given else ''}"

    def _differences(self, folder: Path, settings: WalkSettings) -> Iterator[tuple[str, str]]:
        record = self.record
        if record is None:
            return
        then = WalkSettings.from_config(folder, record.configuration, record)
        unlike = [
            f"{now} here, {before} there"
            for now, before in (
                (settings.rule.summary(), then.rule.summary()),
                (_costs(settings), _costs(then)),
            )
            if now != before
        ]
        saved = folder / CACHED_PREDICTIONS
        others = len(find_predictions(saved)) - len(find_predictions(saved, record.extent))
        if others and self.traded is None:
            unlike.append(f"with {counted(others, *_FILES)} that it did not trade")
        if unlike:
            yield "unlike the backtest", "; ".join(unlike)
        if others and self.traded is not None:
            yield (
                "left out",
                f"{counted(others, *_FILES)} that it did not trade; with -c and the files of "
                "a configuration all are evaluated",
            )
        if record.overrides:
            yield (
                "not evaluated",
                f"what {record.strategy} itself decides in {', '.join(record.overrides)}",
            )


def _costs(settings: WalkSettings) -> str:
    terms = settings.terms
    parts = [
        f"fee {100 * terms.fee:g} % and slippage {100 * terms.slippage:g} % a side",
        f"leverage {terms.leverage:g}",
    ]
    if settings.trading_mode == "futures":
        parts.append("with funding" if settings.root.evaluation_funding else "without funding")
        parts += [] if terms.can_short else ["no SHORT"]
    return ", ".join(parts)

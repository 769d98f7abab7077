"""Networks of the user's own: found, tried, refused, and known again after loading."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import pytest

from dualwindow.cli.options.here import problems_here
from dualwindow.errors import ModelFileError, SettingsError
from dualwindow.models.fingerprint import bind_folder, model_dependencies
from dualwindow.models.networks import registry
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import check_config
from tests.makers.messages_in_code import REPOSITORY
from tests.makers.networks import SETTINGS, WIDE, built, trained


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave neither folders nor modules behind."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(registry, "_FOLDERS", [])


def own(folder: Path, body: str, name: str = "Net") -> str:
    """Write a module with a network; its name for the setting."""
    number = len([*folder.glob("*.py")])
    module = f"own_{folder.name.replace('-', '_')}_{number}"
    (folder / f"{module}.py").write_text(f"import torch\nfrom torch import nn\n{body}", "utf-8")
    registry.look_in(folder)
    return f"{module}:{name}"


def net(
    forward: str,
    *,
    init: str = "self.head = nn.Linear(sizes.features, 3)",
    base: str = "nn.Module",
) -> str:
    return (
        f"class Net({base}):\n    def __init__(self, sizes):\n        super().__init__()\n"
        f"        {init}\n    def forward(self, window, wide, factors):\n        {forward}\n"
    )


FINE: Final = "return self.head(window[:, -1])"
BROKEN: Final = {
    "no class": ("x = 1", "has no class named Net"),
    "no module": ("Net = 3", "something else than a torch.nn.Module"),
    "a function": ("def Net(sizes): return nn.Linear(1, 1)", "something else"),
    "syntax": ("class Net(:", "cannot be imported: SyntaxError"),
    "import": ("import not_there_at_all", "cannot be imported: ModuleNotFoundError"),
    "constructor": (net(FINE, init="raise ValueError('nine')"), r"cannot be made.*nine"),
    "no sizes": ("class Net(nn.Module):\n    pass", "cannot be made"),
    "forward": (net("return self.head(window)[:, -1] + wide"), "fails on windows"),
    "shape": (net("return self.head(window)"), r"returns \(4, 12, 3\) for 4 windows"),
    "classes": (net("return self.head(window[:, -1])[:, :2]"), r"returns \(4, 2\)"),
    "no tensor": (net("return [1, 2, 3]"), "returns list"),
    "NaN": (net("return self.head(window[:, -1]) * float('nan')"), "not finite"),
    "whole numbers": (net("return self.head(window[:, -1]).long()"), "not finite numbers"),
    "chance": (
        net("return nn.functional.dropout(self.head(window[:, -1]), training=self.training)"),
        "depend on chance",
    ),
    "batch": (
        net("x = self.head(window[:, -1])\n        return x - x.mean(0)"),
        "the other windows of a batch",
    ),
    "dropped": (
        net(FINE, init="self.head = nn.Linear(sizes.features, 3); self.dropped = [0]"),
        r"dropped widths \(0,\)",
    ),
    "tied": (
        net(FINE, init="self.head = nn.Linear(sizes.features, 3); self.twin = self.head"),
        "share memory",
    ),
    "huge": (net(FINE, init="self.head = nn.Linear(10**9, 10**6)"), "GiB of memory"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_class_that_breaks_the_contract_is_refused(kind: str, tmp_path: Path) -> None:
    body, words = BROKEN[kind]
    name = own(tmp_path, body)
    config = TrainingConfig.from_parameters({**SETTINGS, **WIDE, "network": name})
    with pytest.raises(registry.NetworkError, match=rf"(?s)network '{name}': .*{words}"):
        built(config)


def test_a_module_that_is_not_there_is_refused_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(registry.NetworkError, match=r"nowhere_x.*searched on Python's path"):
        registry.require_network("nowhere_x.y:Net", tmp_path)


def test_a_class_may_do_without_dropout_and_head(tmp_path: Path) -> None:
    forward = "return self.last(window.flatten(1))"
    init = "self.last = nn.Linear(sizes.candles * sizes.features, sizes.classes)"
    name = own(tmp_path, net(forward, init=init))
    model = trained(TrainingConfig.from_parameters({**SETTINGS, **WIDE, "network": name}))
    assert TrainedModel.from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (net("return 2 * self.head(window[:, -1])"), "answers otherwise"),
        (net("return self.h(window[:, -1])", init="self.h = nn.Linear(4, 3)"), "Missing key"),
        ("x = 1", "has no class"),
        ("import not_there_at_all", "cannot be imported"),
    ],
)
def test_a_saved_model_notices_that_its_class_has_changed(
    after: str, words: str, tmp_path: Path
) -> None:
    name = own(tmp_path, net(FINE))
    payload = trained(
        TrainingConfig.from_parameters({**SETTINGS, **WIDE, "network": name, "epochs": 1})
    ).to_bytes()
    module = name.partition(":")[0]
    del sys.modules[module]
    # Longer, so that Python does not take it for the file that it has compiled.
    text = f"import torch\nfrom torch import nn\n# changed\n{after}"
    (tmp_path / f"{module}.py").write_text(text, "utf-8")
    with pytest.raises(ModelFileError, match=rf"(?s){words}.*train the model again"):
        TrainedModel.from_bytes(payload)


def test_a_configuration_with_a_class_that_is_not_there_is_not_valid(tmp_path: Path) -> None:
    content = json.loads((REPOSITORY / "config.json").read_text("utf-8"))
    content["freqai"]["model_training_parameters"]["network"] = "nowhere_y:Net"
    settings = check_config(content, cores=2).required("config.json")[0]
    (problem,) = problems_here(settings, content, tmp_path)
    assert "network 'nowhere_y:Net'" in problem
    assert str(tmp_path) in problem


def test_a_folder_belongs_to_the_code_of_its_class(tmp_path: Path) -> None:
    name = own(tmp_path, net(FINE))
    config = TrainingConfig.from_parameters({**SETTINGS, "network": name})
    freqtrade = {"freqai": {}, "exchange": {"name": "binance"}}
    bind_folder(tmp_path / "models", model_dependencies(config, freqtrade), [])
    assert "network_code" not in model_dependencies(config.replace(network="gru"), freqtrade)
    file = tmp_path / f"{name.partition(':')[0]}.py"
    file.write_text(file.read_text("utf-8").replace("-1", "-2"), "utf-8")
    with pytest.raises(SettingsError, match="network_code"):
        bind_folder(tmp_path / "models", model_dependencies(config, freqtrade), [])

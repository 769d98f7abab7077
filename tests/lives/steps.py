"""How each kind of step is lived."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tests.lives.plan import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lives.life import Life


def live(life: Life, step: Step) -> None:
    for _ in range(step.count):
        life.candle()


def busy(life: Life, step: Step) -> None:
    for number in range(step.count):
        life.candle(looks=number + 1 == step.count)


def train(life: Life, _step: Step) -> None:
    life.trainings.run()


def meanwhile(life: Life, step: Step) -> None:
    life.trainings.meanwhile = step.count
    life.trainings.run()


def trouble(life: Life, step: Step) -> None:
    life.trainings.trouble = step.what


def late(life: Life, step: Step) -> None:
    for row in _next(life, step):
        life.market.arrives[step.pair, row] = row + 1 + step.back


def missing(life: Life, step: Step) -> None:
    for row in _next(life, step):
        life.market.arrives[step.pair, row] = 1 << 40


def doubled(life: Life, step: Step) -> None:
    life.market.doubled.update((step.pair, row) for row in _next(life, step))


def corrected(life: Life, step: Step) -> None:
    for row in _next(life, step):
        life.market.provisional(step.pair, row, row + 1 + step.back)


def impossible(life: Life, step: Step) -> None:
    for row in _next(life, step):
        life.market.impossible(step.pair, row, step.what, 1 << 40)


def _next(life: Life, step: Step) -> range:
    return range(life.clock.hour, life.clock.hour + step.count)


def future(life: Life, step: Step) -> None:
    life.ahead.setdefault(step.pair, deque()).extend([step.back] * step.count)


def answer(life: Life, step: Step) -> None:
    life.fails.extend([step.what] * step.count)


def silence(life: Life, step: Step) -> None:
    life.silent.extend([step.what] * step.count)


def clock(life: Life, step: Step) -> None:
    life.clock.wrong_by += step.count
    life.clock.show()


def stop(life: Life, step: Step) -> None:
    _stop(life)
    for _ in range(step.count):
        life.clock.pass_hour()
    life.start()


def _stop(life: Life) -> None:
    for bot in (life.second, life.bot):
        if bot is not None:
            bot.stop()
            life.end(bot)


def kill(life: Life, step: Step) -> None:
    life.after_kill(step.count)


def kill_at(life: Life, step: Step) -> None:
    life.disk.kill_after(step.count)


def full(life: Life, step: Step) -> None:
    life.disk.fill_after(step.count)


def room(life: Life, _step: Step) -> None:
    life.disk.make_room()
    life.fails.clear()
    life.silent.clear()
    if life.bot is None:
        life.start()


def list_(life: Life, step: Step) -> None:
    life.list[:] = step.what.split(",")


def delist(life: Life, step: Step) -> None:
    life.market.delisted.setdefault(step.pair, life.clock.hour)
    if len(life.list) > 1 and step.pair in life.list:
        life.list.remove(step.pair)


def settings(life: Life, step: Step) -> None:
    _stop(life)
    freqai = life.config["freqai"]
    parameters = freqai["model_training_parameters"]
    match step.what:
        case "thresholds":
            parameters |= {
                "use_confidence_thresholding": True,
                "confidence_mode": "balanced",
                "confidence_threshold_long": 0.36,
                "confidence_threshold_short": 0.36,
            }
        case "barriers":
            parameters["long_tp_pct"] = 0.03
        case "epochs":
            parameters["epochs"] = 3
        case "expiration":
            freqai["expiration_hours"] = 6
        case "evidence":
            life.config["dualwindow"]["trade_only_on_evidence"] = "strict"
        case "back":
            life.config = copy.deepcopy(life.base)
    life.start()


def damage(life: Life, step: Step) -> None:
    _stop(life)
    files = sorted(path for path in life.folder.rglob("*") if path.is_file())
    if files:
        file = files[step.count % len(files)]
        with life.disk.aside():
            _damage(file, step.what)
        life.ledger.damaged(life, file)
    life.start()


def _damage(file: Path, kind: str) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    if kind == "cut" or not content:
        file.write_bytes(content[:middle])
    elif kind == "empty":
        file.write_bytes(b"")
    else:
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])


def second(life: Life, step: Step) -> None:
    if life.bot is None:
        return
    life.second_was = True
    try:
        life.second = life.made_bot()
    except OSError:
        return
    for _ in range(step.count):
        life.candle()
    if life.second is not None:
        life.second.stop()
        life.end(life.second)


LIVED: Final[dict[str, Callable[[Any, Step], None]]] = {
    "live": live,
    "busy": busy,
    "train": train,
    "meanwhile": meanwhile,
    "trouble": trouble,
    "late": late,
    "missing": missing,
    "doubled": doubled,
    "corrected": corrected,
    "impossible": impossible,
    "future": future,
    "answer": answer,
    "silence": silence,
    "clock": clock,
    "stop": stop,
    "kill": kill,
    "kill_at": kill_at,
    "full": full,
    "room": room,
    "list": list_,
    "delist": delist,
    "settings": settings,
    "damage": damage,
    "second": second,
}

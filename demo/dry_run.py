"""A live bot without internet: DualWindowLSTM trades a synthetic market in a dry run."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo import faketime
from demo.clock import replay_clock
from demo.dry_run_folder import DryRunFolder, FolderError, Start, private_config
from demo.faults import to_ms
from demo.offline import run_on_exchange
from demo.running import REPOSITORY, exchange_time, running_exchange
from demo.stopping import interrupt_on_signals

USERDIR = REPOSITORY / "user_data" / "dry-run"
OVERLAY = REPOSITORY / "demo" / "dry_run.json"
#: With the exchange's own second or two this stays within 15 s.
STOP_SECONDS = 10.0
#: How long ccxt waits for an answer by default.
ANSWER_MILLISECONDS = 10_000
#: A clock may be corrected by this much: the bot's time may go back so far.
SAME_TIME = timedelta(minutes=1)
FIRST_START = (
    "Loading candles and training a model for each pair takes about a minute; then the bot\n"
    "decides every full minute, and its first trade usually opens within ten minutes."
)
#: Text for the waiting user, by the state of the market.
EXPECT = {
    "new": FIRST_START,
    "renewed": "The last market was nearly over; it was deleted with its models and trades.\n"
    + FIRST_START,
    "resumed": "It resumes at {moment:%Y-%m-%d %H:%M} UTC with the candles, models and trades of\n"
    "the last run: the bot first decides at the next full minute.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Trade until Ctrl-C or SIGTERM; return the exit status."""
    options = _parse(arguments)
    interrupt_on_signals()
    # The exchange and freqtrade run in the repository's root, the user possibly elsewhere.
    folder = DryRunFolder(options.userdir.resolve())
    try:
        with folder.alone():
            return _run(folder, options.speed)
    except FolderError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. {_shown(folder.root)} keeps everything; the same command resumes it.")
        return 0


def _run(folder: DryRunFolder, speed: float) -> int:
    start = folder.prepare(datetime.now(UTC))
    faked = speed != 1.0 or _is_ahead(start)
    if faked and faketime.library() is None:
        print(f"{faketime.WAY_OUT}; or {_way_out(folder, speed)}", file=sys.stderr)
        return 1
    private = private_config(folder, _free_port())
    # A faked clock runs in a socket's timeout too: at speed 20 half a second would be 10.
    private["exchange"] = {"ccxt_config": {"timeout": int(ANSWER_MILLISECONDS * speed)}}
    folder.write_private(private)
    print(_introduction(folder, start, speed, private["api_server"]), flush=True)
    status = _trade(folder, start.moment, speed if faked else None)
    print("freqtrade ended by itself; the reason is in its last lines above", file=sys.stderr)
    return status or 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.dry_run", description=__doc__)
    parser.add_argument("--userdir", type=Path, default=USERDIR, help="kept between runs")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="speed of the clocks of bot and exchange, 1 is real time; needs libfaketime, and "
        "above 30 a computer that trains fast",
    )
    return parser.parse_args(arguments)


def _speed(given: str) -> float:
    speed = float(given)
    if not 1.0 <= speed <= 60.0:
        raise argparse.ArgumentTypeError(f"the speed must be from 1 to 60, not {given}")
    return speed


def _trade(folder: DryRunFolder, moment: datetime, speed: float | None) -> int:
    """Run exchange and bot on real time, or at a speed on a clock that starts at `moment`."""
    market = ["--market", str(folder.market.resolve())]
    clock = [] if speed is None else ["--now", moment.isoformat(), "--speed", f"{speed:g}"]
    configs = [REPOSITORY / "config.json", OVERLAY, folder.private]
    trade = ["trade", "--freqaimodel", "DualWindowLSTM", "--logfile", str(folder.log)]
    with running_exchange([*market, *clock]) as port:
        # The exchange needs time to start, by which the bot must not lag behind it.
        began = exchange_time(port)
        now = replay_clock(to_ms(began), speed or 1.0)

        def remember_the_time() -> None:
            folder.reach(datetime.fromtimestamp(now() / 1000.0, UTC))

        try:
            return run_on_exchange(
                port,
                folder.root,
                [*trade, *(part for path in configs for part in ("-c", str(path)))],
                environment=None if speed is None else faketime.environment(began, speed),
                stop_seconds=STOP_SECONDS,
                meanwhile=remember_the_time,
            )
        finally:
            remember_the_time()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _introduction(folder: DryRunFolder, start: Start, speed: float, server: dict[str, Any]) -> str:
    address = f"http://{server['listen_ip_address']}:{server['listen_port']}"
    lines = [EXPECT[start.market].format(moment=start.moment)]
    if speed != 1.0:
        lines.append(
            f"The bot's clock and the exchange's run {speed:g} times as fast as real time."
        )
    elif _is_ahead(start):
        lines.append("The bot's clock is ahead of real time, because an earlier run was faster.")
    lines.append(f"The market ends on {start.ends:%Y-%m-%d}; a start near its end makes a new one.")
    expect = "\n".join(lines)
    return f"""
A dry run of DualWindowLSTM, live, on an exchange on this machine. No order leaves it, and no price
is real: the market is synthetic, with a planted pattern, and its results hold for no other market.

  candles    {_shown(folder.root)}/data/binance/futures/
  models     {_shown(folder.models)}/dry-run/
  trades     {_shown(folder.database)}
  log        {_shown(folder.log)}
  REST       {address}/api/v1/
             user {server["username"]}, password {server["password"]}, new at every start
  FreqUI     {address}/ once `.venv/bin/freqtrade install-ui` has fetched it
  status     .venv/bin/freqtrade-client -c {_shown(folder.private)} status
  stop       Ctrl-C

{expect}
"""


def _is_ahead(start: Start) -> bool:
    """Whether an earlier, faster run has passed real time."""
    return start.moment > datetime.now(UTC) + SAME_TIME


def _way_out(folder: DryRunFolder, speed: float) -> str:
    if speed != 1.0:
        return "leave out --speed"
    return f"delete {_shown(folder.root)}, where a faster run is ahead of real time"


def _shown(path: Path) -> Path:
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


if __name__ == "__main__":
    sys.exit(main())

"""Run the demo exchange on loopback: `python -m demo.serve --synthetic BTC/USDT:USDT`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import uvicorn

from demo.clock import Clock, replay_clock, wall_clock
from demo.exchange import create_app
from demo.faults import AnyFault, read_faults
from demo.faulty_answers import DroppableProtocol
from demo.listing import Listing
from demo.market import MarketSpec
from demo.market_file import read_markets
from demo.sources import market_listings, recorded_listings, synthetic_listings

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
#: Days of a synthetic market after now; then its last price stays.
DAYS_AHEAD = 2
PARENT_CHECK_SECONDS = 0.2
SHUTDOWN_SECONDS = 1
#: A bot sends a request every 5 s; a connection closed after as long would sometimes break one.
KEEP_ALIVE_SECONDS = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent process; return the exit status.

    Prints one line of JSON, `{"host": ..., "port": ..., "pairs": [...], "synthetic": ...}`, when it
    is ready for requests.
    """
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    clock = wall_clock
    if options.now is not None:
        clock = replay_clock(_ms(options.now), options.speed, options.since)
    listings = _listings(options, clock)
    listener = socket.create_server((options.host, options.port))
    port = listener.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(listings, clock, options.faults),
            http=DroppableProtocol,
            log_level="warning",
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )
    _end_with(server, options.parent)
    synthetic = any(listing.synthetic for listing in listings)
    if synthetic:
        logger.warning("The prices of this exchange are synthetic: they were never traded.")
    pairs = [listing.pair for listing in listings]
    ready = {"host": options.host, "port": port, "pairs": pairs, "synthetic": synthetic}
    # The socket listens already: a request before the server runs waits in its queue.
    print(json.dumps(ready), flush=True)
    server.run(sockets=[listener])
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.serve", description=__doc__)
    parser.add_argument("--host", default=HOST, type=_loopback, help="127.0.0.1 only")
    parser.add_argument("--port", default=0, type=int, help="0 takes a free one")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--datadir", type=Path, help="freqtrade's folder of feather files")
    source.add_argument(
        "--synthetic", nargs="+", metavar="PAIR", help="pairs of a synthetic market"
    )
    source.add_argument(
        "--market", type=Path, metavar="FILE", help="synthetic pairs, see demo.market_file"
    )
    parser.add_argument("--seed", default=0, type=int, help="seed of the synthetic market")
    parser.add_argument("--days", default=90, type=int, help="synthetic days before now")
    parser.add_argument(
        "--drift", default=MarketSpec.drift_strength, type=float, help="planted pattern, 0 for none"
    )
    parser.add_argument("--now", type=datetime.fromisoformat, help="time to replay from, UTC")
    parser.add_argument("--speed", default=1.0, type=float, help="of the replay, 1 is real time")
    parser.add_argument(
        "--faults",
        type=_faults,
        default=[],
        metavar="FILE",
        help="deliberate faults, see demo.faults",
    )
    parser.add_argument(
        "--since", type=float, help="when the replay began, real seconds since 1970 (default: now)"
    )
    parser.add_argument(
        "--parent", default=os.getppid(), type=int, help="process whose end ends this one"
    )
    return parser.parse_args(arguments)


def _loopback(host: str) -> str:
    if host != HOST:
        raise argparse.ArgumentTypeError(f"the demo exchange listens on {HOST} only, not on {host}")
    return host


def _faults(path: str) -> list[AnyFault]:
    try:
        return read_faults(Path(path))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _listings(options: argparse.Namespace, clock: Clock) -> list[Listing]:
    try:
        if options.datadir is not None:
            return recorded_listings(options.datadir)
        if options.market is not None:
            return market_listings(read_markets(options.market))
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from error
    now = datetime.fromtimestamp(clock() / 1000.0, tz=UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    spec = MarketSpec(
        seed=options.seed,
        days=options.days + DAYS_AHEAD,
        start=midnight - timedelta(days=options.days),
        drift_strength=options.drift,
    )
    return synthetic_listings(options.synthetic, spec)


def _ms(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000.0)


def _end_with(server: uvicorn.Server, parent: int) -> None:
    """Stop the server on a signal, and when `parent` is no longer this process's parent."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises the signal again for the earlier handler, which must not end this process.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)

    def watch() -> None:
        # A process whose parent was killed gets another parent, which is the only sign of it.
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        server.should_exit = True

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())

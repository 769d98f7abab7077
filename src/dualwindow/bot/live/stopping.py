"""The end of a bot that is stopped before it has started.

freqtrade clears up after an error at its start, but not after a signal: the threads of its REST
server, Telegram and message consumer go on, and Python waits for them for ever.
"""

from __future__ import annotations

import threading
from typing import Any

from freqtrade.strategy.interface import IStrategy


def end_with_main_thread(strategy: IStrategy) -> threading.Thread:
    """Clear up for a strategy's bot when the main thread has ended and another keeps the process.

    After an ordinary stop no thread is left, and nothing is done.

    Returns:
        The waiting thread, which keeps no process alive.
    """
    watch = threading.Thread(target=_clear_up, args=(strategy,), name="DualWindowStop", daemon=True)
    watch.start()
    return watch


def _clear_up(strategy: IStrategy) -> None:
    main = threading.main_thread()
    main.join()
    if any(thread.is_alive() and not thread.daemon for thread in _others(main)):
        bot = _bot_of(strategy)
        if bot is not None:
            bot.cleanup()


def _others(main: threading.Thread) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread is not main]


def _bot_of(strategy: IStrategy) -> Any:
    """The bot of freqtrade, which a strategy knows through its data provider's messages alone."""
    messages = getattr(getattr(strategy, "dp", None), "_DataProvider__rpc", None)
    return getattr(getattr(messages, "_rpc", None), "_freqtrade", None)

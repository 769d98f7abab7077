"""The pairs that a running bot trains: what the whitelist holds now, one pair a base coin.

FreqAI fills its queue from the names in `exchange.pair_whitelist` when it starts. A pattern or a
dynamic pairlist names no pair there, and pairs come and go while the bot runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)


class TrainedPairs:
    """Follows the whitelist; the candle loop tells, the training thread reads.

    Args:
        bind: binds a base coin's models to a pair; returns the pair that they belong to, another
            one when they are taken.
    """

    def __init__(self, bind: Callable[[str], str]) -> None:
        self._bind = bind
        self._seen: tuple[str, ...] | None = None
        self._refused: dict[str, str] = {}
        #: In the order of the whitelist; replaced and never changed, so that threads may read it.
        self.now: tuple[str, ...] = ()

    def follow(self, whitelist: Sequence[str]) -> None:
        """Take over the whitelist of this candle; changes are logged."""
        wanted = tuple(dict.fromkeys(whitelist))
        if wanted == self._seen:
            return
        self._seen = wanted
        before = self.now
        staying = {base_coin(pair): pair for pair in before if pair in wanted}
        admitted = {pair for pair in wanted if self._is_admitted(pair, staying)}
        self.now = tuple(pair for pair in wanted if pair in admitted)
        self._refused = {pair: owner for pair, owner in self._refused.items() if pair in wanted}
        came = [pair for pair in self.now if pair not in before]
        gone = [pair for pair in before if pair not in admitted]
        if came:
            logger.info("in the whitelist now, and trained: %s", ", ".join(came))
        if gone:
            logger.info(
                "no longer in the whitelist, or refused, so not trained: %s", ", ".join(gone)
            )

    def _is_admitted(self, pair: str, staying: dict[str, str]) -> bool:
        """Whether a pair is trained; one of a base coin that is taken is refused, with one line."""
        base = base_coin(pair)
        owner = staying.get(base) or self._bind(pair)
        if owner == pair:
            staying[base] = pair
            return True
        if self._refused.get(pair) != owner:
            self._refused[pair] = owner
            logger.warning(
                "%s is not trained and not traded: FreqAI names models by the base coin alone, and "
                "those of %s belong to %s; take one of both from the pairlist, or give this pair a "
                "bot with another freqai.identifier",
                pair,
                base,
                owner,
            )
        return False

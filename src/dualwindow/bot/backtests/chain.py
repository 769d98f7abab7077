"""The chain of a backtest's trainings: a slice begins from the model of the slice before it.

What a slice's model is depends on the data, the settings and the slice's place alone: a saved model
that began from another one than the slice before has now is trained again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dualwindow.bot.backtests.review import Slice
from dualwindow.errors import ModelFileError
from dualwindow.models.chain.former import Chain, FormerModel, chain_from
from dualwindow.models.chain.obstacles import full_is_due
from dualwindow.settings import TrainingConfig


class SliceChain:
    """The chain of one pair.

    Args:
        slices: of the backtest, in order.
        is_sound: whether the saved model of a slice is of the candles of now.
        config: settings of the training.
    """

    def __init__(
        self, slices: Sequence[Slice], is_sound: Callable[[Slice], bool], config: TrainingConfig
    ) -> None:
        self._before = dict(zip([part.begin for part in slices], [None, *slices], strict=False))
        self._is_sound = is_sound
        self._config = config

    def begin(self, part: Slice) -> Chain:
        """How the training of a slice begins."""
        before = self._before[part.begin]
        if before is None:
            return Chain()
        if not self._is_sound(before):
            return Chain(absent="the model of the slice before it is of other candles")
        return chain_from(before.model, before.filename)

    def holds(self, part: Slice) -> bool:
        """Whether the saved model of a slice began as it would begin now.

        True where that cannot be known, because a model is not there or not whole.
        """
        try:
            link = FormerModel.load(part.model, part.filename).model.link
            before = self._before[part.begin]
            if before is None:
                return link is not None and link.former is None
            former = FormerModel.load(before.model, before.filename)
        except ModelFileError:
            return True
        if not self._is_sound(before):
            return True
        expected = None if full_is_due(former, self._config) else former.sha256
        return link is not None and link.former == expected

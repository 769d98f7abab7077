"""A training of a chain: warm from the former model where it may be and is no worse, else full."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import Split, ends_of
from dualwindow.models.chain.former import Chain, FormerModel
from dualwindow.models.chain.link import ChainLink
from dualwindow.models.chain.obstacles import full_is_due, obstacle
from dualwindow.models.freqai_folders import warm_checkpoint
from dualwindow.models.identifier.made_from import BLOCK
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import TrainingSession
from dualwindow.training.trainer import FittedNetwork, Trainer

logger = logging.getLogger(__name__)

#: Share by which the loss of a warm training may lie above the former model's: two losses on the
#: same few weeks differ by that much without a meaning.
TOLERANCE: Final = 0.01


class ChainTraining:
    """Trains one network of a chain; the arguments are those of `Trainer`.

    Args:
        session: with the chain.
        name: of the training, for the log.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        config: TrainingConfig,
        session: TrainingSession,
        *,
        name: str,
    ) -> None:
        self._dataset = dataset
        self._split = split
        self._config = config
        self._session = session
        self._chain = session.chain or Chain()
        self._name = name

    def fit(self) -> FittedNetwork:
        """Train warm or fully; one line in the log tells which, and why fully.

        Raises:
            DualWindowError: those of `Trainer`.
        """
        former = self._chain.former
        reason = self._chain.absent
        if former is not None:
            reason = obstacle(former, self._split, self._config, self._chain.candles)
            if reason is None:
                warm = self._warm(former)
                reason = worse(warm)
                if reason is None:
                    return warm
        if reason is not None:
            logger.info("%s: a full training, because %s", self._name, reason)
        return self._full(former)

    def _warm(self, former: FormerModel) -> FittedNetwork:
        link = former.model.link
        assert link is not None, "obstacle has looked"
        number = link.retrainings + 1
        logger.debug(
            "%s: warm retraining %d of %d from its last model",
            self._name,
            number,
            self._config.warm_retrainings,
        )
        path = self._session.checkpoint_path
        session = replace(self._session, checkpoint_path=path and warm_checkpoint(Path(path)))
        config = warm_settings(self._config)
        fitted = Trainer(self._dataset, self._split, config, session, former).fit()
        return replace(fitted, link=self._link(former.sha256, number, link))

    def _full(self, former: FormerModel | None) -> FittedNetwork:
        fitted = Trainer(self._dataset, self._split, self._config, self._session).fit()
        tried = None if former is None or full_is_due(former, self._config) else former.sha256
        return replace(fitted, link=self._link(tried, 0, None))

    def _link(self, former: str | None, number: int, before: ChainLink | None) -> ChainLink:
        fitted, chosen = self._reach(self._split.train), self._reach(self._split.chosen_by)
        if before is not None:
            fitted = max(fitted, before.fitted_until)
            chosen = max(chosen, before.chosen_until)
        elif (start := self._session.start) is not None:
            # The first second that a pretrained model has not seen.
            fitted = max(fitted, start.origin.seen_until - 1)
        sums = None
        if (candles := self._chain.candles) is not None:
            block = BLOCK * self._dataset.candle_seconds
            first = int(self._dataset.seconds[0])
            sums = candles.sums(first, fitted + self._dataset.candle_seconds, block)
        return ChainLink(former, number, fitted, chosen, sums)

    def _reach(self, rows: Selection) -> int:
        """Last second that a label of the rows looks at."""
        ahead = self._config.future_window * self._dataset.candle_seconds
        return ends_of(rows)[1] + ahead


def warm_settings(config: TrainingConfig) -> TrainingConfig:
    """The settings of a warm training: a fixed number of epochs."""
    epochs = config.warm_epochs
    return config.replace(epochs=epochs, early_stopping_patience=epochs)


def worse(warm: FittedNetwork) -> str | None:
    """Why a warm training is not kept, by its loss on the choosing rows; None where it is."""
    before = warm.before
    assert before is not None, "only warm trainings are compared"
    loss = warm.history[warm.best_epoch - 1].validation_loss
    if loss > before.prior:
        return f"the warm one has a loss of {loss:.4f}, the class shares alone {before.prior:.4f}"
    if loss > before.former * (1 + TOLERANCE):
        return f"the warm one has a loss of {loss:.4f}, its last model {before.former:.4f}"
    return None

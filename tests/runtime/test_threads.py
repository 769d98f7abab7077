"""Shares of a batch give what the whole batch gives, and no thread's number leaks into another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.models.mirror import mirror_of
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.predict import predict_rows
from dualwindow.runtime import threads as compute_threads
from dualwindow.runtime.threads import ComputeThreads, prediction_threads
from dualwindow.settings import TrainingConfig
from dualwindow.training.gradient_step import GradientStep, optimizer_of

CPU = torch.device("cpu")
NAMES = ("high_change", "low_change", "close_change", "volume_change")
CONFIG = TrainingConfig(window_size=20, patch_size=5, lstm_units=(16, 8), dense_units=(8,))


def network(seed: int = 0) -> DualWindowNetwork:
    torch.manual_seed(seed)
    shape = NetworkShape.from_settings(CONFIG, NAMES)
    return DualWindowNetwork(shape, [0.0] * 4, [1.0] * 4, mirror_of(NAMES))


def batch(rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    windows = torch.randn(rows, 20, 4, generator=generator)
    labels = torch.randint(0, 3, (rows,), generator=generator)
    return windows, labels, network().draw_dropout(rows, generator)


def step_of(
    model: DualWindowNetwork, threads: ComputeThreads, dtype: torch.dtype = torch.float32
) -> GradientStep:
    weights = torch.tensor([2.0, 0.5, 1.0])
    optimizer = optimizer_of(model, CONFIG)
    return GradientStep(
        model, optimizer, class_weights=weights, clip=1.0, dtype=dtype, threads=threads
    )


def gradients(count: int, rows: int) -> tuple[float, list[torch.Tensor]]:
    model = network()
    with ComputeThreads(count) as threads:
        loss = step_of(model, threads).gradients(*batch(rows))
    return loss.item(), [parameter.grad.clone() for parameter in model.parameters()]  # type: ignore[union-attr]


@pytest.mark.parametrize("rows", [1, 2, 7, 16, 33, 256])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_shares_have_the_gradient_of_the_whole_batch(count: int, rows: int) -> None:
    loss, whole = gradients(1, rows)
    shared_loss, shared = gradients(count, rows)
    assert shared_loss == pytest.approx(loss, abs=1e-6)
    for one, other in zip(whole, shared, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_the_gradient_is_that_of_the_mean_weighted_loss() -> None:
    model = network()
    windows, labels, dropout = batch(40)
    weights = torch.tensor([2.0, 0.5, 1.0])
    losses = torch.nn.functional.cross_entropy(model(windows, dropout), labels, reduction="none")
    (losses * weights[labels]).mean().backward()
    expected = [parameter.grad for parameter in model.parameters()]
    _, found = gradients(3, 40)
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def trained(count: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    model = network()
    with ComputeThreads(count) as threads:
        step = step_of(model, threads, dtype)
        for seed in range(5):
            step(*batch(64, seed))
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_as_many_threads_give_identical_weights_every_time() -> None:
    first = trained(3)
    for _ in range(3):
        again = trained(3)
        assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    alone = trained(1)
    for one, other in zip(first, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_threads_train_in_half_precision_too() -> None:
    exact, half = trained(1), trained(2, torch.bfloat16)
    assert all(torch.isfinite(each).all() for each in half)
    assert not all(torch.equal(one, other) for one, other in zip(exact, half, strict=True))
    for one, other in zip(exact, half, strict=True):
        torch.testing.assert_close(one, other, atol=0.03, rtol=0.1)


@pytest.mark.parametrize("rows", [1, 5, 300, 700])
def test_predictions_are_the_same_with_any_number_of_threads(rows: int) -> None:
    features = np.random.default_rng(0).normal(size=(rows + 19, 4)).astype(np.float32)
    stream = WindowStream(features, 20)
    ends = np.arange(19, rows + 19)

    def predict(count: int) -> np.ndarray:
        with ComputeThreads(count) as threads:
            return predict_rows(network(), stream, ends, CPU, threads=threads)

    alone = predict(1)
    np.testing.assert_allclose(alone.sum(axis=1), 1, atol=1e-6)
    for count in (2, 3):
        np.testing.assert_allclose(predict(count), alone, atol=1e-6)


def thread_counts_in(run: Callable[[], None]) -> list[int]:
    """Torch's threads here, in a thread made before, in one made during and in one made after."""
    found: dict[str, int] = {}
    during, over = threading.Event(), threading.Event()

    def early() -> None:
        torch.get_num_threads()
        during.wait()
        over.wait()
        found["early"] = torch.get_num_threads()

    thread = threading.Thread(target=early)
    thread.start()
    during.set()
    run()
    over.set()
    thread.join()
    for name in ("late", "later"):
        later = threading.Thread(target=lambda at=name: found.update({at: torch.get_num_threads()}))
        later.start()
        later.join()
    return [torch.get_num_threads(), found["early"], found["late"], found["later"]]


@pytest.mark.parametrize("before", [1, 2, 3])
def test_threads_compute_alone_and_tell_nobody(before: int) -> None:
    torch.set_num_threads(before)
    try:
        seen: list[int] = []

        def run() -> None:
            with ComputeThreads(2) as threads:
                seen.extend(threads.run([torch.get_num_threads] * 2))
                step_of(network(), threads)(*batch(64))
                made: list[int] = []
                other = threading.Thread(target=lambda: made.append(torch.get_num_threads()))
                other.start()
                other.join()
                assert made == [before]

        assert thread_counts_in(run) == [before] * 4
        assert seen == [1, 1]
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(("before", "expected"), [(1, 1), (2, 1), (4, 3)])
def test_a_training_in_the_background_leaves_a_core_and_gives_way(
    before: int, expected: int
) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    seen: list[tuple[int, int]] = []
    counts: list[int] = []

    def train() -> None:
        with ComputeThreads.for_training(CPU, in_background=True) as threads:
            counts.append(threads.count)
            seen.extend(threads.run([lambda: (torch.get_num_threads(), niceness())] * 3))
            seen.append((torch.get_num_threads(), niceness()))

    torch.set_num_threads(before)
    normal = niceness()
    try:
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
        # Whoever decides meanwhile keeps its threads and its place in the queue.
        assert (torch.get_num_threads(), niceness()) == (before, normal)
    finally:
        torch.set_num_threads(1)
    assert counts == [expected]
    assert seen == [(1, compute_threads.BACKGROUND_NICENESS)] * 4


def test_a_task_that_fails_is_raised_after_the_others_and_the_threads_go_on() -> None:
    done: list[int] = []

    def fail() -> int:
        raise ValueError("broken share")

    def work() -> int:
        done.append(1)
        return 7

    with ComputeThreads(2) as threads:
        with pytest.raises(ValueError, match="broken share"):
            threads.run([fail, work, work])
        assert done == [1, 1]
        assert threads.run([work, work]) == [7, 7]


def test_results_come_in_the_order_of_the_tasks() -> None:
    barrier = threading.Barrier(2)

    def first() -> str:
        # Ends after the second one has begun.
        barrier.wait()
        return "first"

    def second() -> str:
        barrier.wait()
        return "second"

    with ComputeThreads(2) as threads:
        assert threads.run([first, second]) == ["first", "second"]


@given(rows=st.integers(0, 5000), count=st.integers(1, 9))
def test_shares_cover_a_batch_once_and_are_nearly_equal(rows: int, count: int) -> None:
    shares = ComputeThreads.shares(_Counted(count), rows)  # type: ignore[arg-type]
    assert [row for share in shares for row in range(rows)[share]] == list(range(rows))
    sizes = [share.stop - share.start for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) <= count
    assert len(sizes) == 1 or min(sizes) >= compute_threads.SMALLEST_SHARE


@given(rows=st.integers(0, 5000), count=st.integers(1, 9), tasks=st.integers(1, 9))
def test_shares_of_several_tasks_leave_no_thread_idle(rows: int, count: int, tasks: int) -> None:
    shares = ComputeThreads.shares(_Counted(count), rows, tasks)  # type: ignore[arg-type]
    assert [row for share in shares for row in range(rows)[share]] == list(range(rows))
    enough = rows >= count * compute_threads.SMALLEST_SHARE
    assert not enough or len(shares) * tasks % count == 0
    assert len(shares) <= count


class _Counted:
    parts = ComputeThreads.parts

    def __init__(self, count: int) -> None:
        self.count = count


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    with ComputeThreads(4) as threads:
        threads.run([lambda: None] * 4)
        assert before < threading.active_count() <= before + 4
    assert threading.active_count() == before


def test_predictions_share_their_threads() -> None:
    assert prediction_threads(CPU) is prediction_threads(CPU)
    assert prediction_threads(CPU).count == torch.get_num_threads()
    assert prediction_threads(torch.device("cuda")).count == 1


def test_there_is_at_least_one_thread() -> None:
    with pytest.raises(ValueError, match="at least 1 thread"):
        ComputeThreads(0)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from dualwindow.columns import CLASS_NAMES
from dualwindow.evaluation.classification import confusion_of
from dualwindow.evaluation.reliability import Reliability, ReliabilityCurve
from dualwindow.evaluation.thresholds import ThresholdFigures
from dualwindow.report.pooling import (
    merged,
    pooled_confusion,
    pooled_reliability,
    pooled_threshold,
    wilson,
)
from tests.makers.evaluation_cases import Case, cases

Cases = st.lists(cases(), min_size=1, max_size=4)


@given(parts=Cases)
def test_confusion_matrices_add_up_to_that_of_all_rows(parts: list[Case]) -> None:
    matrices = [confusion_of(each.labels, each.probabilities.argmax(axis=1)) for each in parts]
    labels, probabilities = _together(parts)
    whole = confusion_of(labels, probabilities.argmax(axis=1))
    assert pooled_confusion(each.tolist() for each in matrices) == whole.tolist()


@given(parts=Cases)
def test_reliability_of_parts_is_that_of_all_rows(parts: list[Case]) -> None:
    whole = Reliability.from_probabilities(*_together(parts))
    found = [Reliability.from_probabilities(each.labels, each.probabilities) for each in parts]
    for name in CLASS_NAMES:
        pooled, expected = (
            pooled_reliability([each.classes[name] for each in found]),
            whole.classes[name],
        )
        assert pooled.count == expected.count
        assert pooled.stated == pytest.approx(expected.stated)
        assert pooled.observed == pytest.approx(expected.observed)
        assert pooled.error == pytest.approx(expected.error)


@given(parts=Cases, threshold=st.floats(0.2, 1.0))
def test_a_threshold_lets_through_of_all_rows_what_it_does_of_the_parts(
    parts: list[Case], threshold: float
) -> None:
    labels, probabilities = _together(parts)
    whole = ThresholdFigures.from_probabilities(labels == 0, probabilities[:, 0], threshold)
    pooled = pooled_threshold(
        [
            (
                len(each.labels),
                ThresholdFigures.from_probabilities(
                    each.labels == 0, each.probabilities[:, 0], threshold
                ),
            )
            for each in parts
        ]
    )
    assert pooled.coverage == pytest.approx(whole.fires)
    assert pooled.precision == (None if whole.above is None else pytest.approx(whole.above))


def _together(parts: list[Case]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.concatenate([each.labels for each in parts]),
        np.concatenate([each.probabilities for each in parts]),
    )


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20
    ),
    st.integers(1, 400),
)
def test_merged_bins_hold_every_row_and_none_is_of_a_handful(
    bins: list[tuple[int, float, float]], fewest: int
) -> None:
    count, stated, observed = (list(column) for column in zip(*bins, strict=True))
    curve = ReliabilityCurve(count, sorted(stated), observed, 0.1)
    found = merged(curve, fewest)
    assert sum(found.count) == sum(count)
    assert min(found.count) >= min(fewest, sum(count))
    for own, of in ((found.stated, curve.stated), (found.observed, curve.observed)):
        assert np.dot(found.count, own) == pytest.approx(np.dot(count, of))
    assert (np.diff(found.stated) > -1e-12).all()
    assert found.error == curve.error


@pytest.mark.parametrize("right", range(0, 41, 8))
def test_intervals_of_shares_are_those_of_scipy(right: int) -> None:
    slow = binomtest(right, 40).proportion_ci(method="wilson")
    assert wilson(right / 40, 40) == pytest.approx((slow.low, slow.high), abs=1e-4)

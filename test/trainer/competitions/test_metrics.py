"""Metrics against definitions written otherwise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterant.competitions.metrics import area_under_roc_curve, log_loss, root_mean_squared_log_error

rows = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=2, max_size=30)


@given(rows)
def test_the_area_is_the_share_of_pairs_that_are_ranked_right(rows: list[tuple[int, float]]) -> None:
    positives = [score for label, score in rows if label == 1]
    negatives = [score for label, score in rows if label == 0]
    truth, scores = np.array(rows, dtype=float).T
    if not positives or not negatives:
        with pytest.raises(ValueError, match="only one class"):
            area_under_roc_curve(truth, scores)
        return
    pairs = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    assert area_under_roc_curve(truth, scores) == pytest.approx(sum(pairs) / len(pairs))


def test_the_log_loss_of_even_shares_is_the_logarithm_of_their_count() -> None:
    truth = np.eye(3)
    assert log_loss(truth, np.full((3, 3), 1 / 3)) == pytest.approx(math.log(3))


def test_a_sure_mistake_costs_36_and_a_sure_hit_nothing() -> None:
    truth = np.eye(3)
    assert round(log_loss(truth, truth[[1, 2, 0]]), 2) == 36.04
    assert log_loss(truth, truth) == pytest.approx(0, abs=1e-12)


def test_the_log_error_is_that_of_one_more() -> None:
    truth, predictions = np.array([0.0, math.e - 1]), np.array([math.e - 1, math.e - 1])
    assert root_mean_squared_log_error(truth, predictions) == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize("value", [-1.0, -2.0, math.nan, math.inf])
def test_the_log_error_refuses_what_has_no_logarithm(value: float) -> None:
    with pytest.raises(ValueError, match="finite predictions above -1"):
        root_mean_squared_log_error(np.array([1.0]), np.array([value]))

"""The three metrics that the competitions use, on arrays that have been checked.

Knows neither files nor submissions. Each is scikit-learn's of the same name in what it returns; the graders need
numpy alone, so that a grading process starts in a tenth of a second.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def area_under_roc_curve(truth: Floats, scores: Floats) -> float:
    """The share of pairs of a positive and a negative that are ranked right; ties count half.

    truth   [N] float64, 1 for a positive, 0 for a negative; both must occur
    scores  [N] float64, finite
    Returns a number in [0, 1]. Raises ValueError if only one class occurs.
    """
    positive = truth == 1
    positive_count = int(positive.sum())
    negative_count = len(truth) - positive_count
    if positive_count == 0 or negative_count == 0:
        raise ValueError("only one class is among the answers: the area under the curve is not defined")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_ranks = last - (counts - 1) / 2  # ranks from 1; equal scores share the mean of theirs
    rank_sum = float(mean_ranks[inverse][positive].sum())
    return (rank_sum - positive_count * (positive_count + 1) / 2) / (positive_count * negative_count)


def log_loss(truth: Floats, probabilities: Floats) -> float:
    """Minus the mean logarithm of the probability given to the true class.

    truth          [N, C] float64, one 1 a row
    probabilities  [N, C] float64 in [0, 1], rows sum to 1; clipped to [eps, 1 - eps] of float64, so that a sure
                   mistake costs 36.04 and not infinity
    """
    epsilon = np.finfo(np.float64).eps
    clipped = np.clip(probabilities, epsilon, 1 - epsilon)
    return float(-(truth * np.log(clipped)).sum(axis=1).mean())


def root_mean_squared_log_error(truth: Floats, predictions: Floats) -> float:
    """The root of the mean squared difference of log(1 + x).

    truth, predictions  [N] float64, finite and above -1. Raises ValueError otherwise.
    """
    if not (np.isfinite(predictions).all() and (predictions > -1).all()):
        raise ValueError("the logarithmic error needs finite predictions above -1")
    return float(np.sqrt(np.mean((np.log1p(truth) - np.log1p(predictions)) ** 2)))

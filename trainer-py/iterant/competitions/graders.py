"""The rules by which a submission is graded, each with the edges that mlebench's grader of the same kind has.

A rule is made for its columns and then takes a submission and the answers as tables. It returns the score, not
rounded; it raises InvalidSubmissionError where mlebench gives no score, and any other exception is a fault of ours.
Stricter than mlebench in what is no edge but an accident: two columns of one name, a key that occurs twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from iterant.competitions.metrics import Floats, area_under_roc_curve, log_loss, root_mean_squared_log_error
from iterant.competitions.table import InvalidSubmissionError, Table

GradeFunction = Callable[[Table, Table], float]

# mlebench compares with numpy.isclose, which adds its own relative tolerance of 1e-5 to the 1e-6 that is asked for.
SUM_TOLERANCE = 1e-6 + 1e-5


@dataclass(frozen=True)
class Grader:
    """A rule and what mlebench calls it."""

    name: str
    grade: GradeFunction


def area_under_curve(key: str, target: str) -> GradeFunction:
    """The area under the ROC curve. Rows in any order, further columns ignored, scores in [0, 1]; booleans will do."""

    def grade(submission: Table, answers: Table) -> float:
        scores = submission.numbers(target)
        _check_length(submission, answers)
        _check_unit_interval(scores, target)
        order = _alignment(submission.texts(key), answers.texts(key))
        return area_under_roc_curve(answers.numbers(target), scores[order])

    return grade


def class_log_loss(key: str, classes: Sequence[str]) -> GradeFunction:
    """Multi-class log loss. The key first, then each class once in any order; rows of probabilities that sum to 1."""

    def grade(submission: Table, answers: Table) -> float:
        _check_length(submission, answers)
        if len(submission.columns) != len(classes) + 1 or submission.columns[0] != key:
            raise InvalidSubmissionError(f"the columns must be {key} and then {', '.join(classes)}, nothing else")
        probabilities = np.stack([submission.numbers(name) for name in classes], axis=1)
        if not (np.abs(probabilities.sum(axis=1) - 1) <= SUM_TOLERANCE).all():
            raise InvalidSubmissionError("the probabilities of a row do not sum to 1")
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise InvalidSubmissionError("a probability is not between 0 and 1")
        order = _alignment(submission.texts(key), answers.texts(key))
        truth = np.stack([answers.numbers(name) for name in classes], axis=1)
        return log_loss(truth, probabilities[order])

    return grade


def mean_log_error(targets: Sequence[str]) -> GradeFunction:
    """The mean over columns of the root mean squared log error.

    Rows are taken as they come: there is no key, and a shuffled submission only scores worse. Values above -1 will
    do, mildly negative ones too.
    """

    def grade(submission: Table, answers: Table) -> float:
        predictions = [submission.numbers(target) for target in targets]
        _check_length(submission, answers)
        for target, column in zip(targets, predictions, strict=True):
            if not (np.isfinite(column) & (column > -1)).all():
                raise InvalidSubmissionError(f"a value in column '{target}' is missing, infinite, or not above -1")
        truths = [answers.numbers(target) for target in targets]
        errors = [root_mean_squared_log_error(*pair) for pair in zip(truths, predictions, strict=True)]
        return sum(errors) / len(errors)

    return grade


def mean_column_auc(key: str, targets: Sequence[str]) -> GradeFunction:
    """The mean over columns of the area under the ROC curve.

    Every target must be there and nothing else, but columns are compared by their place: permuted names are not put
    right. Scores need not be probabilities. Rows whose answers are -1 are left out.
    """

    def grade(submission: Table, answers: Table) -> float:
        missing = [name for name in (key, *targets) if name not in submission.columns]
        if missing:
            raise InvalidSubmissionError(f"no column '{missing[0]}'")
        _check_length(submission, answers)
        places = [name for name in submission.columns if name != key]
        if len(places) != len(targets):
            raise InvalidSubmissionError(f"{len(places)} columns besides {key} instead of {len(targets)}")
        scores = np.stack([submission.numbers(name) for name in places], axis=1)
        order = _alignment(submission.texts(key), answers.texts(key))
        truth = np.stack([answers.numbers(name) for name in targets], axis=1)
        is_graded = truth.sum(axis=1) >= 0
        truth, scores = truth[is_graded], scores[order][is_graded]
        # Only of the rows that are graded, as upstream: it has dropped the others by then.
        if not np.isfinite(scores).all():
            raise InvalidSubmissionError("a score is missing or infinite")
        areas = [area_under_roc_curve(truth[:, at], scores[:, at]) for at in range(len(targets))]
        return float(np.mean(areas))

    return grade


def _check_length(submission: Table, answers: Table) -> None:
    if len(submission) != len(answers):
        raise InvalidSubmissionError(f"{len(submission)} rows instead of {len(answers)}")


def _check_unit_interval(scores: Floats, target: str) -> None:
    if not ((scores >= 0) & (scores <= 1)).all():  # False for NaN as well
        raise InvalidSubmissionError(f"a value in column '{target}' is missing or not between 0 and 1")


def _alignment(keys: Sequence[str], wanted: Sequence[str]) -> "np.ndarray":
    """Where the row of each wanted key stands. As many keys as are wanted: if one occurs twice, another is missing."""
    places = {key: at for at, key in enumerate(keys)}
    try:
        return np.array([places[key] for key in wanted], dtype=np.intp)
    except KeyError as missing:
        raise InvalidSubmissionError(f"no row for {str(missing)[:80]}") from None

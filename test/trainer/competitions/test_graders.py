"""The edges of each rule: what mlebench's grader of the same kind accepts, and what it gives no score for."""

from collections.abc import Sequence

import pytest

from iterant.competitions.graders import (
    GradeFunction,
    area_under_curve,
    class_log_loss,
    mean_column_auc,
    mean_log_error,
)
from iterant.competitions.spec import csv_bytes
from iterant.competitions.table import InvalidSubmissionError, read_table

Rows = Sequence[Sequence[str]]

CLASSES = ["EAP", "HPL", "MWS"]
LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]


def score(rule: GradeFunction, answers: tuple[list[str], Rows], columns: list[str], rows: Rows) -> float | None:
    """Rounded as it is reported; None where the submission is invalid."""
    try:
        return round(rule(read_table(csv_bytes(columns, rows)), read_table(csv_bytes(*answers))), 5)
    except InvalidSubmissionError:
        return None


class TestAreaUnderCurve:
    rule = staticmethod(area_under_curve(key="id", target="label"))
    answers = (["id", "label"], [("a", "0"), ("b", "0"), ("c", "1"), ("d", "1")])

    def score(self, *values: str, ids: str = "abcd", columns: tuple[str, str] = ("id", "label")) -> float | None:
        return score(self.rule, self.answers, list(columns), list(zip(ids, values, strict=True)))

    def test_probabilities_labels_and_booleans_are_accepted(self) -> None:
        assert self.score("0.1", "0.4", "0.35", "0.8") == 0.75
        assert self.score("0", "0", "1", "1") == 1
        assert self.score("False", "False", "True", "True") == 1
        assert self.score("0.5", "0.5", "0.5", "0.5") == 0.5

    def test_rows_may_stand_in_any_order(self) -> None:
        assert self.score("0.8", "0.1", "0.35", "0.4", ids="dacb") == 0.75

    def test_a_further_column_does_no_harm(self) -> None:
        rows = [(key, "x", value) for key, value in zip("abcd", "0011", strict=True)]
        assert score(self.rule, self.answers, ["id", "note", "label"], rows) == 1

    @pytest.mark.parametrize("value", ["1.01", "-0.01", "", "nan", "yes", "inf", "True"])
    def test_a_value_that_is_no_probability_gives_no_score(self, value: str) -> None:
        assert self.score("0.1", "0.4", "0.35", value) is None

    def test_other_rows_than_the_answers_give_no_score(self) -> None:
        assert self.score("0", "0", "1", ids="abc") is None
        assert self.score("0", "0", "1", "1", "1", ids="abcde") is None
        assert self.score("0", "0", "1", "1", ids="abce") is None
        assert self.score("0", "0", "1", "1", ids="abcc") is None

    def test_a_missing_column_gives_no_score(self) -> None:
        assert self.score("0", "0", "1", "1", columns=("id", "Label")) is None
        assert self.score("0", "0", "1", "1", columns=("ID", "label")) is None


class TestClassLogLoss:
    rule = staticmethod(class_log_loss(key="id", classes=CLASSES))
    answers = (["id", *CLASSES], [("a", "1", "0", "0"), ("b", "0", "1", "0"), ("c", "0", "0", "1")])

    def score(self, *rows: str, columns: str = "id EAP HPL MWS") -> float | None:
        return score(self.rule, self.answers, columns.split(), [row.split() for row in rows])

    def test_even_and_wrong_and_right(self) -> None:
        third = "0.333333 0.333333 0.333334"
        assert self.score(f"a {third}", f"b {third}", f"c {third}") == 1.09861
        assert self.score("a 0 1 0", "b 0 0 1", "c 1 0 0") == pytest.approx(36.04365)
        assert self.score("a 1 0 0", "b 0 1 0", "c 0 0 1") == 0

    def test_rows_and_class_columns_may_stand_in_any_order(self) -> None:
        assert self.score("c 0.8 0.1 0.1", "a 0.1 0.1 0.8", "b 0.1 0.8 0.1", columns="id MWS HPL EAP") == 0.22314

    def test_rows_that_do_not_sum_to_one_give_no_score(self) -> None:
        assert self.score("a 0.33 0.33 0.33", "b 0.33 0.33 0.33", "c 0.33 0.33 0.33") is None
        # numpy.isclose adds a relative tolerance of 1e-5 of its own.
        assert self.score("a 0.80001 0.1 0.1", "b 0 1 0", "c 0 0 1") is not None
        assert self.score("a 0.80002 0.1 0.1", "b 0 1 0", "c 0 0 1") is None

    def test_the_columns_are_the_key_first_and_the_classes_and_no_more(self) -> None:
        assert self.score("1 a 0 0", "0 b 1 0", "0 c 0 1", columns="EAP id HPL MWS") is None
        assert self.score("a 1 0 0 0", "b 0 1 0 0", "c 0 0 1 0", columns="id EAP HPL MWS XYZ") is None
        assert self.score("a 1 0", "b 0 1", "c 0 1", columns="id EAP HPL") is None
        assert self.score("a 1 0 0", "b 0 1 0", "c 0 0 1", columns="id EAP HPL XYZ") is None

    def test_values_outside_and_strange_rows_give_no_score(self) -> None:
        assert self.score("a 1.5 -0.5 0", "b 0 1 0", "c 0 0 1") is None
        assert self.score("a nan 0 0", "b 0 1 0", "c 0 0 1") is None
        assert self.score("a 1 0 0", "b 0 1 0") is None
        assert self.score("a 1 0 0", "b 0 1 0", "d 0 0 1") is None


class TestMeanLogError:
    rule = staticmethod(mean_log_error(targets=["formation", "bandgap"]))
    answers = (["id", "formation", "bandgap"], [("1", "0.1", "1.5"), ("2", "0.2", "2.5"), ("3", "0", "3.5")])

    def score(self, *rows: str, columns: str = "id formation bandgap") -> float | None:
        return score(self.rule, self.answers, columns.split(), [row.split() for row in rows])

    def test_the_key_is_not_looked_at_and_need_not_be_there(self) -> None:
        assert self.score("1 0.1 1.5", "2 0.2 2.5", "3 0 3.5") == 0
        assert self.score("9 0.1 1.5", "9 0.2 2.5", "9 0 3.5") == 0
        assert self.score("0.1 1.5", "0.2 2.5", "0 3.5", columns="formation bandgap") == 0

    def test_shuffled_rows_silently_score_worse(self) -> None:
        shuffled = self.score("3 0 3.5", "1 0.1 1.5", "2 0.2 2.5")
        assert shuffled is not None and shuffled > 0.1

    def test_a_mild_negative_is_accepted_and_minus_one_is_not(self) -> None:
        assert self.score("1 -0.05 1.5", "2 0.2 2.5", "3 -0.999 3.5") is not None
        for value in ("-1", "-1.5", "nan", "inf", "x", ""):
            rows = [("1", "0.1", "1.5"), ("2", "0.2", "2.5"), ("3", "0", value)]
            assert score(self.rule, self.answers, ["id", "formation", "bandgap"], rows) is None, value

    def test_missing_rows_and_columns_give_no_score(self) -> None:
        assert self.score("1 0.1 1.5", "2 0.2 2.5") is None
        assert self.score("1 0.1", "2 0.2", "3 0", columns="id formation") is None


class TestMeanColumnAuc:
    rule = staticmethod(mean_column_auc(key="id", targets=LABELS))
    truth = (("a", "100000"), ("b", "010000"), ("c", "001000"), ("d", "000100"), ("e", "000010"), ("f", "000001"))
    answers = (["id", *LABELS], [*((key, *bits) for key, bits in truth), ("g", *["-1"] * 6)])

    def rows(self) -> list[tuple[str, ...]]:
        return [*((key, *bits) for key, bits in self.truth), ("g", *"111111")]

    def score(self, rows: Rows, labels: Sequence[str] = LABELS) -> float | None:
        return score(self.rule, self.answers, ["id", *labels], rows)

    def test_rows_in_any_order_and_those_with_minus_one_not_at_all(self) -> None:
        assert self.score(self.rows()) == 1
        assert self.score(self.rows()[::-1]) == 1
        assert self.score([*self.rows()[:-1], ("g", *"012345")]) == 1

    def test_permuted_label_columns_are_silently_misaligned(self) -> None:
        permuted = [LABELS[1], LABELS[0], *LABELS[2:]]
        rows = [(row[0], row[2], row[1], *row[3:]) for row in self.rows()]
        assert self.score(rows, permuted) == pytest.approx((4 + 2 * 0.4) / 6, abs=1e-5)

    def test_scores_need_not_be_probabilities(self) -> None:
        assert self.score([(row[0], *(str(float(value) * 7 - 3) for value in row[1:])) for row in self.rows()]) == 1

    def test_an_extra_or_missing_column_gives_no_score(self) -> None:
        assert self.score([(*row, "0") for row in self.rows()], [*LABELS, "other"]) is None
        assert self.score([row[:-1] for row in self.rows()], LABELS[:-1]) is None

    def test_missing_values_and_other_keys_give_no_score(self) -> None:
        assert self.score([("a", "", *"00000"), *self.rows()[1:]]) is None
        assert self.score([("z", *"100000"), *self.rows()[1:]]) is None
        assert self.score(self.rows()[1:]) is None

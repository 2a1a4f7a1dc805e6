"""Reports and medals."""

from datetime import datetime

import pytest

from iterant.competitions.report import medal_thresholds, report_of

NOON = datetime(2026, 1, 2, 12)


@pytest.mark.parametrize(
    ("team_count", "gold", "silver", "bronze"),
    [
        (1, 1, 1, 1),
        (9, 1, 1, 3),
        (50, 5, 10, 20),
        (99, 9, 19, 39),
        (100, 10, 20, 40),
        (249, 10, 49, 99),
        (250, 10, 50, 100),
        (999, 11, 50, 100),
        (1000, 12, 50, 100),
        (4000, 18, 200, 400),
    ],
)
def test_medals_go_by_places_as_kaggle_gives_them(team_count: int, gold: int, silver: int, bronze: int) -> None:
    places = [float(place) for place in range(1, team_count + 1)]
    thresholds = medal_thresholds(places)
    assert (thresholds.gold, thresholds.silver, thresholds.bronze) == (gold, silver, bronze)
    assert thresholds.median == (team_count + 1) / 2


def test_the_report_has_mlebenchs_keys_in_its_order() -> None:
    report = report_of("synth-insults", 0.912344, [1 - place / 100 for place in range(100)], "submission.csv", NOON)
    assert report.to_dict() == {
        "competition_id": "synth-insults",
        "score": 0.91234,
        "gold_threshold": 0.91,
        "silver_threshold": 0.81,
        "bronze_threshold": 0.61,
        "median_threshold": pytest.approx(0.505),
        "any_medal": True,
        "gold_medal": True,
        "silver_medal": False,
        "bronze_medal": False,
        "above_median": True,
        "submission_exists": True,
        "valid_submission": True,
        "is_lower_better": False,
        "created_at": "2026-01-02T12:00:00",
        "submission_path": "submission.csv",
    }


def test_where_lower_is_better_medals_and_median_turn_round() -> None:
    losses = [place / 100 for place in range(100)]
    report = report_of("losses", 0.15, losses, "submission.csv", NOON)
    assert (report.is_lower_better, report.gold_medal, report.silver_medal, report.above_median) == (
        True,
        False,
        True,
        True,
    )
    assert not report_of("losses", 0.6, losses, "submission.csv", NOON).above_median


def test_an_invalid_submission_has_thresholds_and_nothing_else() -> None:
    report = report_of("losses", None, [0.1, 0.2], "submission.csv", NOON)
    assert (report.score, report.valid_submission, report.submission_exists) == (None, False, True)
    assert (report.any_medal, report.above_median, report.gold_threshold) == (False, False, 0.1)

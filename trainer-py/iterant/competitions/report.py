"""What a grade is reported as: mlebench's report, key for key, and the medals that come from a leaderboard.

Knows neither graders nor files. Direction is read off the leaderboard, as upstream does: best first, so if the first
score is the smaller one, lower is better.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Thresholds:
    """The scores from which on there is a medal, and the median of all teams."""

    gold: float
    silver: float
    bronze: float
    median: float


@dataclass(frozen=True)
class CompetitionReport:
    """The report on one submission; the order of the fields is that of mlebench's JSON."""

    competition_id: str
    score: float | None
    gold_threshold: float
    silver_threshold: float
    bronze_threshold: float
    median_threshold: float
    any_medal: bool
    gold_medal: bool
    silver_medal: bool
    bronze_medal: bool
    above_median: bool
    submission_exists: bool
    valid_submission: bool
    is_lower_better: bool
    created_at: str
    submission_path: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def is_lower_better(leaderboard: Sequence[float]) -> bool:
    """Whether the smaller score is the better one."""
    return leaderboard[0] < leaderboard[-1]


def medal_thresholds(leaderboard: Sequence[float]) -> Thresholds:
    """Kaggle's rule of progression for so many teams.

    leaderboard  scores, best first, at least one

    Up to 99 teams: the best tenth, fifth and two fifths. Up to 249: the tenth place, the fifth, two fifths. Up to 999:
    place 10 and one more for every 500 teams, place 50, place 100. Beyond: the same gold, the best 5 % and 10 %.
    """
    count = len(leaderboard)
    if count == 0:
        raise ValueError("a leaderboard without teams has no medals")
    some_gold = 10 + int(count * 0.002)
    if count < 100:
        places = (int(count * 0.1), int(count * 0.2), int(count * 0.4))
    elif count < 250:
        places = (10, int(count * 0.2), int(count * 0.4))
    elif count < 1000:
        places = (some_gold, 50, 100)
    else:
        places = (some_gold, int(count * 0.05), int(count * 0.1))
    gold, silver, bronze = (float(leaderboard[max(1, place) - 1]) for place in places)
    return Thresholds(gold, silver, bronze, float(median(leaderboard)))


def report_of(
    competition_id: str,
    score: float | None,
    leaderboard: Sequence[float],
    submission_path: str,
    created_at: datetime,
) -> CompetitionReport:
    """The report on a submission that was there.

    score  as the grader gave it, None if the submission was invalid; reported with 5 decimals
    """
    rounded = None if score is None else round(score, 5)
    lower = is_lower_better(leaderboard)
    thresholds = medal_thresholds(leaderboard)

    def reaches(threshold: float) -> bool:
        return rounded is not None and (rounded <= threshold if lower else rounded >= threshold)

    gold = reaches(thresholds.gold)
    silver = not gold and reaches(thresholds.silver)
    bronze = not gold and not silver and reaches(thresholds.bronze)
    above = rounded is not None and (rounded < thresholds.median if lower else rounded > thresholds.median)
    return CompetitionReport(
        competition_id=competition_id,
        score=rounded,
        gold_threshold=thresholds.gold,
        silver_threshold=thresholds.silver,
        bronze_threshold=thresholds.bronze,
        median_threshold=thresholds.median,
        any_medal=gold or silver or bronze,
        gold_medal=gold,
        silver_medal=silver,
        bronze_medal=bronze,
        above_median=above,
        submission_exists=True,
        valid_submission=rounded is not None,
        is_lower_better=lower,
        created_at=created_at.isoformat(),
        submission_path=submission_path,
    )

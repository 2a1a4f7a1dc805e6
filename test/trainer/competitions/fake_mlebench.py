"""A package with mlebench's interface, written where a test wants it: registry, reports, and its habits.

It swallows what its graders raise, logs it, makes a folder where it is imported, and keeps two descriptions.
"""

from pathlib import Path

REGISTRY = """
from pathlib import Path
from types import SimpleNamespace
from mlebench import grade_helpers

class Registry:
    def __init__(self, data_dir): self._data_dir = Path(data_dir)
    def set_data_dir(self, data_dir): return Registry(data_dir)
    def get_data_dir(self): return self._data_dir
    def get_competitions_dir(self): return Path(__file__).parent / "competitions"
    def list_competition_ids(self):
        return sorted(path.parent.stem for path in self.get_competitions_dir().rglob("config.yaml"))
    def get_competition(self, competition_id):
        home = self._data_dir / competition_id / "prepared"
        return SimpleNamespace(
            id=competition_id,
            description=(self.get_competitions_dir() / competition_id / "description.md").read_text(),
            grader=grade_helpers.Grader(),
            answers=home / "private" / "test.csv",
            gold_submission=home / "private" / "test.csv",
            sample_submission=home / "public" / "sample_submission.csv",
            public_dir=home / "public",
            private_dir=home / "private",
            leaderboard=self.get_competitions_dir() / competition_id / "leaderboard.csv",
        )

registry = Registry("/nowhere")
"""

HELPERS = """
import logging
from dataclasses import asdict, dataclass
from datetime import datetime

logger = logging.getLogger("mlebench.grade_helpers")

class InvalidSubmissionError(Exception): pass

class Grader:
    def __call__(self, submission, answers):
        try:
            if submission[0] != answers[0]: raise InvalidSubmissionError("the header is another one")
            return round(sum(a == b for a, b in zip(submission[1:], answers[1:], strict=True)) / (len(answers) - 1), 5)
        except InvalidSubmissionError as error:
            logger.warning(f"Invalid submission: {error}")
        except Exception as error:
            logger.error(f"Unexpected error during grading: {error}. Check /secret/place/grade.py:7")
        return None
    def is_lower_better(self, leaderboard): return leaderboard[0] < leaderboard[-1]
    def rank_score(self, score, leaderboard):
        gold, silver, bronze = leaderboard[:3]
        has = [score is not None and score >= threshold for threshold in (gold, silver, bronze)]
        return {
            "gold_medal": has[0], "silver_medal": has[1] and not has[0], "bronze_medal": has[2] and not has[1],
            "above_median": has[2],
            "gold_threshold": gold, "silver_threshold": silver, "bronze_threshold": bronze, "median_threshold": bronze,
        }

@dataclass(frozen=True)
class CompetitionReport:
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
    created_at: datetime
    submission_path: str
    def to_dict(self): return {**asdict(self), "created_at": self.created_at.isoformat()}
"""

DATA = """
from pathlib import Path
Path("cache").mkdir()

def get_leaderboard(competition):
    lines = competition.leaderboard.read_text().splitlines()
    assert lines[0] == "score"
    return [float(line) for line in lines[1:]]
"""

GRADE = """
from datetime import datetime
from mlebench.data import get_leaderboard
from mlebench.grade_helpers import CompetitionReport

class ParserError(ValueError): pass

def read(path):
    text = path.read_text()
    if '"' in text: raise ParserError("Error tokenizing data")
    return text.splitlines()

def grade_csv(path_to_submission, competition):
    assert path_to_submission.suffix == ".csv"
    score = competition.grader(read(path_to_submission), read(competition.answers))
    leaderboard = get_leaderboard(competition)
    rank = competition.grader.rank_score(score, leaderboard)
    medals = ("gold_medal", "silver_medal", "bronze_medal")
    return CompetitionReport(
        competition_id=competition.id, score=score, any_medal=any(rank[medal] for medal in medals), **rank,
        submission_exists=True, valid_submission=score is not None,
        is_lower_better=competition.grader.is_lower_better(leaderboard), created_at=datetime.now(),
        submission_path=str(path_to_submission),
    )
"""

COMPETITION_ID = "tossed-coins"
ANSWERS = "id,side\n1,heads\n2,tails\n3,heads\n4,heads\n"
SAMPLE = "id,side\n1,tails\n2,tails\n3,tails\n4,tails\n"


def write(site: Path, data: Path) -> None:
    """The package below `site`, and one prepared competition below `data`; a second one is not prepared."""
    package = site / "mlebench"
    modules = {"__init__": "", "registry": REGISTRY, "grade_helpers": HELPERS, "data": DATA, "grade": GRADE}
    package.mkdir(parents=True)
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text)
    for competition_id in (COMPETITION_ID, "rolled-dice"):
        home = package / "competitions" / competition_id
        home.mkdir(parents=True)
        (home / "config.yaml").write_text(f"id: {competition_id}\n")
        (home / "leaderboard.csv").write_text("score\n1.0\n0.75\n0.5\n0.25\n")
        (home / "description.md").write_text("Win the Famous Prize!\n")
        (home / "description_obfuscated.md").write_text("# Task\n\nPredict the side.\n")
    prepared = data / COMPETITION_ID / "prepared"
    for folder, files in {
        "private": {"test.csv": ANSWERS},
        "public": {"sample_submission.csv": SAMPLE, "train.csv": "id,side\n9,heads\n", "description.md": "Famous\n"},
    }.items():
        (prepared / folder).mkdir(parents=True)
        for name, text in files.items():
            (prepared / folder / name).write_text(text)

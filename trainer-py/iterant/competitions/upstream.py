"""The real competitions, graded by mlebench itself where it is installed and its data is prepared.

Imported, never copied. mlebench leaves traces where it is imported and swallows what its graders raise; both are dealt
with here. Descriptions are the obfuscated ones, from the package; the full one, which `prepare` writes among the public
files, is kept from programs.
"""

import contextlib
import importlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from iterant.competitions.table import MAX_BYTES

LFS_MARK = b"version https://git-lfs.github.com/spec/"
# Among the public files, but not for programs: it names the competition.
FULL_DESCRIPTION = "description.md"
# Fields of public records that tell the answers, by competition: mlebench's own README lists it among its known issues.
LEAKING_FIELDS = {"random-acts-of-pizza": "giver_username_if_known"}


def is_installed() -> bool:
    """Whether `mlebench` can be imported; it is not imported for the answer."""
    return importlib.util.find_spec("mlebench") is not None


@dataclass(frozen=True)
class Upstream:
    """mlebench's registry over a data folder, `<data_dir>/<id>/prepared/{public,private}`."""

    registry: Any

    @classmethod
    def open(cls, data_dir: Path) -> "Upstream":
        """Imports mlebench. Raises ImportError if one of its dependencies is missing."""
        with _elsewhere():
            registry = importlib.import_module("mlebench.registry").registry
            importlib.import_module("mlebench.grade")
        return cls(registry.set_data_dir(data_dir.resolve()))

    def prepared_ids(self) -> list[str]:
        """The competitions whose answers are there."""
        data_dir = Path(self.registry.get_data_dir())
        known = set(self.registry.list_competition_ids())
        return sorted(
            path.parents[1].name for path in data_dir.glob("*/prepared/private") if path.parents[1].name in known
        )

    def competition(self, competition_id: str) -> Any:
        """mlebench's own record. Raises ValueError if its leaderboard was never fetched from Git LFS."""
        competition = self.registry.get_competition(competition_id)
        leaderboard = Path(competition.leaderboard)
        with leaderboard.open("rb") as file:
            if file.read(len(LFS_MARK)) == LFS_MARK:
                raise ValueError(f"{leaderboard} is a Git LFS pointer: run `git lfs pull` where mlebench was cloned")
        return competition

    def description(self, competition_id: str) -> str:
        """The obfuscated description. Raises FileNotFoundError rather than tell the full one."""
        return (Path(self.registry.get_competitions_dir()) / competition_id / "description_obfuscated.md").read_text()

    def public_view(self, competition_id: str, views: Path, *, sanitize: bool = False) -> Path:
        """A copy of the public files without the full description, made once: what programs may read.

        sanitize  also without fields that are known to tell the answers
        """
        source = Path(self.registry.get_competition(competition_id).public_dir)
        view = views / competition_id / "public"
        if view.exists():
            return view
        view.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=view.parent, prefix=".public-"))
        try:
            shutil.copytree(source, draft, dirs_exist_ok=True, ignore=_without_full_description)
            if sanitize and competition_id in LEAKING_FIELDS:
                _remove_field(draft, LEAKING_FIELDS[competition_id])
            draft.chmod(0o755)
            draft.rename(view)
        except OSError:
            if not view.exists():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return view

    def grade(self, competition_id: str, submission: bytes) -> tuple[dict[str, Any], str | None]:
        """mlebench's report, and why the submission was found invalid if it was.

        Whatever a grader raises is an invalid submission to mlebench, faults of its own included; so it is here.
        """
        competition = self.competition(competition_id)
        if len(submission) > MAX_BYTES:
            return self._invalid(competition), f"{len(submission)} bytes are more than {MAX_BYTES}"
        grade = importlib.import_module("mlebench.grade")
        with tempfile.TemporaryDirectory() as folder, _heard("mlebench") as records:
            path = Path(folder) / "submission.csv"
            path.write_bytes(submission)
            try:
                report = dict(grade.grade_csv(path, competition).to_dict())
            except ValueError as error:
                reason = _unreadable(error)
                if reason is None:
                    raise
                return self._invalid(competition), reason
        report["submission_path"] = "submission.csv"
        return report, None if report["valid_submission"] else _reason(records)

    def _invalid(self, competition: Any) -> dict[str, Any]:
        """The report on a file that pandas cannot read: mlebench has none, it raises in the middle."""
        helpers = importlib.import_module("mlebench.grade_helpers")
        leaderboard = importlib.import_module("mlebench.data").get_leaderboard(competition)
        rank = competition.grader.rank_score(None, leaderboard)
        report = helpers.CompetitionReport(
            competition_id=competition.id,
            score=None,
            **{name: rank[name] for name in rank if name.endswith("_threshold")},
            any_medal=False,
            gold_medal=False,
            silver_medal=False,
            bronze_medal=False,
            above_median=False,
            submission_exists=True,
            valid_submission=False,
            is_lower_better=competition.grader.is_lower_better(leaderboard),
            created_at=datetime.now(),
            submission_path="submission.csv",
        )
        return dict(report.to_dict())


def _remove_field(folder: Path, field: str) -> None:
    """From every record of the JSON files in a folder."""
    for path in folder.rglob("*.json"):
        records = json.loads(path.read_text())
        path.write_text(json.dumps([{key: record[key] for key in record if key != field} for record in records]))


def _unreadable(error: ValueError) -> str | None:
    """What pandas or the decoder says of a file that is no CSV; None if the error is about something else."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return f"it is no CSV file: {error}" if names & {"ParserError", "UnicodeDecodeError"} else None


def _reason(records: list[logging.LogRecord]) -> str:
    """Only what graders say of a submission on purpose; their other errors speak of this machine."""
    said = [record.getMessage() for record in records if record.getMessage().startswith("Invalid submission")]
    return said[-1] if said else "the competition's grader could not read it"


def _without_full_description(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == FULL_DESCRIPTION]


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Runs in an empty folder: mlebench makes one called `cache` wherever it is imported."""
    here = Path.cwd()
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        shutil.rmtree(folder, ignore_errors=True)


class _Listener(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def _heard(name: str) -> Iterator[list[logging.LogRecord]]:
    """What a package logs meanwhile."""
    records: list[logging.LogRecord] = []
    handler = _Listener(records)
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield records
    finally:
        logger.removeHandler(handler)

"""The competitions of this machine by their ids: synthetic ones, made at first use, and those of mlebench, if it is
installed and their data is prepared.

Knows where answers are and hands none out: to the outside there is a description, a public folder, and reports.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from iterant.competitions.prepare import prepare
from iterant.competitions.preview import preview
from iterant.competitions.report import report_of
from iterant.competitions.synthetic import SYNTHETIC
from iterant.competitions.table import InvalidSubmissionError, Table, read_table
from iterant.competitions.upstream import FULL_DESCRIPTION, Upstream, is_installed


@dataclass(frozen=True)
class Opened:
    """A competition whose files are there.

    hash           of everything that a program or a prompt gets to see
    previews       what the public files begin with
    public_folder  absolute
    sample, gold   files; the gold submission is among the private ones
    """

    id: str
    source: Literal["synthetic", "mlebench"]
    hash: str
    description: str
    previews: str
    public_folder: Path
    sample: Path
    gold: Path


@dataclass(frozen=True)
class Grade:
    """What a submission got.

    report          as mlebench's JSON
    reason          why it is invalid, None if it is valid
    is_sample_copy  whether it is the sample submission, byte for byte
    """

    report: dict[str, Any]
    reason: str | None
    is_sample_copy: bool


@dataclass
class Registry:
    """Competitions by id.

    folder         where synthetic data and copies of public files are kept
    mlebench_data  mlebench's data folder, None for synthetic competitions alone
    seed, salt     of the synthetic data; a random salt unless one is given
    sanitize       keep fields of mlebench's public files that are known to tell the answers from programs
    """

    folder: Path
    mlebench_data: Path | None = None
    seed: int = 0
    salt: str | None = None
    sanitize: bool = False

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self._opened: dict[str, Opened] = {}
        self._answers: dict[str, Table] = {}

    def ids(self) -> list[str]:
        """All that can be opened: the prepared ones of mlebench, then the synthetic ones."""
        return [*(self._upstream.prepared_ids() if self._upstream else []), *SYNTHETIC]

    def open(self, competition_id: str) -> Opened:
        """Makes or finds the files of a competition. Raises LookupError if there is none of that id."""
        if competition_id not in self._opened:
            self._opened[competition_id] = self._open(competition_id)
        return self._opened[competition_id]

    def grade(self, competition_id: str, submission: bytes) -> Grade:
        """Grades bytes. Raises only for faults that are not the submission's."""
        opened = self.open(competition_id)
        is_copy = submission == opened.sample.read_bytes()
        if opened.source == "mlebench":
            assert self._upstream
            report, reason = self._upstream.grade(competition_id, submission)
            return Grade(report, reason, is_copy)
        competition = SYNTHETIC[competition_id]
        score, reason = None, None
        try:
            score = competition.grader.grade(read_table(submission), self._answers_of(competition_id))
        except InvalidSubmissionError as error:
            reason = str(error)
        made = report_of(competition_id, score, competition.leaderboard, "submission.csv", datetime.now())
        return Grade(made.to_dict(), reason, is_copy)

    def check(self, competition_id: str) -> dict[str, Any]:
        """Grades gold and sample: `problem` is None if both are valid and gold is the better one."""
        opened = self.open(competition_id)
        gold, sample = (self.grade(competition_id, path.read_bytes()) for path in (opened.gold, opened.sample))
        problem = None
        for name, grade in (("gold", gold), ("sample", sample)):
            if not grade.report["valid_submission"]:
                problem = problem or f"the {name} submission is invalid: {grade.reason}"
        if problem is None:
            difference = gold.report["score"] - sample.report["score"]
            is_better = difference < 0 if gold.report["is_lower_better"] else difference > 0
            if not is_better:
                scores = f"{gold.report['score']} and {sample.report['score']}"
                problem = f"the gold submission does not beat the sample: {scores}"
        return {"gold": gold.report, "sample": sample.report, "problem": problem}

    @cached_property
    def _upstream(self) -> Upstream | None:
        """None where no data folder was named or mlebench is not installed."""
        if self.mlebench_data is None or not is_installed():
            return None
        return Upstream.open(self.mlebench_data)

    def _open(self, competition_id: str) -> Opened:
        if self._upstream and competition_id in self._upstream.prepared_ids():
            return self._open_upstream(self._upstream, competition_id)
        if competition_id in SYNTHETIC:
            return self._open_synthetic(competition_id)
        raise LookupError(f"no competition '{competition_id}' - there are {', '.join(self.ids())} - {self._advice()}")

    def _open_synthetic(self, competition_id: str) -> Opened:
        competition = SYNTHETIC[competition_id]
        prepared = prepare(self.folder, competition, self.seed, self.salt) / "prepared"
        gold = prepared / "private" / (competition.gold_name or "test.csv")
        sample = prepared / "public" / competition.sample_name
        return _opened(competition_id, "synthetic", competition.description, prepared / "public", sample, gold)

    def _open_upstream(self, upstream: Upstream, competition_id: str) -> Opened:
        competition = upstream.competition(competition_id)
        views = self.folder / ("mlebench-sanitized" if self.sanitize else "mlebench")
        public = upstream.public_view(competition_id, views, sanitize=self.sanitize)
        description = upstream.description(competition_id)
        sample, gold = Path(competition.sample_submission), Path(competition.gold_submission)
        return _opened(competition_id, "mlebench", description, public, sample, gold)

    def _answers_of(self, competition_id: str) -> Table:
        if competition_id not in self._answers:
            path = self.folder / competition_id / "prepared" / "private" / "test.csv"
            self._answers[competition_id] = read_table(path.read_bytes())
        return self._answers[competition_id]

    def _advice(self) -> str:
        if self.mlebench_data is None:
            return "name mlebench's data folder for the real ones"
        if not is_installed():
            return "install mlebench from its repository for the real ones"
        return f"prepare it with `mlebench prepare -c ID --data-dir {self.mlebench_data}`"


def _opened(
    competition_id: str,
    source: Literal["synthetic", "mlebench"],
    description: str,
    public: Path,
    sample: Path,
    gold: Path,
) -> Opened:
    files = sorted(path for path in public.rglob("*") if path.is_file())
    sums = [(path.relative_to(public).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    content = json.dumps([competition_id, description, sums]).encode()
    return Opened(
        id=competition_id,
        source=source,
        hash=hashlib.sha256(content).hexdigest(),
        description=description,
        previews=preview(public, without=frozenset({FULL_DESCRIPTION})),
        public_folder=public,
        sample=sample,
        gold=gold,
    )

"""What a synthetic competition is, before it is on disk: its texts, its rule, and the files that its generator makes.

Files are bytes made here, one format each, so that the same draws give the same bytes on every machine.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader


@dataclass(frozen=True)
class Made:
    """The files of one competition.

    public   file name to bytes, without the sample submission
    answers  CSV bytes, for the grader alone
    gold     the perfect submission, where the answers are not one themselves
    sample   the submission that everybody is given
    """

    public: Mapping[str, bytes]
    answers: bytes
    gold: bytes | None
    sample: bytes


@dataclass(frozen=True)
class Synthetic:
    """One competition.

    description             what the policy reads
    sample_name, gold_name  file names; without a gold name the answers are the gold submission
    leaderboard             scores, best first: medals and direction come from it
    """

    id: str
    name: str
    description: str
    sample_name: str
    gold_name: str | None
    grader: Grader
    leaderboard: Sequence[float]
    make: Callable[[Draws], Made]


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file with line feeds; every field is a text already, so that no float is formatted by chance."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def json_bytes(records: Sequence[Mapping[str, Any]]) -> bytes:
    """A list of records, one a line."""
    lines = ",\n".join(json.dumps(record, separators=(", ", ": ")) for record in records)
    return f"[\n{lines}\n]\n".encode()


def npy_bytes(array: "np.ndarray") -> bytes:
    """numpy's own format, version 1.0: its header does not depend on the numpy version."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def leaderboard_of(best: float, worst: float, team_count: int = 120) -> list[float]:
    """Made-up teams, evenly spread from the best score to the worst."""
    step = (worst - best) / (team_count - 1)
    return [round(best + step * place, 5) for place in range(team_count)]

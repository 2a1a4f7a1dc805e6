"""Grades submissions of competitions, in a helper process that programs of the policy never meet.

    python -m iterant.workers.competition_grader FOLDER [--mlebench-data FOLDER [--sanitize]] [--seed N]

The salt of synthetic data comes by the environment, ITERANT_COMPETITION_SALT: arguments can be read by anybody.
Submissions come as bytes, or as the path of a file that the parent has already read and copied; this side reads them
as CSV and as nothing else.
"""

import argparse
import base64
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from iterant.competitions.prepare import GENERATOR_VERSION
from iterant.competitions.registry import Registry
from iterant.competitions.shipped import programs_of
from iterant.competitions.table import MAX_BYTES
from iterant.workers.ndjson import Helper, serve

SALT_VARIABLE = "ITERANT_COMPETITION_SALT"


@dataclass
class CompetitionGrader:
    """The methods that the parent calls."""

    registry: Registry

    def ids(self, _params: dict[str, Any]) -> list[str]:
        """{} → the ids of all competitions that can be opened."""
        return self.registry.ids()

    def open(self, params: dict[str, Any]) -> dict[str, Any]:
        """{id} → {id, source, hash, description, previews, publicFolder, sampleName}; makes what is not there yet."""
        opened = self.registry.open(params["id"])
        return {
            "id": opened.id,
            "source": opened.source,
            "hash": opened.hash,
            "description": opened.description,
            "previews": opened.previews,
            "publicFolder": str(opened.public_folder),
            "sampleName": opened.sample.name,
        }

    def grade(self, params: dict[str, Any]) -> dict[str, Any]:
        """{id, base64 | path} → {report, reason, isSampleCopy}."""
        grade = self.registry.grade(params["id"], _submission(params))
        return {"report": grade.report, "reason": grade.reason, "isSampleCopy": grade.is_sample_copy}

    def programs(self, params: dict[str, Any]) -> dict[str, str]:
        """{id} → the texts of the programs that come with it, by name: baseline, good, broken, endless."""
        return programs_of(params["id"])

    def check(self, params: dict[str, Any]) -> dict[str, Any]:
        """{id} → {gold, sample, problem}: the reports on both, and what is wrong with them if anything is."""
        return self.registry.check(params["id"])


def _submission(params: dict[str, Any]) -> bytes:
    if "base64" in params:
        return base64.b64decode(params["base64"], validate=True)
    with Path(params["path"]).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def load() -> Helper:
    """Reads the arguments; competitions are opened when they are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mlebench-data", type=Path)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    salt = os.environ.pop(SALT_VARIABLE, None)
    registry = Registry(options.folder, options.mlebench_data, options.seed, salt, options.sanitize)
    grader = CompetitionGrader(registry)
    return Helper(
        name="competition-grader",
        versions={"numpy": version("numpy"), "competitions": str(GENERATOR_VERSION), "mlebench": _mlebench_version()},
        methods={
            "ids": grader.ids,
            "open": grader.open,
            "grade": grader.grade,
            "programs": grader.programs,
            "check": grader.check,
        },
    )


def _mlebench_version() -> str:
    try:
        return version("mlebench")
    except PackageNotFoundError:
        return "none"


if __name__ == "__main__":
    serve(load)

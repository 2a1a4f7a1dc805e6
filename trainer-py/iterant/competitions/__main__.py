"""The competitions from the command line.

python -m iterant.competitions prepare FOLDER [--id ID ...] [--seed N]   makes their files; the salt, if one is
                                                                         wanted, by ITERANT_COMPETITION_SALT
python -m iterant.competitions publish                                   measures anew what this package says of
                                                                         itself: manifest.json, expected.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from iterant.competitions.prepare import manifest, prepare
from iterant.competitions.registry import Registry
from iterant.competitions.shipped import PUBLISHED_SALT, PUBLISHED_SEED, programs_of
from iterant.competitions.synthetic import SYNTHETIC


def main() -> None:
    """Parses and does."""
    parser = argparse.ArgumentParser(prog="python -m iterant.competitions", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("folder", type=Path)
    preparing.add_argument("--id", action="append", choices=list(SYNTHETIC), help="all unless said")
    preparing.add_argument("--seed", type=int, default=0)
    commands.add_parser("publish")
    options = parser.parse_args()
    if options.command == "prepare":
        for competition_id in options.id or SYNTHETIC:
            salt = os.environ.get("ITERANT_COMPETITION_SALT")
            print(prepare(options.folder, SYNTHETIC[competition_id], options.seed, salt))
    else:
        _publish(Path(__file__).parent)


def _publish(package: Path) -> None:
    sums = manifest(SYNTHETIC.values(), PUBLISHED_SEED, PUBLISHED_SALT)
    (package / "manifest.json").write_text(json.dumps(sums, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder), seed=PUBLISHED_SEED, salt=PUBLISHED_SALT)
        scores = {competition_id: _scores(registry, competition_id) for competition_id in SYNTHETIC}
    (package / "expected.json").write_text(json.dumps(scores, indent=1) + "\n")
    for competition_id, found in scores.items():
        print(f"{competition_id:18}", *(f"{name} {score:.5f}" for name, score in found.items()))


def _scores(registry: Registry, competition_id: str) -> dict[str, float]:
    """Runs the two programs that end well with this interpreter, trusting them, and grades what they leave."""
    checked = registry.check(competition_id)
    if checked["problem"] is not None:
        raise RuntimeError(f"{competition_id}: {checked['problem']}")
    scores = {name: checked[name]["score"] for name in ("gold", "sample")}
    public = registry.open(competition_id).public_folder
    for name in ("baseline", "good"):
        with tempfile.TemporaryDirectory() as work:
            environment = {**os.environ, "PUBLIC_RESOURCE_PATH": str(public), "OMP_NUM_THREADS": "1"}
            program = programs_of(competition_id)[name]
            subprocess.run([sys.executable, "-c", program], cwd=work, env=environment, check=True)
            grade = registry.grade(competition_id, (Path(work) / "submission.csv").read_bytes())
        if grade.reason is not None:
            raise RuntimeError(f"{competition_id}, {name}: {grade.reason}")
        scores[name] = grade.report["score"]
    return scores


if __name__ == "__main__":
    main()

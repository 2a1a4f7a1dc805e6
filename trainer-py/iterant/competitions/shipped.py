"""The programs that come with each synthetic competition, and the scores they are known to get.

    baseline  the first thing to try         good     the trick that the competition is about
    broken    ends with an error             endless  never ends

They are texts here: they run where programs of a policy run.
"""

import json
from importlib.resources import files

NAMES = ("baseline", "good", "broken", "endless")
# The scores and checksums that come with this package are those of this seed and salt.
PUBLISHED_SEED, PUBLISHED_SALT = 0, "published"


def programs_of(competition_id: str) -> dict[str, str]:
    """Their texts by their names; nothing for a competition that brings none."""
    folder = files("iterant.competitions") / "scripts" / competition_id
    return {name: (folder / f"{name}.py").read_text() for name in NAMES} if folder.is_dir() else {}


def expected_scores() -> dict[str, dict[str, float]]:
    """Competition id to the scores of gold, sample, baseline and good, with 5 decimals."""
    scores: dict[str, dict[str, float]] = json.loads((files("iterant.competitions") / "expected.json").read_text())
    return scores


def published_manifest() -> dict[str, dict[str, str]]:
    """Competition id to the checksums of its files."""
    sums: dict[str, dict[str, str]] = json.loads((files("iterant.competitions") / "manifest.json").read_text())
    return sums

"""Puts synthetic competitions on disk, in mlebench's layout, once.

    <folder>/<id>/config.yaml  leaderboard.csv  checksums.json
    <folder>/<id>/prepared/public/    what programs may read
    <folder>/<id>/prepared/private/   the answers, the gold submission, and the salt that they were drawn with

The salt is random unless it is given, and never leaves the private folder: who has read this package cannot draw the
answers again. Places that must agree on the data share a folder, or are given one salt.
"""

import hashlib
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from iterant.competitions.draws import Draws
from iterant.competitions.spec import Synthetic

# Changes whenever a generator's files could change: folders of another version are not used.
GENERATOR_VERSION = 1
ANSWERS_NAME = "test.csv"
SALT_NAME = "salt"


def prepare(folder: Path, competition: Synthetic, seed: int = 0, salt: str | None = None) -> Path:
    """Makes the competition's files unless they are there; returns `<folder>/<id>`.

    Several processes may do so at a time: whoever is first wins, and nobody sees half of it.
    Raises ValueError if it is there with another seed, salt or version, or if one of its files was changed.
    """
    home = folder / competition.id
    if not home.exists():
        _make(home, competition, seed, salt)
    made = json.loads((home / "checksums.json").read_text())
    made_salt = (home / "prepared" / "private" / SALT_NAME).read_text()
    if made["version"] != GENERATOR_VERSION or made["seed"] != seed or salt not in (None, made_salt):
        wanted = f"seed {seed}, version {GENERATOR_VERSION}" + ("" if salt is None else ", the given salt")
        found = f"seed {made['seed']}, version {made['version']}"
        raise ValueError(f"{home} holds other data: {found}, not {wanted} - name another folder, or remove this one")
    changed = [name for name, checksum in made["files"].items() if _checksum(home / name) != checksum]
    if changed:
        raise ValueError(f"{home / changed[0]} is not as it was made - remove {home}: it is made anew when needed")
    return home


def files_of(competition: Synthetic, seed: int, salt: str) -> dict[str, bytes]:
    """All files by their path below `<folder>/<id>`, without the checksums."""
    made = competition.make(Draws(competition.id, seed, salt))
    public, private = "prepared/public", "prepared/private"
    files = {f"{public}/{name}": data for name, data in made.public.items()}
    files[f"{public}/{competition.sample_name}"] = made.sample
    files[f"{public}/description.md"] = competition.description.encode()
    files[f"{private}/{ANSWERS_NAME}"] = made.answers
    files[f"{private}/{SALT_NAME}"] = salt.encode()
    if competition.gold_name is not None:
        assert made.gold is not None, competition.id
        files[f"{private}/{competition.gold_name}"] = made.gold
    files["config.yaml"] = _config(competition)
    files["leaderboard.csv"] = ("score\n" + "".join(f"{score}\n" for score in competition.leaderboard)).encode()
    return files


def checksums(files: dict[str, bytes]) -> dict[str, str]:
    """SHA-256 of each file, in the order of their names."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def _checksum(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def manifest(competitions: Iterable[Synthetic], seed: int, salt: str) -> dict[str, dict[str, str]]:
    """The checksums of all files of these competitions: what must come out on every machine."""
    return {one.id: checksums(files_of(one, seed, salt)) for one in competitions}


def _make(home: Path, competition: Synthetic, seed: int, salt: str | None) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    files = files_of(competition, seed, secrets.token_hex(16) if salt is None else salt)
    made = {"version": GENERATOR_VERSION, "seed": seed, "files": checksums(files)}
    files["checksums.json"] = json.dumps(made, indent=1).encode()
    draft = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}-"))
    try:
        for name, data in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        _set_modes(draft)
        draft.rename(home)
    except OSError:
        if not home.exists():  # otherwise another process was first
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _set_modes(draft: Path) -> None:
    """Public files for everybody, since programs run as somebody else; private ones for us alone."""
    private = draft / "prepared" / "private"
    for path in (draft, *draft.rglob("*")):
        is_private = path == private or private in path.parents
        open_mode = 0o755 if path.is_dir() else 0o644
        path.chmod(open_mode & 0o700 if is_private else open_mode)


def _config(competition: Synthetic) -> bytes:
    """mlebench's registry file. It is JSON, which is YAML too, so that nobody needs a YAML package to read it."""
    home = f"{competition.id}/prepared"
    gold = competition.gold_name or ANSWERS_NAME
    rule = competition.grader.grade  # a function that another made: the one with the name is what is told
    config = {
        "id": competition.id,
        "name": competition.name,
        "competition_type": "simple",
        "awards_medals": True,
        "prizes": None,
        "description": f"{home}/public/description.md",
        "dataset": {
            "answers": f"{home}/private/{ANSWERS_NAME}",
            "gold_submission": f"{home}/private/{gold}",
            "sample_submission": f"{home}/public/{competition.sample_name}",
        },
        "grader": {
            "name": competition.grader.name,
            "grade_fn": f"{rule.__module__}:{rule.__qualname__.partition('.')[0]}",
        },
        "preparer": f"{competition.make.__module__}:make",
    }
    return (json.dumps(config, indent=2) + "\n").encode()

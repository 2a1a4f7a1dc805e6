"""What the generator puts on disk: the same bytes everywhere, answers apart, and nothing that leads to them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from iterant.competitions.draws import Draws
from iterant.competitions.prepare import files_of, manifest, prepare
from iterant.competitions.registry import Registry
from iterant.competitions.shipped import (
    NAMES,
    PUBLISHED_SALT,
    PUBLISHED_SEED,
    expected_scores,
    programs_of,
    published_manifest,
)
from iterant.competitions.synthetic import SYNTHETIC

every_competition = pytest.mark.parametrize("competition_id", list(SYNTHETIC))


def test_the_published_seed_and_salt_give_the_published_bytes() -> None:
    assert manifest(SYNTHETIC.values(), PUBLISHED_SEED, PUBLISHED_SALT) == published_manifest()


@every_competition
def test_gold_and_sample_get_the_published_scores(competition_id: str, tmp_path: Path) -> None:
    checked = Registry(tmp_path, seed=PUBLISHED_SEED, salt=PUBLISHED_SALT).check(competition_id)
    assert checked["problem"] is None
    expected = expected_scores()[competition_id]
    assert {name: checked[name]["score"] for name in ("gold", "sample")} == {
        name: expected[name] for name in ("gold", "sample")
    }


@every_competition
def test_public_data_is_under_a_megabyte(competition_id: str) -> None:
    files = files_of(SYNTHETIC[competition_id], 0, "salt")
    assert sum(len(data) for name, data in files.items() if "/public/" in name) < 1_000_000


@every_competition
def test_another_salt_is_other_data_with_gold_still_the_best(competition_id: str, tmp_path: Path) -> None:
    competition = SYNTHETIC[competition_id]
    one, other = (files_of(competition, 0, salt) for salt in ("one", "other"))
    assert one.keys() == other.keys()
    same = [name for name in one if one[name] == other[name]]
    assert sorted(same) == ["config.yaml", "leaderboard.csv", "prepared/public/description.md"]
    assert Registry(tmp_path, salt="other").check(competition_id)["problem"] is None


@every_competition
def test_four_programs_and_their_expected_scores_come_along(competition_id: str) -> None:
    # They need scikit-learn and a minute: `python -m iterant.competitions publish` runs them and writes what they get.
    programs = programs_of(competition_id)
    assert tuple(programs) == NAMES
    for text in programs.values():
        compile(text, competition_id, "exec")
        assert 'os.environ["PUBLIC_RESOURCE_PATH"]' in text
    scores = expected_scores()[competition_id]
    sign = 1 if scores["gold"] > scores["sample"] else -1
    assert sign * scores["gold"] > sign * scores["good"] > sign * scores["baseline"]
    assert sign * scores["good"] > sign * scores["sample"]


def test_the_layout_is_mlebenchs(tmp_path: Path) -> None:
    home = prepare(tmp_path, SYNTHETIC["synth-insults"], salt="salt")
    found = sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
    assert found == [
        "checksums.json",
        "config.yaml",
        "leaderboard.csv",
        "prepared/private/gold_submission.csv",
        "prepared/private/salt",
        "prepared/private/test.csv",
        "prepared/public/description.md",
        "prepared/public/sample_submission_null.csv",
        "prepared/public/test.csv",
        "prepared/public/train.csv",
    ]
    config = yaml.safe_load((home / "config.yaml").read_text())
    assert config["dataset"]["gold_submission"] == "synth-insults/prepared/private/gold_submission.csv"
    assert config["grader"] == {"name": "auc-roc", "grade_fn": "iterant.competitions.graders:area_under_curve"}
    assert all((tmp_path / path).is_file() for path in config["dataset"].values())


def test_answers_are_for_us_alone_and_public_files_for_everybody(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, SYNTHETIC["synth-insults"]) / "prepared"
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (prepared / "private", prepared / "public")}
    assert modes == {"private": "0o700", "public": "0o755"}
    assert stat.S_IMODE((prepared / "private" / "test.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE((prepared / "public" / "train.csv").stat().st_mode) == 0o644


def test_it_is_made_once_and_its_salt_stays_unknown(tmp_path: Path) -> None:
    competition = SYNTHETIC["synth-authors"]
    home = prepare(tmp_path, competition)
    salt = (home / "prepared" / "private" / "salt").read_text()
    assert len(salt) == 32
    before = (home / "prepared" / "private" / "test.csv").stat().st_mtime_ns
    assert prepare(tmp_path, competition) == home
    assert (home / "prepared" / "private" / "test.csv").stat().st_mtime_ns == before
    public = [path.read_bytes() for path in (home / "prepared" / "public").iterdir()]
    assert all(salt.encode() not in data for data in (*public, (home / "checksums.json").read_bytes()))
    assert (
        prepare(tmp_path / "other", competition, salt=salt).joinpath("checksums.json").read_bytes()
        == (home / "checksums.json").read_bytes()
    )


def test_of_several_processes_one_makes_it_and_all_use_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "iterant.competitions", "prepare", str(tmp_path), "--id", "synth-insults"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate(timeout=300)[0] for process in running}
    assert said == {f"{tmp_path / 'synth-insults'}\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["synth-insults"]


def test_data_of_another_seed_or_salt_is_not_taken_for_what_was_asked(tmp_path: Path) -> None:
    competition = SYNTHETIC["synth-authors"]
    home = prepare(tmp_path, competition, salt="one")
    with pytest.raises(ValueError, match="holds other data: seed 0, version 1, not seed 1, version 1 - name another"):
        prepare(tmp_path, competition, seed=1)
    with pytest.raises(ValueError, match="not seed 0, version 1, the given salt"):
        prepare(tmp_path, competition, salt="two")
    assert json.loads((home / "checksums.json").read_text())["seed"] == 0


@pytest.mark.parametrize("name", ["prepared/public/train.json", "prepared/private/test.csv", "leaderboard.csv"])
def test_a_file_that_was_changed_or_lost_is_named(name: str, tmp_path: Path) -> None:
    home = prepare(tmp_path, SYNTHETIC["synth-pizza"])
    with (home / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ValueError, match=rf"{name} is not as it was made - remove "):
        prepare(tmp_path, SYNTHETIC["synth-pizza"])
    (home / name).unlink()
    with pytest.raises(ValueError, match=rf"{name} is not as it was made"):
        prepare(tmp_path, SYNTHETIC["synth-pizza"])


def test_a_stream_is_moved_by_its_name_seed_salt_and_competition_alone() -> None:
    first = Draws("a", 0, "salt").stream("labels").random_sample()
    assert Draws("a", 0, "salt").stream("labels").random_sample() == first
    others = [Draws("b", 0, "salt"), Draws("a", 1, "salt"), Draws("a", 0, "pepper")]
    drawn = [draws.stream("labels").random_sample() for draws in others]
    assert len({first, Draws("a", 0, "salt").stream("texts").random_sample(), *drawn}) == 5

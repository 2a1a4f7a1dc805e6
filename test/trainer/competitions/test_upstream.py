"""The real competitions' way, with a package of mlebench's interface in mlebench's place."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fake_mlebench
from fake_mlebench import ANSWERS, COMPETITION_ID, SAMPLE
from iterant.competitions import upstream
from iterant.competitions.registry import Registry


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """(the package, its data)."""
    fake_mlebench.write(tmp_path / "site", tmp_path / "data")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield tmp_path / "site" / "mlebench", tmp_path / "data"
    for name in [name for name in sys.modules if name.split(".")[0] == "mlebench"]:
        del sys.modules[name]


@pytest.fixture
def registry(places: tuple[Path, Path], tmp_path: Path) -> Registry:
    return Registry(tmp_path / "folder", mlebench_data=places[1])


def test_what_is_prepared_is_listed_before_the_synthetic_ones(registry: Registry) -> None:
    assert registry.ids()[:2] == [COMPETITION_ID, "synth-insults"]


def test_a_grade_is_mlebenchs_own_report(registry: Registry) -> None:
    grade = registry.grade(COMPETITION_ID, ANSWERS.replace("4,heads", "4,tails").encode())
    assert (grade.report["score"], grade.report["silver_medal"], grade.reason) == (0.75, True, None)
    assert grade.report["submission_path"] == "submission.csv"
    assert list(grade.report) == list(registry.grade("synth-insults", b"").report)


def test_gold_beats_sample(registry: Registry) -> None:
    checked = registry.check(COMPETITION_ID)
    assert (checked["problem"], checked["gold"]["score"], checked["sample"]["score"]) == (None, 1.0, 0.25)
    assert registry.grade(COMPETITION_ID, SAMPLE.encode()).is_sample_copy
    assert not registry.grade(COMPETITION_ID, ANSWERS.encode()).is_sample_copy


def test_an_invalid_submission_says_why_if_the_grader_meant_to(registry: Registry) -> None:
    invalid = registry.grade(COMPETITION_ID, b"id,other\n")
    assert (invalid.report["valid_submission"], invalid.report["score"]) == (False, None)
    assert invalid.reason == "Invalid submission: the header is another one"


def test_what_a_grader_says_of_this_machine_is_not_passed_on(registry: Registry) -> None:
    assert registry.grade(COMPETITION_ID, b"id,side\n").reason == "the competition's grader could not read it"


def test_a_file_that_pandas_cannot_read_is_invalid_too(registry: Registry) -> None:
    invalid = registry.grade(COMPETITION_ID, b'id,side\n"')
    assert invalid.reason == "it is no CSV file: Error tokenizing data"
    assert list(invalid.report) == list(registry.grade(COMPETITION_ID, ANSWERS.encode()).report)
    assert not invalid.report["valid_submission"]


def test_programs_see_the_obfuscated_description_and_no_other(registry: Registry, places: tuple[Path, Path]) -> None:
    opened = registry.open(COMPETITION_ID)
    assert opened.description == "# Task\n\nPredict the side.\n"
    assert sorted(path.name for path in opened.public_folder.iterdir()) == ["sample_submission.csv", "train.csv"]
    assert places[1] not in opened.public_folder.parents
    assert "Famous" not in opened.previews


def test_a_field_that_tells_the_answers_is_kept_from_programs_where_that_is_wanted(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(upstream.LEAKING_FIELDS, COMPETITION_ID, "giver")
    public = places[1] / COMPETITION_ID / "prepared" / "public"
    (public / "train.json").write_text('[{"id": 1, "giver": "N/A"}, {"id": 2, "giver": "somebody"}]')
    as_upstream = Registry(tmp_path / "folder", mlebench_data=places[1]).open(COMPETITION_ID)
    sanitized = Registry(tmp_path / "folder", mlebench_data=places[1], sanitize=True).open(COMPETITION_ID)
    assert "giver" in (as_upstream.public_folder / "train.json").read_text()
    assert (sanitized.public_folder / "train.json").read_text() == '[{"id": 1}, {"id": 2}]'
    assert "giver" not in sanitized.previews
    assert sanitized.hash != as_upstream.hash


def test_no_obfuscated_description_is_an_error_and_not_the_full_one(
    registry: Registry, places: tuple[Path, Path]
) -> None:
    (places[0] / "competitions" / COMPETITION_ID / "description_obfuscated.md").unlink()
    with pytest.raises(FileNotFoundError, match="description_obfuscated"):
        registry.open(COMPETITION_ID)


def test_a_leaderboard_that_was_never_fetched_is_recognised(registry: Registry, places: tuple[Path, Path]) -> None:
    leaderboard = places[0] / "competitions" / COMPETITION_ID / "leaderboard.csv"
    leaderboard.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(ValueError) as raised:
        registry.grade(COMPETITION_ID, ANSWERS.encode())
    assert str(raised.value) == (f"{leaderboard} is a Git LFS pointer: run `git lfs pull` where mlebench was cloned")


def test_the_folder_that_mlebench_makes_is_made_elsewhere(registry: Registry) -> None:
    registry.grade(COMPETITION_ID, ANSWERS.encode())
    assert list(Path.cwd().iterdir()) == []


def test_what_is_not_prepared_is_not_found(registry: Registry, places: tuple[Path, Path]) -> None:
    with pytest.raises(
        LookupError, match=r"no competition 'rolled-dice' - there are tossed-coins, .* - prepare it with"
    ):
        registry.open("rolled-dice")


def test_where_mlebench_is_missing_the_advice_is_to_install_it(tmp_path: Path) -> None:
    assert not upstream.is_installed()
    with pytest.raises(LookupError, match="install mlebench from its repository"):
        Registry(tmp_path, mlebench_data=tmp_path).open("tossed-coins")
    with pytest.raises(LookupError, match="name mlebench's data folder"):
        Registry(tmp_path).open("tossed-coins")

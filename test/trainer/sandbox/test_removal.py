"""A folder goes, whatever a program has made of it."""

import os
from pathlib import Path

from iterant.sandbox.removal import remove_tree


def test_three_thousand_levels_go(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("deeper", dir_fd=here)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    remove_tree(str(top))
    assert not top.exists()


def test_names_that_hurt_locked_folders_and_links_go_and_what_links_lead_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("x")
    top = tmp_path / "top"
    (top / "locked" / "inner").mkdir(parents=True)
    (top / "link").symlink_to(tmp_path)
    (top / "locked" / "link").symlink_to(kept)
    os.mkfifo(top / "pipe")
    for name in (b"n" * 255, b"new\nline", b"\xff", b"-rf"):
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).mkdir()
        Path(os.fsdecode(os.fsencode(top / "locked" / "inner") + b"/" + name)).touch()
    (top / "locked" / "inner").chmod(0)
    (top / "locked").chmod(0)
    top.chmod(0)
    remove_tree(str(top))
    assert not top.exists()
    assert kept.read_text() == "x"


def test_a_folder_that_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_tree(str(tmp_path / "nothing"))

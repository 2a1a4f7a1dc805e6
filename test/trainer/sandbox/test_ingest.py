"""A file is taken only if it is one: everything else is refused by name, at once."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from iterant.sandbox.ingest import Ingested, ingest


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_a_regular_file_is_taken_whole(folder: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    assert ingest(folder, "a", len(content)) == Ingested(None, content, len(content))


def test_one_byte_too_many_is_refused_by_its_size(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert ingest(folder, "a", 4) == Ingested("too_large", b"", 5)


def test_a_hole_of_a_terabyte_is_refused_unread(folder: int, tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    assert ingest(folder, "a", 1 << 20).refusal == "too_large"


def test_a_file_without_a_true_size_is_read_no_further_than_its_bound(tmp_path: Path) -> None:
    fd = os.open("/proc/self", os.O_RDONLY)
    assert ingest(fd, "status", 10).refusal == "too_large"
    os.close(fd)


def test_what_is_no_file_of_its_own_is_refused_by_name(folder: int, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "nowhere").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "second").hardlink_to(tmp_path / "real")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
    names = ("link", "nowhere", "pipe", "folder", "second", "socket", "missing")
    assert [ingest(folder, name, 100).refusal for name in names] == [
        "link",
        "link",
        "not_regular",
        "not_regular",
        "hard_link",
        "not_regular",
        "missing",
    ]


def test_a_device_is_refused() -> None:
    fd = os.open("/dev", os.O_RDONLY)
    assert ingest(fd, "zero", 100).refusal == "not_regular"
    os.close(fd)


@pytest.mark.parametrize("name", ["a/b", "../a", "/etc/passwd", "", ".", ".."])
def test_a_path_is_no_name(folder: int, name: str) -> None:
    with pytest.raises(ValueError, match="use a plain name without a slash"):
        ingest(folder, name, 100)

"""Removes a folder that an untrusted program has filled, however deep, long-named or locked it is.

Needed only where the workspace is no mount of ours. Follows no link; knows no sandbox.
"""

import contextlib
import os
import stat
from itertools import count
from pathlib import Path


def remove_tree(path: str) -> None:
    """Removes the folder and all in it; one that is not there is fine.

    No path grows: what lies two levels down is moved one level up until nothing is left, so depth costs nothing.
    """
    with contextlib.suppress(FileNotFoundError):
        os.chmod(path, 0o700)  # noqa: PTH101 - it may have locked itself out; whoever did it is dead
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            numbers = count()
            while names := os.listdir(folder):  # noqa: PTH208 - a descriptor
                for name in names:
                    _remove(folder, name, numbers)
        finally:
            os.close(folder)
        Path(path).rmdir()


def _remove(folder: int, name: str, numbers: "count[int]") -> None:
    told = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(told.st_mode):
        os.unlink(name, dir_fd=folder)
        return
    os.chmod(name, 0o700, dir_fd=folder)  # a folder that is no link: checked a line above, and its owner is dead
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        for child in os.listdir(inner):  # noqa: PTH208 - a descriptor
            if stat.S_ISDIR(os.stat(child, dir_fd=inner, follow_symlinks=False).st_mode):
                os.chmod(child, 0o700, dir_fd=inner)
                os.rename(child, _unused(folder, numbers), src_dir_fd=inner, dst_dir_fd=folder)
            else:
                os.unlink(child, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=folder)


def _unused(folder: int, numbers: "count[int]") -> str:
    for number in numbers:
        name = f".removing-{number}"
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return name
    raise AssertionError("count() has no end")

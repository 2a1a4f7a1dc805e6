"""What a program will find in a folder of data: each file's name, size and beginning, for the prompt.

The same files give the same text everywhere. Knows the formats that competitions use and opens nothing else.
"""

import zipfile
from pathlib import Path

import numpy as np

MAX_FILES = 20
MAX_LINES = 4
MAX_LINE_CHARACTERS = 300
MAX_ARCHIVE_NAMES = 4
_TEXTS = {".csv", ".json", ".jsonl", ".tsv", ".txt"}


def preview(folder: Path, without: frozenset[str] = frozenset()) -> str:
    """Markdown: a heading and a block for each file, in the order of their names; `without` are left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in without)
    shown = [_section(path, path.relative_to(folder).as_posix()) for path in files[:MAX_FILES]]
    if len(files) > MAX_FILES:
        shown.append(f"... and {len(files) - MAX_FILES} more files")
    return "\n\n".join(shown)


def _section(path: Path, name: str) -> str:
    heading = f"## {name} ({path.stat().st_size} bytes)"
    beginning = _beginning(path)
    return heading if beginning is None else f"{heading}\n```\n{beginning}\n```"


def _beginning(path: Path) -> str | None:
    if path.suffix in _TEXTS:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            lines = [file.readline(MAX_LINE_CHARACTERS + 1) for _ in range(MAX_LINES)]
        cut = [line if len(line) <= MAX_LINE_CHARACTERS else f"{line[:MAX_LINE_CHARACTERS]}...\n" for line in lines]
        return "".join(cut).rstrip("\n")
    if path.suffix == ".npy":
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return f"array of shape {array.shape}, {array.dtype}"
    if path.suffix == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        more = f"\n... and {len(names) - MAX_ARCHIVE_NAMES} more" if len(names) > MAX_ARCHIVE_NAMES else ""
        return "\n".join(names[:MAX_ARCHIVE_NAMES]) + more
    return None

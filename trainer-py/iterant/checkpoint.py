"""Checkpoints: written whole or not at all, checked byte for byte before they are believed.

A folder is filled under another name, every file flushed, a manifest of sizes and hashes written last, and then
renamed. Knows files only and imports no torch: `python -m iterant.checkpoint latest FOLDER` answers at once.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
EXTRA = "extra.json"
PARTIAL = ".partial"
READ_BYTES = 1 << 20


class CheckpointError(Exception):
    """A checkpoint that cannot be written or believed: which, what is wrong, what to do."""


def save(folder: str | Path, version: int, extra: Any, fill: Callable[[Path], None]) -> None:
    """Writes a checkpoint: `fill` puts its files into the folder that it is given; `extra` is JSON of the caller's.

    An older one of the same name is replaced at the last moment. Raises CheckpointError, whatever `fill` or the disk
    failed with: libraries report a full disk as errors of their own. What was half-written is removed.
    """
    folder = Path(folder)
    partial = folder.with_name(folder.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        fill(partial)
        (partial / EXTRA).write_text(json.dumps(extra))
        files = {name: _measure(partial / name) for name in _files(partial)}
        manifest = {"version": version, "files": files}
        for path in [*(partial / name for name in files), *_folders(partial)]:
            _sync(path)
        (partial / MANIFEST).write_text(json.dumps({**manifest, "sha256": _hash_of(manifest)}, indent=1))
        _sync(partial / MANIFEST)
        _sync(partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        _sync(folder.parent)
    except Exception as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise CheckpointError(
            f"the checkpoint {folder} could not be written: {reason}. "
            "See that its disk has room and can be written to, then resume the run."
        ) from error


def verify(folder: str | Path) -> dict[str, Any]:
    """The manifest of a whole checkpoint. Raises CheckpointError naming the first file that was altered."""
    folder = Path(folder)

    def refuse(what: str) -> CheckpointError:
        return CheckpointError(f"{folder} is no whole checkpoint: {what}. Resume from an older one.")

    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        written, version = manifest["files"], manifest["version"]
        is_own = manifest["sha256"] == _hash_of({"version": version, "files": written})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise refuse(f"{MANIFEST} cannot be read ({error})") from error
    if not is_own:
        raise refuse(f"{MANIFEST} is not as it was written")
    if sorted(written) != _files(folder):
        raise refuse("it does not hold the files of its manifest")
    for name, measure in written.items():
        try:
            is_same = _measure(folder / name) == measure
        except OSError as error:
            raise refuse(f"{name} cannot be read ({error.strerror})") from error
        if not is_same:
            raise refuse(f"{name} is not as it was written")
    return manifest


def read_extra(folder: str | Path) -> Any:
    return json.loads((Path(folder) / EXTRA).read_text())


def latest(folder: str | Path, complain: Callable[[str], None]) -> Path | None:
    """The newest whole checkpoint in a folder, by name; `complain` hears of each that was passed over."""
    root = Path(folder)
    if not root.is_dir():
        return None
    for candidate in sorted((path for path in root.iterdir() if path.is_dir()), reverse=True):
        if candidate.name.endswith(PARTIAL):
            continue
        try:
            verify(candidate)
            return candidate
        except CheckpointError as error:
            complain(str(error))
    return None


def prune(folder: str | Path, keep: int) -> None:
    """Removes all but the newest `keep`, and what was never finished."""
    root = Path(folder)
    if not root.is_dir():
        return
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    whole = [name for name in names if not name.endswith(PARTIAL)]
    for name in [*whole[:-keep], *(name for name in names if name.endswith(PARTIAL))]:
        shutil.rmtree(root / name, ignore_errors=True)


def _files(folder: Path) -> list[str]:
    """Names of all files but the manifest, in order."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) != MANIFEST)


def _measure(file: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    size = 0
    with file.open("rb") as opened:
        while block := opened.read(READ_BYTES):
            digest.update(block)
            size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _hash_of(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_dir()]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] != "latest":
        print("usage: python -m iterant.checkpoint latest FOLDER", file=sys.stderr)
        return 2
    found = latest(arguments[1], lambda line: print(f"passed over: {line}", file=sys.stderr))
    if found is not None:
        print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

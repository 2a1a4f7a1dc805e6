"""Weights on their way from the learner to the engines: one file a version, named by a manifest.

Lies in shared memory where the host has it, else in the run's folder; the manifest travels through Node, the weights
never do. Knows no model: a state is names and tensors. A version that was cut short or altered is never taken.
"""

import hashlib
import mmap
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

KEPT_VERSIONS = 2
SHARED_MEMORY = Path("/dev/shm")

# version, file, bytes, crc32, aliases: name -> the name under which the same tensor was written
Manifest = dict[str, Any]


class WeightError(Exception):
    """Weights that cannot be taken: which file, what is wrong with it, what to do."""


def open_store(run: str | Path, need_bytes: int = 0) -> Path:
    """The folder where a run's weights lie, made if it is not there; `run/weights` points at it.

    Shared memory if this host has it, with room for `need_bytes` twice; the same place in every life of the run.
    """
    run = Path(run).resolve()
    link = run / "weights"
    name = f"iterant-{hashlib.blake2b(str(run).encode(), digest_size=8).hexdigest()}"
    shared = SHARED_MEMORY / name
    if not os.access(SHARED_MEMORY, os.W_OK) or shutil.disk_usage(SHARED_MEMORY).free < 2 * need_bytes:
        if link.is_symlink():
            link.unlink()
        link.mkdir(parents=True, exist_ok=True)
        return link
    shared.mkdir(mode=0o700, exist_ok=True)
    if link.is_symlink() or not link.exists():
        fresh = run / f"weights.{os.getpid()}"
        fresh.symlink_to(shared)
        fresh.replace(link)
    return shared


def write(store: str | Path, version: int, state: Mapping[str, torch.Tensor]) -> Manifest:
    """Writes a version whole, then removes all but the newest KEPT_VERSIONS. Returns how to find and check it.

    A tensor that stands under two names (tied embeddings) is written once.
    Raises OSError if the store is full or gone; nothing half-written has a version's name.
    """
    store = Path(store)
    own: dict[str, torch.Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() > 0 and place in seen:
            aliases[name] = seen[place]
            continue
        seen[place] = name
        own[name] = tensor.detach().to("cpu").contiguous()
    file = store / f"version-{version}.safetensors"
    partial = store / f"version-{version}.partial"
    try:
        save_file(own, str(partial))
        size, crc32 = _measure(partial)
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _prune(store)
    return {"version": version, "file": str(file), "bytes": size, "crc32": crc32, "aliases": aliases}


def read(manifest: Manifest) -> dict[str, torch.Tensor]:
    """The tensors of a version, checked byte for byte against its manifest; aliases share one tensor.

    Raises WeightError if the file is gone, short, long or altered.
    """
    file = Path(manifest["file"])
    cure = "have the learner publish again"
    try:
        size, crc32 = _measure(file)
    except OSError as error:
        raise WeightError(
            f"weights of version {manifest['version']} cannot be read: {error} - in {file} - {cure}."
        ) from error
    if (size, crc32) != (manifest["bytes"], manifest["crc32"]):
        raise WeightError(
            f"weights of version {manifest['version']} are not what was written: {size} bytes with checksum {crc32}, "
            f"not {manifest['bytes']} with {manifest['crc32']} - in {file} - {cure}."
        )
    state: dict[str, torch.Tensor] = load_file(str(file))
    for name, written in manifest["aliases"].items():
        state[name] = state[written]
    return state


def discard(store: str | Path) -> None:
    """Removes a store with all its versions."""
    shutil.rmtree(store, ignore_errors=True)


def _measure(file: Path) -> tuple[int, int]:
    """Length in bytes and CRC-32; a mapped file is not copied."""
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        if size == 0:
            return 0, 0
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return size, zlib.crc32(mapped)


def _prune(store: Path) -> None:
    files = sorted(store.glob("version-*.safetensors"), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-KEPT_VERSIONS]:
        file.unlink(missing_ok=True)

"""Checkpoints: whole or refused, wherever they were cut."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from iterant import checkpoint

EXTRA = {"iteration": 3, "rows": ["a", 1.5]}


def fill(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 8)
    (folder / "engine").mkdir()
    (folder / "engine" / "state.bin").write_bytes(b"state" * 100)


def make(folder: Path, version: int = 3) -> Path:
    checkpoint.save(folder, version, EXTRA, fill)
    return folder


def test_what_was_saved_is_whole_and_carries_the_callers_own_part(tmp_path: Path) -> None:
    folder = make(tmp_path / "000003")
    manifest = checkpoint.verify(folder)
    assert manifest["version"] == 3
    assert sorted(manifest["files"]) == ["engine/state.bin", "extra.json", "weights.bin"]
    assert checkpoint.read_extra(folder) == EXTRA
    assert [path.name for path in tmp_path.iterdir()] == ["000003"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_checkpoint_with_any_file_cut_changed_or_gone_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "000001"
    make(folder)
    name = data.draw(st.sampled_from(["engine/state.bin", "extra.json", "weights.bin", "manifest.json"]))
    file = folder / name
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["cut", "changed", "gone"]))
    if kind == "cut":
        file.write_bytes(whole[:at])
    elif kind == "changed":
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    else:
        file.unlink()
    with pytest.raises(checkpoint.CheckpointError, match=r"000001 is no whole checkpoint: .*Resume from an older one"):
        checkpoint.verify(folder)


def test_one_that_fails_midway_leaves_nothing_and_the_older_one_of_its_name_stays(tmp_path: Path) -> None:
    folder = make(tmp_path / "000003")

    def full(partial: Path) -> None:
        fill(partial)
        raise OSError(28, "No space left on device")

    with pytest.raises(
        checkpoint.CheckpointError, match=r"000003 could not be written: No space left on device\. See that"
    ):
        checkpoint.save(folder, 4, EXTRA, full)
    assert [path.name for path in tmp_path.iterdir()] == ["000003"]
    assert checkpoint.verify(folder)["version"] == 3


def test_a_full_disk_that_a_library_reports_in_its_own_way_is_one_too(tmp_path: Path) -> None:
    def full(partial: Path) -> None:
        save_file({"weights": torch.zeros(1000)}, str(partial / "model.safetensors"))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(checkpoint.CheckpointError, match=r"000003 could not be written: .*I/O error.*\. See that"):
            checkpoint.save(tmp_path / "000003", 3, EXTRA, full)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_whole_one_is_found_and_what_was_passed_over_is_named(tmp_path: Path) -> None:
    for name in ("000001", "000002", "000003"):
        make(tmp_path / name, int(name))
    (tmp_path / "000004.partial").mkdir()
    (tmp_path / "000003" / "weights.bin").write_bytes(b"short")
    heard: list[str] = []
    assert checkpoint.latest(tmp_path, heard.append) == tmp_path / "000002"
    assert len(heard) == 1
    assert "000003 is no whole checkpoint: weights.bin is not as it was written" in heard[0]
    assert checkpoint.latest(tmp_path / "nowhere", heard.append) is None


def test_the_oldest_and_the_unfinished_go(tmp_path: Path) -> None:
    for name in ("000001", "000002", "000003"):
        make(tmp_path / name)
    (tmp_path / "000004.partial").mkdir()
    checkpoint.prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000002", "000003"]


def test_the_command_answers_without_torch(tmp_path: Path) -> None:
    make(tmp_path / "000007")
    code = (
        "import sys; from iterant import checkpoint; checkpoint.main(sys.argv[1:]); assert 'torch' not in sys.modules"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, "latest", str(tmp_path)], capture_output=True, text=True, check=False, env=env
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / '000007'}\n", "")


def test_a_manifest_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "000001")
    (folder / "manifest.json").write_text(json.dumps([1, 2]))
    with pytest.raises(checkpoint.CheckpointError, match=r"manifest\.json cannot be read"):
        checkpoint.verify(folder)

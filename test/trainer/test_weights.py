"""Weights between learner and engines: whole or refused."""

from pathlib import Path

import pytest
import torch

from iterant import weights


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    embedding = torch.randn(5, 3)
    return {"embed": embedding, "head": embedding, "scale": torch.arange(4, dtype=torch.bfloat16)}


def test_what_is_read_is_what_was_written_and_tied_tensors_stand_once(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    manifest = weights.write(tmp_path, 3, state)
    read = weights.read(manifest)
    assert set(read) == set(state)
    assert all(torch.equal(read[name], state[name]) for name in state)
    assert read["embed"].data_ptr() == read["head"].data_ptr()
    assert manifest["bytes"] < 5 * 3 * 4 * 2 + 200
    assert manifest["version"] == 3


def test_a_changed_byte_anywhere_is_noticed(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    manifest = weights.write(tmp_path, 1, state)
    file = Path(manifest["file"])
    whole = file.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(weights.WeightError, match="weights of version 1 are not what was written"):
            weights.read(manifest)


def test_a_file_cut_short_or_gone_is_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    manifest = weights.write(tmp_path, 1, state)
    file = Path(manifest["file"])
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(weights.WeightError, match="not what was written"):
        weights.read(manifest)
    file.write_bytes(b"")
    with pytest.raises(weights.WeightError, match="0 bytes"):
        weights.read(manifest)
    file.unlink()
    with pytest.raises(weights.WeightError, match=r"cannot be read.*have the learner publish again"):
        weights.read(manifest)


def test_the_two_newest_versions_stay(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    manifests = [weights.write(tmp_path, version, state) for version in range(4)]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["version-2.safetensors", "version-3.safetensors"]
    weights.read(manifests[2])
    weights.read(manifests[3])


def test_a_store_that_fails_midway_leaves_nothing_with_a_versions_name(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_tensors: object, file: str) -> None:
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        weights.write(tmp_path, 1, state)
    assert list(tmp_path.iterdir()) == []


def test_a_run_finds_the_same_store_in_every_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shm"
    shared.mkdir()
    monkeypatch.setattr(weights, "SHARED_MEMORY", shared)
    run = tmp_path / "run"
    run.mkdir()
    store = weights.open_store(run)
    assert store.parent == shared
    assert (run / "weights").resolve() == store
    assert weights.open_store(run) == store
    weights.discard(store)
    assert weights.open_store(run) == store


def test_without_shared_memory_weights_lie_in_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHARED_MEMORY", tmp_path / "absent")
    run = tmp_path / "run"
    run.mkdir()
    store = weights.open_store(run)
    assert store == run / "weights"
    assert store.is_dir()

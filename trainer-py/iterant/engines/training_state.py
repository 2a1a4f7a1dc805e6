"""What a learner needs to go on besides its weights: Adam's moments and the reference policy, by parameter, whole.

The same files whichever engine wrote them and on how many ranks, so that a run can go on with another engine or another
number. Tensors go to disk as they come, in files of bounded size; knows neither optimiser nor rank.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

# A rank need not hold all moments at once to write them.
FILE_BYTES = 2 << 30
HEADER = "training.json"
MOMENTS = ("exp_avg", "exp_avg_sq")
REFERENCE = "reference"


class Writer:
    """Takes tensors one after the other; `close` writes what is left, and the header last.

    The first failure is kept until `close` and later tensors are dropped: whoever gathers them from many ranks must go
    on to the last one, or the others would wait for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, torch.Tensor] = {}
        self._held_bytes = 0
        self._file_count = 0
        self._failure: Exception | None = None

    def add(self, kind: str, name: str, tensor: torch.Tensor) -> None:
        """kind: one of MOMENTS, or REFERENCE; name: the parameter's."""
        if self._failure is not None:
            return
        self._held[f"{kind}/{name}"] = tensor.detach().to("cpu", copy=True).contiguous()
        self._held_bytes += tensor.nbytes
        if self._held_bytes >= FILE_BYTES:
            self._flush()

    def close(self, step_count: int) -> None:
        """step_count: optimiser steps so far. Raises what writing failed with."""
        self._flush()
        if self._failure is not None:
            raise self._failure
        header = {"steps": step_count, "files": self._file_count, "random": torch.get_rng_state().tolist()}
        (self._folder / HEADER).write_text(json.dumps(header))

    def _flush(self) -> None:
        held, self._held, self._held_bytes = self._held, {}, 0
        if not held or self._failure is not None:
            return
        try:
            save_file(held, str(self._folder / _name(self._file_count)))
            self._file_count += 1
        except Exception as failure:  # of any kind: it is raised in `close`
            self._failure = failure


class Reader:
    """Finds tensors by kind and parameter, and reads only those that are asked for."""

    def __init__(self, folder: Path) -> None:
        header = json.loads((folder / HEADER).read_text())
        self.step_count = int(header["steps"])
        self.random = torch.tensor(header["random"], dtype=torch.uint8)
        files: list[Any] = [safe_open(str(folder / _name(at)), framework="pt") for at in range(header["files"])]
        self._place: dict[str, Any] = {name: file for file in files for name in file.keys()}  # noqa: SIM118 no dictionary

    def get(self, kind: str, name: str) -> torch.Tensor | None:
        """None if there is none: a parameter that was never stepped, or no reference was kept."""
        file = self._place.get(f"{kind}/{name}")
        if file is None:
            return None
        tensor: torch.Tensor = file.get_tensor(f"{kind}/{name}")
        return tensor


def load_reference(saved: Reader, reference: torch.nn.Module) -> None:
    """Raises ValueError if none was kept, or it is another model's: the KL term would be against something else."""
    for name, kept in reference.named_parameters():
        tensor = saved.get(REFERENCE, name)
        if tensor is None:
            raise ValueError(
                f"the checkpoint holds no reference policy for {name}: it was trained without a KL term. "
                "Resume with the same, or start a new run from the checkpoint's folder as its model."
            )
        kept.data.copy_(tensor)


def _name(at: int) -> str:
    return f"training-{at:05}.safetensors"

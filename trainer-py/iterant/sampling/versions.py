"""The weights that an engine has: the newest, those prepared to follow them, and copies kept of earlier ones.

Two steps as in any transaction: what is prepared has been read and checked whole, and a commit cannot fail half-way.
A kept version lives as long as it is pinned or somebody is being answered by it.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from iterant import weights
from iterant.sampling.slots import SlotBatch


class Versions:
    """live  the slots of the newest weights, whose version changes under them

    build  slots over a model at a version
    """

    def __init__(self, model: Any, build: Callable[[Any, int], SlotBatch]) -> None:
        self.live = build(model, 0)
        self._build = build
        self._prepared: tuple[int, Mapping[str, torch.Tensor]] | None = None
        self._kept: dict[int, SlotBatch] = {}
        self._pins: dict[int, int] = {}
        # Slots of a version that nobody needs any more: their memory serves the next one.
        self._spare: SlotBatch | None = None

    @property
    def prepared(self) -> int | None:
        return None if self._prepared is None else self._prepared[0]

    @property
    def pinned(self) -> list[int]:
        return sorted(self._pins)

    def batches(self) -> list[SlotBatch]:
        return [self.live, *self._kept.values()]

    def of(self, version: int | None) -> SlotBatch:
        """Slots whose weights are exactly this version's to the last token; the newest, swapped in flight, for None.

        Raises ValueError for a version that is neither the newest nor pinned.
        """
        if version is None:
            return self.live
        if version in self._kept:
            return self._kept[version]
        if version == self.live.version:
            return self._keep(version)
        pinned = ", ".join(map(str, self.pinned)) or "none"
        raise ValueError(
            f"version {version} is not here: the newest is {self.live.version}, pinned are {pinned}. "
            "Pin a version while it is the newest."
        )

    # --- transactions ---------------------------------------------------------------------------------

    def prepare(self, manifest: weights.Manifest) -> None:
        """Reads and checks weights without using them. Raises WeightError; what is in force stays so."""
        lacking = sorted({"version", "file", "bytes", "crc32", "aliases"} - set(manifest))
        if lacking:
            raise weights.WeightError(f"a manifest of weights has no {lacking[0]}: send what weights.write returned.")
        state = weights.read(manifest)
        own = self.live.model.state_dict()
        where, cure = f"weights of version {manifest['version']}", "Start learner and engine from the same folder."
        odd = sorted(set(own) ^ set(state))
        if odd:
            side = "they lack" if odd[0] in own else "they bring"
            raise weights.WeightError(f"{where} are of another model: {side} {odd[0]}. {cure}")
        for name, tensor in own.items():
            if state[name].shape != tensor.shape:
                shapes = f"{list(state[name].shape)}, not {list(tensor.shape)}"
                raise weights.WeightError(f"{where} are of another model: {name} is {shapes}. {cure}")
        self._prepared = (int(manifest["version"]), state)

    def commit(self, version: int) -> bool:
        """Puts prepared weights in force, in place. False if they are already.

        Raises ValueError if they were not prepared.
        """
        if self.prepared != version:
            if self.live.version == version:
                return False  # told twice
            there = "nothing is" if self.prepared is None else f"{self.prepared} is"
            raise ValueError(f"weights of version {version} were not prepared, {there}: prepare them first.")
        assert self._prepared is not None
        _copy_into(self.live.model, self._prepared[1])
        self.live.version = version
        self._prepared = None
        return True

    def rollback(self, version: int) -> None:
        """Forgets what was prepared, if it was this version."""
        if self.prepared == version:
            self._prepared = None

    # --- pins -----------------------------------------------------------------------------------------

    def pin(self, version: int) -> None:
        """Keeps a version until it is unpinned as often. Raises ValueError if it is not here."""
        self.of(version)
        self._pins[version] = self._pins.get(version, 0) + 1

    def unpin(self, version: int) -> None:
        """What is being answered by it comes to its end first. A version that is not pinned: nothing to do."""
        if version in self._pins:
            self._pins[version] -= 1
            if self._pins[version] == 0:
                del self._pins[version]

    def release(self, wanted: Iterable[SlotBatch]) -> None:
        """Lets go of kept versions that are neither pinned, nor wanted by anybody who waits, nor at work."""
        if len(self._kept) == len(self._pins):
            return
        wanted = set(wanted)
        for version, batch in list(self._kept.items()):
            if version not in self._pins and batch.active_count == 0 and batch not in wanted:
                del self._kept[version]
                self._spare = batch

    def _keep(self, version: int) -> SlotBatch:
        if self._spare is None:
            batch = self._build(copy.deepcopy(self.live.model), version)
        else:
            batch, self._spare = self._spare, None
            _copy_into(batch.model, self.live.model.state_dict())
            batch.version = version
        self._kept[version] = batch
        return batch


def _copy_into(model: Any, state: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(state[name])

"""The learner as an actor: commands in the order of their coming, weights into shared memory, checkpoints on disk.

Knows where things lie; what an update computes is the learner's.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iterant import checkpoint, weights
from iterant.learner import Learner, Report

# What a checkpoint takes over from the model's folder, so that it is a model's folder itself.
COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    "generation_config.json",
    "added_tokens.json",
)


class LearnerActor:
    """Methods are what actors/learner-proxy.ts calls."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._run = Path(config["run"])
        self._keep = int(config["keep_checkpoints"])
        self._learner = Learner(config["learner"])
        self._model = Path(config["learner"]["model"])
        state = self._learner.state()
        self._store = weights.open_store(self._run, sum(tensor.nbytes for tensor in state.values()))

    def update(self, batch: Mapping[str, Any], base_version: int) -> Report:
        """One update; refused with `version_mismatch` if the learner does not stand at `base_version`."""
        if base_version != self._learner.version:
            raise ValueError(
                f"version_mismatch: the learner stands at version {self._learner.version}, and this batch is for "
                f"{base_version}. Restore a checkpoint and repeat what came after it."
            )
        return self._learner.update(batch)

    def publish(self) -> weights.Manifest:
        """Writes the weights where engines find them."""
        return weights.write(self._store, self._learner.version, self._learner.state())

    def save(self, folder: str, extra: Any) -> None:
        """A checkpoint, which is a model's folder too. Raises CheckpointError if it cannot be written."""

        def fill(partial: Path) -> None:
            self._learner.save(partial)
            for name in COMPANIONS:
                if (self._model / name).exists() and not (partial / name).exists():
                    shutil.copyfile(self._model / name, partial / name)

        checkpoint.save(folder, self._learner.version, extra, fill)
        checkpoint.prune(Path(folder).parent, self._keep)

    def restore(self, folder: str) -> dict[str, Any]:
        """Goes on from a checkpoint. Raises CheckpointError for one that is not whole."""
        manifest = checkpoint.verify(folder)
        self._learner.load(Path(folder), int(manifest["version"]))
        return {"version": self._learner.version, "extra": checkpoint.read_extra(folder)}

    def describe(self) -> dict[str, Any]:
        return self._learner.describe()

    def status(self) -> dict[str, Any]:
        return {"version": self._learner.version}

    def stop(self, _reason: str) -> None:
        self._learner.engine.close()
        weights.discard(self._store)

"""The learner engine of many ranks, seen from rank 0: every verb is one order to the gang."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from iterant.engines.gang import Gang
from iterant.engines.seam import EngineSettings, Sums
from iterant.losses import Objective
from iterant.micro_batch import MicroBatch


class DeepSpeedEngine:
    """See `seam.LearnerEngine`. Ranks that are there already serve one engine after the other."""

    def __init__(self, settings: EngineSettings, gang: Gang | None = None) -> None:
        self._settings = settings
        self._gang = gang or Gang(settings.ranks, settings.device, settings.threads)
        self._gang.open(settings)
        self.vocabulary_size = self._gang.shard.vocabulary_size
        self.sharing_width = self._gang.shard.sharing_width

    def logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        scored: list[torch.Tensor] = self._gang.order("logprobs", list(micro_batches))
        return scored

    def reference_logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        if not self._settings.has_reference:
            raise ValueError("no reference policy is kept: the objective has no KL term.")
        scored: list[torch.Tensor] = self._gang.order("reference_logprobs", list(micro_batches))
        return scored

    def backward(
        self,
        micro_batches: Sequence[MicroBatch],
        objective: Objective,
        proximal: Sequence[torch.Tensor] | None,
        reference: Sequence[torch.Tensor] | None,
    ) -> Sums:
        sums: Sums = self._gang.order("backward", list(micro_batches), objective, proximal, reference)
        return sums

    def gradient(self) -> Mapping[str, torch.Tensor]:
        gradient: Mapping[str, torch.Tensor] = self._gang.order("gradient")
        return gradient

    def step(self, learning_rate: float) -> float:
        norm: float = self._gang.order("step", learning_rate)
        if not math.isfinite(norm):
            self._gang.close()  # it has reached the weights of every rank: none of them may be used again
        return norm

    def move_reference(self, alpha: float) -> None:
        if self._settings.has_reference:
            self._gang.order("move_reference", alpha)

    def state(self) -> Mapping[str, torch.Tensor]:
        state: Mapping[str, torch.Tensor] = self._gang.order("state")
        return state

    def save(self, folder: Path) -> None:
        failure: Exception | None = self._gang.order("save", folder)
        if failure is not None:
            raise failure  # the ranks are in step all the same: the next order finds them

    def load(self, folder: Path) -> None:
        self._gang.order("load", folder)

    def describe(self) -> dict[str, object]:
        return {
            "engine": "deepspeed",
            "ranks": self._settings.ranks,
            "zero_stage": self._settings.zero_stage,
            "pids": self._gang.pids(),
            "parameters": self._gang.shard.parameter_count,
        }

    def close(self) -> None:
        self._gang.close()

"""The seam between the learner and what holds its weights: few verbs, the same for one process and for many ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from iterant.losses import Objective
from iterant.micro_batch import MicroBatch


@dataclass(frozen=True)
class EngineSettings:
    """temperature  with which responses were sampled
    has_reference  keep a reference policy for the KL term
    ranks, zero_stage  DeepSpeed's
    clip_norm      of the gradient; None leaves it as it is
    """

    model: str
    temperature: float
    has_reference: bool
    seed: int
    kind: str = "torch"
    ranks: int = 1
    zero_stage: int = 2
    device: str = "auto"
    autocast: str = "none"
    micro_batch_tokens: int = 1024
    threads: int = 1
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0


# Sums over tokens, to be divided by their count: see `learner.Learner.update`.
Sums = dict[str, float]


class LearnerEngine(Protocol):
    """Every rank of an engine is told the same, in the same order; the answers are the whole batch's."""

    vocabulary_size: int
    # Hidden size of a model that can read a prompt once for several rollouts (`micro_batch.cut`), else 0.
    sharing_width: int

    def logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        """Under the weights as they are, without gradient: [R, S] for each micro-batch."""

    def reference_logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        """The same under the reference policy."""

    def backward(
        self,
        micro_batches: Sequence[MicroBatch],
        objective: Objective,
        proximal: Sequence[torch.Tensor] | None,
        reference: Sequence[torch.Tensor] | None,
    ) -> Sums:
        """Adds the gradient of the whole batch, and gives sums over its tokens.

        proximal   None: the weights are the ones before the batch's first step
        reference  None: the objective has no KL term
        """

    def gradient(self) -> Mapping[str, torch.Tensor]:
        """What `backward` has added since the last step, whole, by parameter: for tests and for diagnosis."""

    def step(self, learning_rate: float) -> float:
        """One optimiser step over the gradient added since the last. Returns its norm before clipping.

        Where the norm is not finite nothing comes of it: torch drops the gradient, DeepSpeed ends with its ranks.
        """

    def move_reference(self, alpha: float) -> None:
        """ref <- alpha theta + (1 - alpha) ref (exit-paper 3.3)."""

    def state(self) -> Mapping[str, torch.Tensor]:
        """All weights, whole, on the process that asks."""

    def save(self, folder: Path) -> None:
        """Weights as a model's folder, and `training_state`, as files in a folder that is there."""

    def load(self, folder: Path) -> None:
        """Goes on from what any engine saved, on any number of ranks."""

    def describe(self) -> dict[str, object]: ...

    def close(self) -> None: ...

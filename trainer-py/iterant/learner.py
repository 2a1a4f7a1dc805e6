"""The learner: one batch, one update, one report. Blind to tasks, rewards and environments.

Knows the objective, the learning rate's course, epochs and the reference policy; what holds the weights is an engine.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iterant.batch import parse_batch, token_weights
from iterant.engines import open_engine
from iterant.engines.seam import EngineSettings
from iterant.losses import objective_of
from iterant.micro_batch import cut

Report = dict[str, float]


@dataclass(frozen=True)
class LearnerConfig:
    """In the words of actors/program.ts `learnerConfigOf`.

    epochs              passes over each batch, a step each
    reference_interval  M: updates between moves of the reference policy
    reference_alpha     alpha: ref <- alpha theta + (1 - alpha) ref
    """

    model: str
    engine: Mapping[str, Any]
    optimiser: Mapping[str, Any]
    loss: Mapping[str, Any]
    seed: int = 0
    temperature: float = 1.0
    learning_rate: float = 1e-6
    warmup_updates: int = 0
    epochs: int = 1
    reference_interval: int = 100
    reference_alpha: float = 1.0


class Learner:
    """`version` counts updates that were applied."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = LearnerConfig(**config)
        self._objective = objective_of(self._config.loss)
        self._settings = EngineSettings(
            model=self._config.model,
            temperature=self._config.temperature,
            has_reference=self._objective.needs_reference,
            seed=self._config.seed,
            **self._config.engine,
            **self._config.optimiser,
        )
        self.engine = open_engine(self._settings)
        self.version = 0

    def update(self, fields: Mapping[str, Any]) -> Report:
        """Trains on a batch as it came over the wire.

        A batch without a token to train on moves nothing but the version. Raises ValueError for one that is malformed,
        FloatingPointError for a gradient that is not finite: that step is not taken, and the version stays.
        Returns means over the tokens that were trained on; of the first epoch, where the weights are the ones before:
        loss, entropy, kl (k3, against the reference), ratio_mean, ratio_max, clip_share, and logprob_gap_mean and _max
        (|sampler - learner| over tokens of lag 0, where there are any: engine and learner must agree there);
        and grad_norm (of the last step), learning_rate, token_count, tokens_per_s, update_s, version.
        """
        began_s = time.monotonic()
        batch = parse_batch(fields, self.engine.vocabulary_size)
        objective, settings = self._objective, self._settings
        weights = token_weights(batch, objective.denominator, objective.max_length)
        micro_batches = cut(batch, weights, settings.micro_batch_tokens, self.version, self.engine.sharing_width)
        learning_rate = self._learning_rate()
        report: Report = {"token_count": float(batch.token_count), "learning_rate": learning_rate}
        if micro_batches:
            # One step: the policy before it is the one that takes it, and its scores come with the backward pass.
            is_proximal_needed = objective.needs_proximal and self._config.epochs > 1
            proximal = self.engine.logprobs(micro_batches) if is_proximal_needed else None
            reference = self.engine.reference_logprobs(micro_batches) if objective.needs_reference else None
            for epoch in range(self._config.epochs):
                sums = self.engine.backward(micro_batches, objective, proximal, reference)
                report["grad_norm"] = norm = self.engine.step(learning_rate)
                if not math.isfinite(norm):
                    raise FloatingPointError(
                        f"the gradient's norm is {norm} - batch {batch.batch_id}, epoch {epoch}, at version "
                        f"{self.version} - look at its advantages and log-probabilities; lower learner.learningRate."
                    )
                if epoch == 0:
                    report |= _means(sums)
        self.version += 1
        if self.version % self._config.reference_interval == 0:
            self.engine.move_reference(self._config.reference_alpha)
        report["version"] = float(self.version)
        report["update_s"] = time.monotonic() - began_s
        report["tokens_per_s"] = batch.token_count / report["update_s"]
        return report

    def state(self) -> Mapping[str, torch.Tensor]:
        return self.engine.state()

    def save(self, folder: Path) -> None:
        self.engine.save(folder)

    def load(self, folder: Path, version: int) -> None:
        self.engine.load(folder)
        self.version = version

    def describe(self) -> dict[str, Any]:
        return {**self.engine.describe(), "version": self.version, "model": self._config.model}

    def _learning_rate(self) -> float:
        """Grows evenly over the warm-up, then stays."""
        warm = self._config.warmup_updates
        share = min(1.0, (self.version + 1) / warm) if warm > 0 else 1.0
        return self._config.learning_rate * share


def _means(sums: Mapping[str, float]) -> Report:
    tokens = max(sums["tokens"], 1.0)
    report = {
        "loss": sums["loss"],
        "entropy": sums["entropy"] / tokens,
        "ratio_mean": sums["ratio"] / tokens,
        "ratio_max": sums["ratio_max"],
        "clip_share": sums["clipped"] / tokens,
    }
    if sums["fresh"] > 0:
        report |= {"logprob_gap_mean": sums["gap"] / sums["fresh"], "logprob_gap_max": sums["gap_max"]}
    if "kl" in sums:
        report["kl"] = sums["kl"] / tokens
    return report

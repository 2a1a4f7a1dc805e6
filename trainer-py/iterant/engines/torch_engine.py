"""The learner engine of one process: torch and AdamW. The default on a CPU."""

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from iterant.engines import training_state
from iterant.engines.policy import Policy, add_sums, device_of, sharing_width
from iterant.engines.seam import EngineSettings, Sums
from iterant.losses import Objective
from iterant.micro_batch import MicroBatch
from iterant.models import load_model


class TorchEngine:
    """See `seam.LearnerEngine`."""

    def __init__(self, settings: EngineSettings) -> None:
        if settings.ranks > 1:
            raise ValueError(f"learner.ranks is {settings.ranks}: engine torch is one process. Use deepspeed.")
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self._settings = settings
        device = device_of(settings.device)
        self._model = load_model(settings.model, device=str(device))
        self.vocabulary_size = int(self._model.get_input_embeddings().num_embeddings)
        self._reference = copy.deepcopy(self._model).requires_grad_(False) if settings.has_reference else None
        self._policy = Policy(settings.temperature, settings.autocast, device)
        self.sharing_width = sharing_width(self._model, device)
        self._step_count = 0
        self._optimiser = torch.optim.AdamW(
            self._model.parameters(),
            lr=0.0,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        return self._policy.score(self._model, micro_batches)

    def reference_logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        if self._reference is None:
            raise ValueError("no reference policy is kept: the objective has no KL term.")
        return self._policy.score(self._reference, micro_batches)

    def backward(
        self,
        micro_batches: Sequence[MicroBatch],
        objective: Objective,
        proximal: Sequence[torch.Tensor] | None,
        reference: Sequence[torch.Tensor] | None,
    ) -> Sums:
        total: Sums = {}
        for at, micro in enumerate(micro_batches):
            loss, sums = self._policy.loss(
                self._model,
                micro,
                objective,
                None if proximal is None else proximal[at],
                None if reference is None else reference[at],
            )
            loss.backward()
            add_sums(total, sums)
        return total

    def gradient(self) -> Mapping[str, torch.Tensor]:
        return {name: own.grad.clone() for name, own in self._model.named_parameters() if own.grad is not None}

    def step(self, learning_rate: float) -> float:
        limit = self._settings.clip_norm
        norm = float(torch.nn.utils.clip_grad_norm_(self._model.parameters(), limit if limit else math.inf))
        if math.isfinite(norm):
            for group in self._optimiser.param_groups:
                group["lr"] = learning_rate
            self._optimiser.step()
            self._step_count += 1
        self._optimiser.zero_grad(set_to_none=False)
        return norm

    def move_reference(self, alpha: float) -> None:
        if self._reference is None:
            return
        with torch.no_grad():
            for kept, own in zip(self._reference.parameters(), self._model.parameters(), strict=True):
                kept.lerp_(own, alpha)

    def state(self) -> Mapping[str, torch.Tensor]:
        state: Mapping[str, torch.Tensor] = self._model.state_dict()
        return state

    def save(self, folder: Path) -> None:
        self._model.save_pretrained(folder)
        writer = training_state.Writer(folder)
        for name, own in self._model.named_parameters():
            for kind in training_state.MOMENTS:
                if kind in self._optimiser.state[own]:
                    writer.add(kind, name, self._optimiser.state[own][kind])
        if self._reference is not None:
            for name, kept in self._reference.named_parameters():
                writer.add(training_state.REFERENCE, name, kept)
        writer.close(self._step_count)

    def load(self, folder: Path) -> None:
        saved = training_state.Reader(folder)
        self._model.load_state_dict(load_model(folder).state_dict())
        self._optimiser.state.clear()
        for name, own in self._model.named_parameters():
            moments = {kind: saved.get(kind, name) for kind in training_state.MOMENTS}
            if all(moment is not None for moment in moments.values()):
                state = {kind: moment.to(own.device) for kind, moment in moments.items() if moment is not None}
                state["step"] = torch.tensor(float(saved.step_count), device=own.device)
                self._optimiser.state[own] = state
        if self._reference is not None:
            training_state.load_reference(saved, self._reference)
        self._step_count = saved.step_count
        torch.set_rng_state(saved.random)

    def describe(self) -> dict[str, object]:
        count = sum(parameter.numel() for parameter in self._model.parameters())
        return {"engine": "torch", "ranks": 1, "device": str(self._model.device), "parameters": count}

    def close(self) -> None:
        """Nothing outside this process is held."""

"""One rank's part of a DeepSpeed engine: every rank is told the same, in the same order, and does its share.

ZeRO 0 to 3, gloo on a CPU and NCCL on GPUs. Knows nothing of who gives the orders; with `gang` the only door to
deepspeed.
"""

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import deepspeed
import torch
import torch.distributed as dist
from deepspeed.utils import (
    safe_get_full_grad,
    safe_get_full_optimizer_state,
    safe_set_full_fp32_param,
    safe_set_full_optimizer_state,
)

from iterant.engines import training_state
from iterant.engines.policy import Policy, add_sums, device_of, sharing_width
from iterant.engines.seam import EngineSettings, Sums
from iterant.losses import Objective
from iterant.micro_batch import MicroBatch
from iterant.models import load_model


class Shard:
    """Methods are the orders; each is collective, so all ranks must run it."""

    def __init__(self, settings: EngineSettings) -> None:
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        self._stage = settings.zero_stage
        self._step_count = 0
        device = device_of(settings.device)
        self._device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if device.type == "cuda" else device
        model = load_model(settings.model, device=str(self._device))
        self.vocabulary_size = int(model.get_input_embeddings().num_embeddings)
        self.parameter_count = sum(own.numel() for own in model.parameters())
        self._policy = Policy(settings.temperature, settings.autocast, self._device)
        self.sharing_width = sharing_width(model, self._device)
        self._reference = copy.deepcopy(model).requires_grad_(False) if settings.has_reference else None
        self._engine, self._optimiser, _, _ = deepspeed.initialize(
            model=model, model_parameters=list(model.parameters()), config=_config_of(settings)
        )
        self._engine.eval()  # no dropout: ratios are 1 on-policy

    def logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor] | None:
        return self._collect(self._policy.score(self._engine, self._mine(micro_batches)), len(micro_batches))

    def reference_logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor] | None:
        return self._collect(self._policy.score(self._reference, self._mine(micro_batches)), len(micro_batches))

    def backward(
        self,
        micro_batches: Sequence[MicroBatch],
        objective: Objective,
        proximal: Sequence[torch.Tensor] | None,
        reference: Sequence[torch.Tensor] | None,
    ) -> Sums | None:
        """DeepSpeed averages gradients over ranks; the loss is multiplied by their number, so that they are summed."""
        mine = self._mine(micro_batches)
        own_proximal = None if proximal is None else self._share(proximal)
        own_reference = None if reference is None else self._share(reference)
        total: Sums = {}
        for at, micro in enumerate(mine):
            loss, sums = self._policy.loss(
                self._engine,
                micro,
                objective,
                None if own_proximal is None else own_proximal[at],
                None if own_reference is None else own_reference[at],
            )
            self._engine.set_gradient_accumulation_boundary(at == len(mine) - 1)
            self._engine.backward(loss * self.count)
            add_sums(total, sums)
        parts: list[Sums] = [{} for _ in range(self.count)]
        dist.all_gather_object(parts, total)
        whole: Sums = {}
        for part in parts:
            add_sums(whole, part)
        return whole if self.rank == 0 else None

    def gradient(self) -> Mapping[str, torch.Tensor] | None:
        whole = {name: safe_get_full_grad(own).clone() for name, own in self._named()}
        return whole if self.rank == 0 else None

    def step(self, learning_rate: float) -> float:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        norm = self._plain_norm() if self._stage == 0 else None
        self._engine.step()
        self._step_count += 1
        return norm if norm is not None else float(self._engine.get_global_grad_norm())

    def move_reference(self, alpha: float) -> None:
        assert self._reference is not None
        with torch.no_grad(), self._whole():
            for kept, own in zip(self._reference.parameters(), self._engine.module.parameters(), strict=True):
                kept.lerp_(own.to(kept.device), alpha)

    def state(self) -> Mapping[str, torch.Tensor] | None:
        with self._whole():
            if self.rank != 0:
                return None
            return {name: tensor.detach().cpu().clone() for name, tensor in self._engine.module.state_dict().items()}

    # --- what goes to disk ------------------------------------------------------------------------------

    def save(self, folder: Path) -> Exception | None:
        """Rank 0 writes what all gather. Gives the failure instead of raising it, so that no rank is left waiting."""
        weights = self.state()
        writer = training_state.Writer(folder) if self.rank == 0 else None
        for name, own in self._named():
            for kind in training_state.MOMENTS if self._step_count > 0 else ():
                moment = self._moment(own, kind)
                if writer is not None:
                    writer.add(kind, name, moment)
        if writer is None:
            return None
        try:
            self._engine.module.save_pretrained(folder, state_dict=weights)
            if self._reference is not None:
                for name, kept in self._reference.named_parameters():
                    writer.add(training_state.REFERENCE, name, kept)
            writer.close(self._step_count)
        except Exception as failure:  # a full disk, most likely; whoever asked for the checkpoint says so
            return failure
        return None

    def load(self, folder: Path) -> None:
        saved = training_state.Reader(folder)
        weights = load_model(folder).state_dict()
        with torch.no_grad(), self._whole(modifier=0):
            for name, own in self._named():
                if own.numel() > 0:
                    own.copy_(weights[name])
        self._begin_moments(saved.step_count)
        for name, own in self._named():
            if self._stage > 0:
                safe_set_full_fp32_param(own, weights[name].to(self._device))
            for kind in training_state.MOMENTS:
                moment = saved.get(kind, name)
                if moment is not None:
                    self._set_moment(own, kind, moment.to(self._device))
        if self._reference is not None:
            training_state.load_reference(saved, self._reference)
        self._step_count = saved.step_count

    def _moment(self, own: torch.Tensor, kind: str) -> torch.Tensor:
        moment: torch.Tensor
        moment = self._optimiser.state[own][kind] if self._stage == 0 else safe_get_full_optimizer_state(own, kind)
        return moment

    def _set_moment(self, own: torch.Tensor, kind: str, moment: torch.Tensor) -> None:
        if self._stage == 0:
            self._optimiser.state[own][kind].copy_(moment)
        else:
            safe_set_full_optimizer_state(own, moment, kind)

    def _begin_moments(self, step_count: int) -> None:
        """Zero moments after so many steps: the optimiser makes its own only in its first step."""
        inner = self._optimiser if self._stage == 0 else self._optimiser.optimizer
        for held in self._held():
            inner.state[held] = {kind: torch.zeros_like(held) for kind in training_state.MOMENTS}
            inner.state[held]["step"] = torch.tensor(float(step_count))
        if self._stage in (1, 2):
            self._optimiser._hp_optimizer_states_linked = False
            self._optimiser._lazy_init_hp_params_optimizer_state()

    def _held(self) -> list[torch.Tensor]:
        """What this rank's AdamW steps: parameters, or flat parts of all of them."""
        if self._stage == 0:
            return list(self._engine.module.parameters())
        if self._stage == 3:
            return list(self._optimiser.fp32_partitioned_groups_flat)
        return list(self._optimiser.single_partition_of_fp32_groups)

    # --- shares ---------------------------------------------------------------------------------------

    def _mine(self, micro_batches: Sequence[MicroBatch]) -> list[MicroBatch]:
        """This rank's micro-batches; a rank with fewer gets one that weighs nothing, since all must run alike."""
        own = list(micro_batches[self.rank :: self.count])
        most = -(-len(micro_batches) // self.count)
        if len(own) < most:
            spare = micro_batches[0]
            nothing = {name: torch.zeros_like(getattr(spare, name)) for name in ("mask", "weights", "is_fresh")}
            own.append(replace(spare, **nothing))
        return own

    def _share(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        own = list(tensors[self.rank :: self.count])
        most = -(-len(tensors) // self.count)
        return own if len(own) == most else [*own, tensors[0]]

    def _collect(self, own: list[torch.Tensor], total: int) -> list[torch.Tensor] | None:
        """All micro-batches' tensors in their order, on rank 0."""
        parts: list[list[torch.Tensor]] = [[] for _ in range(self.count)]
        dist.all_gather_object(parts, own)
        if self.rank != 0:
            return None
        return [parts[at % self.count][at // self.count] for at in range(total)]

    def _named(self) -> Iterator[tuple[str, torch.Tensor]]:
        found: Iterator[tuple[str, torch.Tensor]] = self._engine.module.named_parameters()
        return found

    def _whole(self, modifier: int | None = None) -> Any:
        """All parameters whole on every rank, where ZeRO 3 has cut them up; what rank `modifier` writes is spread."""
        parameters = list(self._engine.module.parameters())
        return deepspeed.zero.GatheredParameters(parameters, modifier_rank=modifier, enabled=self._stage == 3)

    def _plain_norm(self) -> float:
        grads = [own.grad for own in self._engine.module.parameters() if own.grad is not None]
        return float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(grad) for grad in grads])))


def _config_of(settings: EngineSettings) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": settings.clip_norm or 0.0,
        "zero_optimization": {"stage": settings.zero_stage},
        "zero_allow_untested_optimizer": True,
        "optimizer": {
            "type": "AdamW",
            "params": {
                "lr": 0.0,
                "betas": [settings.beta1, settings.beta2],
                "eps": 1e-8,
                "weight_decay": settings.weight_decay,
                "torch_adam": True,
            },
        },
        "steps_per_print": 10**9,
        "wall_clock_breakdown": False,
    }

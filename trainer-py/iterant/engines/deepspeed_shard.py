"""One rank's part of a DeepSpeed engine: every rank is told the same, in the same order, and does its share.

The only door to deepspeed. Gloo on a CPU, NCCL on GPUs; ZeRO 0 to 3. Knows nothing of who gives the orders.
"""

import copy
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from iterant.batch import MicroBatch
from iterant.engines.policy import Policy, add_sums, device_of
from iterant.engines.seam import EngineSettings, Sums
from iterant.losses import Objective
from iterant.models import load_model

# Between two updates a rank waits for its next order: as long as environments take.
ORDER_TIMEOUT = timedelta(days=7)
TAG = "engine"


class Shard:
    """Methods are the orders; each is collective, so all ranks must run it."""

    def __init__(self, settings: EngineSettings) -> None:
        import deepspeed

        torch.set_num_threads(settings.threads)
        self._settings = settings
        self.rank = int(os.environ["RANK"])
        self.world = int(os.environ["WORLD_SIZE"])
        device = device_of(settings.device)
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        # Its shared-memory operator would be compiled here for minutes, and a process killed meanwhile leaves a lock
        # on which every later start waits for ever. Gloo gives the same sums.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        backend = "nccl" if device.type == "cuda" else "gloo"
        deepspeed.init_distributed(dist_backend=backend, timeout=ORDER_TIMEOUT, verbose=False)
        torch.manual_seed(settings.seed)
        model = load_model(settings.model, device=str(device))
        self._device = device
        self._policy = Policy(settings.temperature, settings.autocast, device)
        self._reference = copy.deepcopy(model).requires_grad_(False) if settings.has_reference else None
        self._gathered = deepspeed.zero.GatheredParameters
        self._engine, self._optimiser, _, _ = deepspeed.initialize(
            model=model, model_parameters=list(model.parameters()), config=_config_of(settings)
        )
        self._engine.eval()  # no dropout: ratios are 1 on-policy

    def logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor] | None:
        return self._collect(self._policy.score(self._engine, self._mine(micro_batches)), len(micro_batches))

    def reference_logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor] | None:
        if self._reference is None:
            raise ValueError("no reference policy is kept: the objective has no KL term.")
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
            self._engine.backward(loss * self.world)
            add_sums(total, sums)
        parts: list[Sums] = [{} for _ in range(self.world)]
        dist.all_gather_object(parts, total)
        whole: Sums = {}
        for part in parts:
            add_sums(whole, part)
        return whole if self.rank == 0 else None

    def gradient(self) -> Mapping[str, torch.Tensor] | None:
        from deepspeed.utils import safe_get_full_grad

        whole = {name: safe_get_full_grad(own).clone() for name, own in self._engine.module.named_parameters()}
        return whole if self.rank == 0 else None

    def step(self, learning_rate: float) -> float:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        norm = self._plain_norm() if self._settings.zero_stage == 0 else None
        self._engine.step()
        return norm if norm is not None else float(self._engine.get_global_grad_norm())

    def move_reference(self, alpha: float) -> None:
        if self._reference is None:
            return
        with torch.no_grad(), self._whole():
            for kept, own in zip(self._reference.parameters(), self._engine.module.parameters(), strict=True):
                kept.lerp_(own.to(kept.device), alpha)

    def state(self) -> Mapping[str, torch.Tensor] | None:
        with self._whole():
            if self.rank != 0:
                return None
            return {name: tensor.detach().cpu().clone() for name, tensor in self._engine.module.state_dict().items()}

    def save(self, folder: Path) -> None:
        state = self.state()
        if state is not None:
            self._engine.module.save_pretrained(folder, state_dict=state)
        self._engine.save_checkpoint(str(folder), tag=TAG)
        if self._reference is not None and self.rank == 0:
            torch.save(self._reference.state_dict(), folder / "reference.pt")
        dist.barrier()

    def load(self, folder: Path) -> None:
        found, _ = self._engine.load_checkpoint(str(folder), tag=TAG)
        if found is None:
            raise ValueError(f"{folder} holds no DeepSpeed state: it was written by another engine.")
        if self._reference is not None:
            state = torch.load(folder / "reference.pt", map_location=self._device, weights_only=True)
            self._reference.load_state_dict(state)

    def parameter_count(self) -> int:
        return sum(int(getattr(own, "ds_numel", own.numel())) for own in self._engine.module.parameters())

    # --- shares ---------------------------------------------------------------------------------------

    def _mine(self, micro_batches: Sequence[MicroBatch]) -> list[MicroBatch]:
        """This rank's micro-batches; a rank with fewer gets one that weighs nothing, since all must run alike."""
        own = list(micro_batches[self.rank :: self.world])
        most = -(-len(micro_batches) // self.world)
        if len(own) < most:
            spare = micro_batches[0]
            own.append(
                MicroBatch(
                    spare.ids,
                    torch.zeros_like(spare.mask),
                    spare.behaviour_logprobs,
                    spare.advantages,
                    torch.zeros_like(spare.weights),
                    spare.versions,
                )
            )
        return own

    def _share(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        own = list(tensors[self.rank :: self.world])
        most = -(-len(tensors) // self.world)
        return own if len(own) == most else [*own, tensors[0]]

    def _collect(self, own: list[torch.Tensor], count: int) -> list[torch.Tensor] | None:
        """All micro-batches' tensors in their order, on rank 0."""
        parts: list[list[torch.Tensor]] = [[] for _ in range(self.world)]
        dist.all_gather_object(parts, own)
        if self.rank != 0:
            return None
        return [parts[at % self.world][at // self.world] for at in range(count)]

    def _whole(self) -> Any:
        """All parameters whole on every rank, where ZeRO 3 has cut them up."""
        is_cut = self._settings.zero_stage == 3
        return self._gathered(list(self._engine.module.parameters()), enabled=is_cut)

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

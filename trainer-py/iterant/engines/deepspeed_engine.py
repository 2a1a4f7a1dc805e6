"""The learner engine of many ranks: this process is rank 0, starts the others, and gives all orders.

A rank that dies takes the gang with it at once, with one line that says which: its supervisor starts it again.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from iterant.batch import MicroBatch
from iterant.engines.deepspeed_shard import Shard
from iterant.engines.rank import END, broadcast
from iterant.engines.seam import EngineSettings, Sums
from iterant.losses import Objective

STOP_GRACE_S = 20.0


class DeepSpeedEngine:
    """See `seam.LearnerEngine`."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._is_closing = False
        environment = _environment(settings)
        self._ranks = [self._start(rank, environment) for rank in range(1, settings.ranks)]
        os.environ.update({**environment, "RANK": "0", "LOCAL_RANK": "0"})
        self._shard = Shard(settings)

    def logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        scored: list[torch.Tensor] = self._order("logprobs", list(micro_batches))
        return scored

    def reference_logprobs(self, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        scored: list[torch.Tensor] = self._order("reference_logprobs", list(micro_batches))
        return scored

    def backward(
        self,
        micro_batches: Sequence[MicroBatch],
        objective: Objective,
        proximal: Sequence[torch.Tensor] | None,
        reference: Sequence[torch.Tensor] | None,
    ) -> Sums:
        sums: Sums = self._order("backward", list(micro_batches), objective, proximal, reference)
        return sums

    def gradient(self) -> Mapping[str, torch.Tensor]:
        gradient: Mapping[str, torch.Tensor] = self._order("gradient")
        return gradient

    def step(self, learning_rate: float) -> float:
        norm: float = self._order("step", learning_rate)
        return norm

    def move_reference(self, alpha: float) -> None:
        self._order("move_reference", alpha)

    def state(self) -> Mapping[str, torch.Tensor]:
        state: Mapping[str, torch.Tensor] = self._order("state")
        return state

    def save(self, folder: Path) -> None:
        self._order("save", folder)

    def load(self, folder: Path) -> None:
        self._order("load", folder)

    def describe(self) -> dict[str, object]:
        return {
            "engine": "deepspeed",
            "ranks": self._settings.ranks,
            "zero_stage": self._settings.zero_stage,
            "pids": [os.getpid(), *(process.pid for process in self._ranks)],
            "parameters": self._shard.parameter_count(),
        }

    def close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        broadcast((END, ()))
        torch.distributed.destroy_process_group()
        for process in self._ranks:
            try:
                process.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _order(self, method: str, *arguments: Any) -> Any:
        broadcast((method, arguments))
        return getattr(self._shard, method)(*arguments)

    def _start(self, rank: int, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "iterant.engines.rank"],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        assert process.stdin is not None
        process.stdin.write(f"{json.dumps(asdict(self._settings))}\n")
        process.stdin.flush()
        threading.Thread(target=self._watch, args=(rank, process), name=f"iterant-rank-{rank}", daemon=True).start()
        return process

    def _watch(self, rank: int, process: "subprocess.Popen[str]") -> None:
        """Without its peer rank 0 would wait in a collective for ever: it ends, and says why."""
        code = process.wait()
        if self._is_closing:
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        print(
            f"learner rank {rank} of {self._settings.ranks} ended with {how}: all ranks end with it. "
            "The learner is started again from its newest state.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)


def _environment(settings: EngineSettings) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "WORLD_SIZE": str(settings.ranks),
        "LOCAL_SIZE": str(settings.ranks),
        "LOCAL_WORLD_SIZE": str(settings.ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": str(settings.threads),
        **({"DS_ACCELERATOR": "cpu"} if settings.device == "cpu" or not torch.cuda.is_available() else {}),
    }

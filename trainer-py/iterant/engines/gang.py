"""The ranks of an engine: this process is rank 0, starts the others on this host, and gives all orders in one sequence.

An order is a method of `Shard`, run by every rank at the same point; `open` makes a new shard. Nothing outlives its
peers: a rank that dies takes rank 0 down at once, with one line that says which, and the others end when rank 0 does,
however it ends.
"""

import os
import subprocess
import sys
import threading
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from iterant.engines.seam import EngineSettings

if TYPE_CHECKING:
    from iterant.engines.deepspeed_shard import Shard

STOP_GRACE_S = 20.0
# Between two updates a rank waits for its next order as long as environments take; a peer that dies is noticed at once.
ORDER_TIMEOUT = timedelta(days=7)
LOOPBACK = "127.0.0.1"
OPEN = "open"


class Gang:
    """`order` from one thread only. Raising in an order ends the gang: ranks that are out of step cannot go on."""

    shard: "Shard"

    def __init__(self, count: int, device: str, threads: int) -> None:
        """device: as in the configuration; threads: of each rank."""
        self._count = count
        self._is_closing = False
        # Bound before anybody is told: no other process can take the port in between.
        store = dist.TCPStore(LOOPBACK, 0, count, is_master=True, wait_for_workers=False)
        environment = _environment(count, device, threads, store.port)
        self._others = [self._start(rank, environment) for rank in range(1, count)]
        os.environ.update({**environment, "RANK": "0", "LOCAL_RANK": "0"})
        join(store)

    def open(self, settings: EngineSettings) -> None:
        self.shard = self.order(OPEN, settings)

    def order(self, method: str, *arguments: Any) -> Any:
        """Every rank runs the method; what rank 0 gets is the answer."""
        if self._is_closing:
            raise RuntimeError("the learner's ranks have ended: start the learner again from its newest checkpoint.")
        try:
            send((method, arguments))
            return carry_out(self.shard if method != OPEN else None, method, arguments)
        except BaseException:
            self.close()
            raise

    def pids(self) -> list[int]:
        return [os.getpid(), *(process.pid for process in self._others)]

    def close(self) -> None:
        """Twice is fine. End of stdin is what ends a rank: nothing here waits for one that does not listen."""
        if self._is_closing:
            return
        self._is_closing = True
        for process in self._others:
            assert process.stdin is not None
            process.stdin.close()
        for process in self._others:
            try:
                process.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        dist.destroy_process_group()

    def _start(self, rank: int, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "iterant.engines.rank"],
            stdin=subprocess.PIPE,
            env={**os.environ, **environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        threading.Thread(target=self._watch, args=(rank, process), name=f"iterant-rank-{rank}", daemon=True).start()
        return process

    def _watch(self, rank: int, process: "subprocess.Popen[bytes]") -> None:
        """Without its peer rank 0 would wait in a collective for ever: it ends, and says why."""
        code = process.wait()
        if self._is_closing:
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        print(
            f"learner rank {rank} of {self._count} (process {process.pid}) ended with {how}: all ranks end with it. "
            "The learner is started again from its newest state.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)


def join(store: Any = None) -> None:
    """This process becomes a rank, as its environment says: RANK, WORLD_SIZE, MASTER_PORT."""
    # Its own use of torch.distributed is behind: no affair of whoever runs it.
    warnings.filterwarnings("ignore", "`torch.distributed", FutureWarning)
    import deepspeed

    # Its shared-memory operator would be compiled here for minutes, and a process killed meanwhile leaves a lock
    # on which every later start waits for ever. Gloo gives the same sums.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if store is None:
        store = dist.TCPStore(LOOPBACK, int(os.environ["MASTER_PORT"]), count, is_master=False)
    is_cuda = "DS_ACCELERATOR" not in os.environ
    if is_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if is_cuda else "gloo", store=store, rank=rank, world_size=count, timeout=ORDER_TIMEOUT
    )
    deepspeed.init_distributed(dist_backend="nccl" if is_cuda else "gloo", timeout=ORDER_TIMEOUT, verbose=False)


def send(order: tuple[str, tuple[Any, ...]] | None) -> tuple[str, tuple[Any, ...]]:
    """From rank 0, which gives one, to all, which get it: a method of `Shard` and its arguments."""
    box: list[Any] = [order]
    dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    given: tuple[str, tuple[Any, ...]] = box[0]
    return given


def carry_out(shard: "Shard | None", method: str, arguments: tuple[Any, ...]) -> Any:
    if method == OPEN:
        from iterant.engines.deepspeed_shard import Shard

        return Shard(*arguments)
    return getattr(shard, method)(*arguments)


def _environment(count: int, device: str, threads: int, port: int) -> dict[str, str]:
    is_cpu = device == "cpu" or not torch.cuda.is_available()
    return {
        "WORLD_SIZE": str(count),
        "LOCAL_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": LOOPBACK,
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": str(threads),
        # Ranks live on one host: its name need not resolve, and nothing listens to the network.
        **({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}),
        **({"DS_ACCELERATOR": "cpu"} if is_cpu else {}),
    }

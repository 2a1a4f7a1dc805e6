"""A further rank of a DeepSpeed engine: `python -m iterant.engines.rank`, started by rank 0.

Reads its settings from stdin, then carries out orders as they are broadcast, in the one order that rank 0 gives them.
Ends when stdin does: however rank 0 ends, nothing is left running.
"""

import json
import os
import sys
import threading
from typing import Any

import torch.distributed as dist

from iterant.engines.deepspeed_shard import Shard
from iterant.engines.seam import EngineSettings

END = "end"


def broadcast(order: tuple[str, tuple[Any, ...]] | None) -> tuple[str, tuple[Any, ...]]:
    """From rank 0 to all: a method of `Shard` and its arguments."""
    box: list[Any] = [order]
    dist.broadcast_object_list(box, src=0)
    given: tuple[str, tuple[Any, ...]] = box[0]
    return given


def _watch_stdin() -> None:
    while sys.stdin.readline():
        pass
    os._exit(0)


def main() -> None:
    settings = EngineSettings(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_watch_stdin, name="iterant-stdin", daemon=True).start()
    shard = Shard(settings)
    while True:
        method, arguments = broadcast(None)
        if method == END:
            break
        getattr(shard, method)(*arguments)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""A further rank of an engine: `python -m iterant.engines.rank`, started by rank 0.

Joins, then carries out orders in the one sequence that rank 0 gives them. Nothing comes over stdin: its end is the end,
and so is that of rank 0's process, in the middle of an import or a collective too.
"""

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import traceback

PR_SET_PDEATHSIG = 1
ALIKE_GRACE_S = 2.0


def _end_with_parent() -> None:
    """Linux: the kernel kills this process when rank 0 ends. Elsewhere the end of stdin has to do."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it ended in between


def _watch_stdin() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


def main() -> None:
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; rank 0 ends in order
    _end_with_parent()
    threading.Thread(target=_watch_stdin, name="iterant-stdin", daemon=True).start()
    # Imports take long: whoever waits for them must be able to end meanwhile.
    from iterant.engines.gang import OPEN, carry_out, join, send

    join()
    shard = None
    while True:
        method, arguments = send(None)
        try:
            answer = carry_out(shard, method, arguments)
        except Exception:
            traceback.print_exc()
            # What fails on every rank alike fails on rank 0 too, which says so and ends this one by its stdin.
            # What fails only here leaves rank 0 waiting: this process ends, and rank 0 with it.
            threading.Event().wait(ALIKE_GRACE_S)
            os._exit(1)
        if method == OPEN:
            shard = answer


if __name__ == "__main__":
    main()

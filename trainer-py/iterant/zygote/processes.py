"""What the zygote asks of the system: who descends from it, and that orphans come back to it. Linux alone."""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def control_process(option: int, value: int) -> None:
    """`prctl(option, value)`. Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}, {value}): {os.strerror(error)}")


def descendants(root: int) -> list[int]:
    """Living processes that descend from `root`, the dead that nobody has reaped left out.

    Complete if `root` is a subreaper: whoever loses its parent is then a child of `root`, however often it has forked
    and whatever session it has made.
    """
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        # A process that ends while we look has no stat any more.
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_bytes().rpartition(b") ")[2].split(maxsplit=2)
            children.setdefault(int(fields[1]), []).append((int(entry.name), fields[0].decode()))
    found: list[int] = []
    pending = [root]
    while pending:
        for pid, state in children.get(pending.pop(), []):
            pending.append(pid)
            if state not in "ZX":
                found.append(pid)
    return found


def send(pid: int, number: int) -> None:
    """Sends a signal; a process that is gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def thread_count() -> int:
    """Threads of this process, those of C libraries included."""
    return len(list(Path("/proc/self/task").iterdir()))


def die_with_parent(parent: int) -> None:
    """SIGKILL when the parent ends; at once if it has ended already."""
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)

"""Makes an interpreter warm: found first by its startup, loads packages, then waits until its program is in place.

Runs behind all walls, before any untrusted line, once a process. Python goes on by itself with the program, as it
does cold: same arguments, same `__main__`, same traces. What it loaded stays, and its first environment in /proc.
"""

import importlib
import math
import os
import resource
import sys
import time

GATE, PACKAGES, CPU_S = "ITERANT_GATE", "ITERANT_PACKAGES", "ITERANT_CPU_S"


def _be_invisible() -> None:
    """Gives path and modules back to whoever would have been found without us."""
    sys.path.remove(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is not loaded in a program that runs cold
    rest = os.environ.pop("PYTHONPATH").partition(":")[2]
    if rest:
        os.environ["PYTHONPATH"] = rest
    ours = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    except ModuleNotFoundError:
        sys.modules[__name__] = ours  # the import that runs us looks for it


def _load(packages: str) -> None:
    for package in packages.split():
        try:
            importlib.import_module(package)
        except Exception:  # however it fails, a program that wants it says so itself
            continue


def _wait(gate: int, cpu_s: int) -> None:
    """Tells how much CPU time went by, in seconds; from the word on the program's own time is counted."""
    os.write(gate, f"{time.process_time()}\n".encode())
    if not os.read(gate, 1):
        os._exit(127)
    os.close(gate)
    end = math.ceil(time.process_time()) + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (end, end + 1))


_gate, _packages, _cpu_s = (os.environ.pop(name) for name in (GATE, PACKAGES, CPU_S))
_be_invisible()
_load(_packages)
_wait(int(_gate), int(_cpu_s))

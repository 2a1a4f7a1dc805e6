"""Whose leftovers these are: a process named so that nobody else will ever be called the same.

Names go into what outlives a process that is killed: control groups and folders. Knows neither.
"""

from pathlib import Path


def name_of(pid: int) -> str:
    """`<pid namespace>-<pid>-<start time>`. Raises OSError if there is no such process."""
    started = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return f"{_namespace()}-{pid}-{started}"


def is_alive(name: str) -> bool:
    """Whether the process of this name still runs; owners in another pid namespace count as alive."""
    namespace, pid, _ = name.split("-")[:3]
    if namespace != _namespace():
        return True
    try:
        return name_of(int(pid)) == name
    except OSError:
        return False


def _namespace() -> str:
    return str(Path("/proc/self/ns/pid").stat().st_ino)

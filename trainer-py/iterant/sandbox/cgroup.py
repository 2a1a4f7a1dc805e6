"""Control groups: one for a sandbox, in version 2, version 1, both or neither, as the machine has it.

Knows limits and accounts of a tree of processes; knows neither sandboxes nor programs. What cannot be made is left
out, and `holds` says what is there. A group's name carries its owner, so that leftovers of dead owners can be swept.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

PREFIX = "iterant-sandbox-"
V1_CONTROLLERS = ("memory", "pids", "cpuacct", "freezer")
KILL_PAUSE_S = 0.002


class Group:
    """The folders of one group: by controller for version 1, under `unified` for version 2."""

    def __init__(self, folders: dict[str, Path] | None = None) -> None:
        self.folders = folders or {}

    @property
    def holds(self) -> list[str]:
        """What the group can do: `memory`, `pids`, `cpu`, `freeze`, `kill`, in the same words for both versions."""
        unified = self.folders.get("unified")

        def has(file: str) -> bool:
            return unified is not None and (unified / file).exists()

        able = {
            "memory": "memory" in self.folders or has("memory.max"),
            "pids": "pids" in self.folders or has("pids.max"),
            "cpu": "cpuacct" in self.folders or has("cpu.stat"),
            "freeze": "freezer" in self.folders or has("cgroup.freeze"),
            "kill": has("cgroup.kill"),
        }
        return [name for name, is_able in able.items() if is_able]

    @property
    def version(self) -> str:
        """`v1`, `v2` or `none`: where the limits come from."""
        if any(name in self.folders for name in ("memory", "pids")):
            return "v1"
        return "v2" if {"memory", "pids"} & set(self.holds) else "none"

    def limit(self, memory_bytes: int, process_count: int) -> None:
        """Bounds the tree; swap is part of the memory."""
        for file, value in (
            ("memory/memory.limit_in_bytes", memory_bytes),
            ("memory/memory.memsw.limit_in_bytes", memory_bytes),
            ("unified/memory.max", memory_bytes),
            ("unified/memory.swap.max", 0),
            ("pids/pids.max", process_count),
            ("unified/pids.max", process_count),
        ):
            controller, name = file.split("/")
            folder = self.folders.get(controller)
            if folder is not None and (folder / name).exists():
                (folder / name).write_text(str(value))

    def join(self) -> None:
        """Moves this process in; what it forks afterwards is in."""
        for folder in self.folders.values():
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def pids(self) -> list[int]:
        return sorted({pid for folder in self.folders.values() for pid in _pids_in(folder)})

    def freeze(self, is_frozen: bool) -> None:
        """Stops the tree from running on while it is taken down, or lets it go."""
        if "freezer" in self.folders:
            (self.folders["freezer"] / "freezer.state").write_text("FROZEN" if is_frozen else "THAWED")
        if "unified" in self.folders and (self.folders["unified"] / "cgroup.freeze").exists():
            (self.folders["unified"] / "cgroup.freeze").write_text("1" if is_frozen else "0")

    def kill(self) -> None:
        """Sends SIGKILL to all of them once; the frozen die when they are let go."""
        unified = self.folders.get("unified")
        if unified is not None and (unified / "cgroup.kill").exists():
            (unified / "cgroup.kill").write_text("1")
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # dead since it was listed
                os.kill(pid, signal.SIGKILL)

    def cpu_ms(self) -> float | None:
        """CPU time of the whole tree so far, or None where nobody counts."""
        if "cpuacct" in self.folders:
            return int((self.folders["cpuacct"] / "cpuacct.usage").read_text()) / 1e6
        usage = self._number("unified", "cpu.stat", "usage_usec")
        return None if usage is None else usage / 1e3

    def peak_bytes(self) -> int | None:
        """The most memory that the tree held at once, its tmpfs files included."""
        highest = self._number("memory", "memory.max_usage_in_bytes", "")
        return highest if highest is not None else self._number("unified", "memory.peak", "")

    def oom_kill_count(self) -> int:
        v1 = self._number("memory", "memory.oom_control", "oom_kill")
        return v1 if v1 is not None else self._number("unified", "memory.events", "oom_kill") or 0

    def refused_fork_count(self) -> int:
        """How often the bound on processes was met."""
        v1 = self._number("pids", "pids.events", "max")
        return v1 if v1 is not None else self._number("unified", "pids.events", "max") or 0

    def remove(self) -> None:
        """Removes the folders; the group must be empty. Raises OSError if it is not."""
        for folder in self.folders.values():
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()

    def _number(self, controller: str, file: str, key: str) -> int | None:
        """The number behind a key in one of our files, or alone in it; None if the file or the key is not there."""
        folder = self.folders.get(controller)
        if folder is None or not (folder / file).exists():
            return None
        for line in (folder / file).read_text().splitlines():
            name, _, number = line.rpartition(" ")
            if name == key and number.isdigit():
                return int(number)
        return None


def create(owner: str) -> Group:
    """A group of this name under our own in every hierarchy that lets us; it may hold nothing at all."""
    group = Group()
    for controller, parents in _parents().items():
        made = [folder for parent in parents if (folder := _make(parent / f"{PREFIX}{owner}"))]
        if made:
            # A version 2 group gets controllers only from a parent that hands them down.
            best = next((folder for folder in made if (folder / "memory.max").exists()), made[0])
            group.folders[controller] = best
            for other in made:
                if other != best:
                    other.rmdir()
    return group


def sweep(is_alive: Callable[[str], bool]) -> list[str]:
    """Kills and removes the groups whose owner is gone; returns those owners."""
    swept = set()
    for controller, parents in _parents().items():
        for parent in parents:
            for folder in parent.glob(f"{PREFIX}*"):
                owner = folder.name.removeprefix(PREFIX)
                if is_alive(owner):
                    continue
                orphaned = Group({controller: folder})
                with contextlib.suppress(OSError):  # another start sweeps it at the same time
                    orphaned.kill()
                    orphaned.freeze(False)
                    _await_empty(orphaned)
                    orphaned.remove()
                    swept.add(owner)
    return sorted(swept)


def _make(folder: Path) -> Path | None:
    try:
        folder.mkdir()
    except OSError:  # not ours to write in, or read-only
        return None
    if os.access(folder / "cgroup.procs", os.W_OK):
        return folder
    folder.rmdir()
    return None


def _await_empty(group: Group, deadline_s: float = 5.0) -> None:
    end = time.monotonic() + deadline_s
    while group.pids() and time.monotonic() < end:
        time.sleep(KILL_PAUSE_S)


def _pids_in(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except OSError:  # removed meanwhile
        return []


def _parents() -> dict[str, list[Path]]:
    """Where groups may be made: controller (or `unified`) to folders, the best first."""
    ours = _own_paths()
    parents: dict[str, list[Path]] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, tail = line.split(" - ", 1)
        kind, _, options = tail.split(" ", 2)
        root, mount_point = head.split(" ")[3:5]
        if kind not in ("cgroup", "cgroup2"):
            continue
        names = ["unified"] if kind == "cgroup2" else [name for name in options.split(",") if name in V1_CONTROLLERS]
        for name in names:
            path = ours.get(name, "/")
            inside = Path(mount_point) / (os.path.relpath(path, root) if path.startswith(root) else ".")
            candidates = [inside, Path(mount_point)] if inside.exists() else [Path(mount_point)]
            parents[name] = list(dict.fromkeys(candidates))
    return parents


def _own_paths() -> dict[str, str]:
    paths = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(",") if controllers else ["unified"]:
            paths[name] = path
    return paths

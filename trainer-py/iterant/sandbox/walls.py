"""The walls around one program: built strongest first as the job asks, started, accounted, torn down.

Three kinds. `bubblewrap`: namespaces, our own mounts, a seccomp filter. `landlock`: file rules, a tighter filter, a
plain folder. `none`: limits only, as ourselves. The others have a user of their own, and all a control group, where
this process may make them.Knows no clock and no verdict.
"""

import contextlib
import json
import marshal
import os
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iterant.sandbox import bubblewrap, cgroup, kernel, landlock, owner, removal, seccomp, slots
from iterant.sandbox.stage import Stage

PACKAGE = Path(__file__).parent
RUNTIME = "/opt/runtime"
VENV = "/opt/venv"
PROGRAM = "main.py"
# Found by an interpreter at its start if its folder stands first on PYTHONPATH.
WARM = "warm"
# What loading packages may take of a warm interpreter's CPU time, before its program's own limit is set.
WARM_CPU_S = 3600
FOLDER_PREFIX = "iterant-sandbox-"
# Where workspaces are that are no mounts.
TEMPORARY = "/tmp"
# bubblewrap outside and inside, and the runner.
OUR_PROCESS_COUNT = 4
# The runner's own memory, and bubblewrap's.
OUR_BYTES = 32 << 20
OPEN_FILE_COUNT = 512
STACK_BYTES = 64 << 20
# Files that are no data: on these the program writes in any case.
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/pts", "/dev/ptmx")
TAKE_DOWN_DEADLINE_S = 20.0
PAUSE_S = 0.002
NOT_STARTED = 127


class SetupError(Exception):
    """The job cannot be set up; says what is wrong with it, and what to do."""


class Walls:
    """group, slot and stage are what there is to tear down; `workspace` is where the program's files are, outside."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.kind: str = job["walls"]
        self.job = job
        self.group = cgroup.Group()
        self.slot: slots.Slot | None = None
        self.stage: Stage | None = None
        self.workspace = ""
        self.pid = 0
        self.report_fd = -1
        self.gate_fd = -1
        self.straggler_count = 0
        self.is_empty = False
        self.usage_cpu_ms = 0.0

    @property
    def uid(self) -> int:
        return os.getuid() if self.slot is None else self.slot.uid

    @property
    def gid(self) -> int:
        return os.getgid() if self.slot is None else self.slot.uid

    def tell(self) -> dict[str, Any]:
        """What was built; what it is worth is tried by canaries."""
        return {
            "walls": self.kind,
            "hasOwnUser": self.slot is not None,
            "cgroup": self.group.version,
            "cgroupHolds": self.group.holds,
            "hasSizedWorkspace": self.stage is not None,
            "landlockAbi": landlock.abi(),
            "policy": self._policy(),
        }

    def start(self, stdio: Sequence[int]) -> None:
        """Starts the runner inside; it gets these three descriptors, its orders, and a way to report."""
        self.report_fd, report = os.pipe()
        gates: list[int] = []
        if self.job["packages"] is not None:
            self.gate_fd, inner = (end.detach() for end in socket.socketpair())
            gates.append(inner)
        os.set_blocking(self.report_fd, False)
        orders = _memory_file("orders", marshal.dumps(self._orders(*gates), 2))
        runner = [*self._python(), "-S", "-s", "-P", "-m", "iterant.sandbox.runner", str(orders), str(report)]
        if self.kind == "bubblewrap":
            command, passed = self._behind_bubblewrap(runner)
            environment: dict[str, str] = {}  # bubblewrap keeps its own where the program can read it
        else:
            command, passed, environment = runner, [], {"PYTHONPATH": str(PACKAGE.parents[1])}
        launcher = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(command, environment, stdio, [orders, report, *gates, *passed], launcher)
        for fd in (orders, report, *gates, *passed):
            os.close(fd)

    def kill(self) -> None:
        """Ends every process of the sandbox and waits until there is none: freeze, kill, let go, look, again."""
        end = time.monotonic() + TAKE_DOWN_DEADLINE_S
        if self.is_empty or not (self._reap() or self._living()):  # the rule: it went by itself, and took all along
            self.is_empty = True
            return
        self.group.freeze(True)
        if not self.group.holds and self.slot is None:
            self._stop_one_by_one(end)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self._kill_once()
        self.group.freeze(False)
        while (self._reap() or self._living()) and time.monotonic() < end:
            self._kill_once()
            time.sleep(PAUSE_S)
        self.straggler_count = len(self._living())
        self.is_empty = self.straggler_count == 0

    def account(self) -> dict[str, Any]:
        """What the whole tree used; null where nobody counted."""
        cpu_ms = self.group.cpu_ms()
        return {
            "cpuMs": self.usage_cpu_ms if cpu_ms is None else cpu_ms,
            "peakBytes": self.group.peak_bytes(),
            "oomKillCount": self.group.oom_kill_count(),
            "refusedForkCount": self.group.refused_fork_count(),
            "leftoverCount": self.straggler_count,
        }

    def _stop_one_by_one(self, end: float) -> None:
        """The freezer of those who have none: a dead process makes room for a fork, a stopped one does not."""
        stopped: set[int] = set()
        while (found := set(self._living()) - stopped) and time.monotonic() < end:
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            stopped |= found

    def _kill_once(self) -> None:
        self.group.kill()
        if self.slot is not None:
            slots.kill_all_of(self.slot.uid)
        for pid in self._living():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> bool:
        """Buries the dead; orphans are ours, because we are their subreaper. True while children are left."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return True
                self.usage_cpu_ms += 1000 * (usage.ru_utime + usage.ru_stime)
                if pid == self.pid:
                    self.pid = 0
        return False

    def _living(self) -> list[int]:
        """What still lives of the sandbox: by group, by user, and by descent, orphans being ours."""
        everyone = list(slots.processes())
        found = {*self.group.pids(), *_descendants(everyone, os.getpid())}
        if self.slot is not None:
            found |= {one.pid for one in everyone if one.uid == self.slot.uid}
        return sorted(found & {one.pid for one in everyone if one.state not in "ZX"})

    def _become(
        self, command: list[str], environment: dict[str, str], stdio: Sequence[int], kept: list[int], launcher: int
    ) -> None:
        """Runs in the child and does not return: joins the group, drops root, keeps no other descriptor, execs."""
        try:
            self.group.join()
            if self.slot is not None:
                os.setgroups([])
                os.setresgid(self.gid, self.gid, self.gid)
                os.setresuid(self.uid, self.uid, self.uid)
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:  # it died before we could say so
                os._exit(NOT_STARTED)
            for target, fd in enumerate(stdio):
                os.dup2(fd, target)
            for fd in kept:
                os.set_inheritable(fd, True)
            os.execve(command[0], command, environment)
        except OSError as error:
            report = kept[1]
            os.write(report, json.dumps({"broken": f"{command[0]} could not be started: {error}"}).encode() + b"\n")
        os._exit(NOT_STARTED)

    def _behind_bubblewrap(self, runner: list[str]) -> tuple[list[str], list[int]]:
        filter_fd = _memory_file("filter", seccomp.build(kernel.machine(), has_network=True))
        passwd_fd = _memory_file("passwd", bubblewrap.PASSWD.encode())
        group_fd = _memory_file("group", bubblewrap.GROUP.encode())
        words = bubblewrap.options(self._view(), filter_fd, passwd_fd, group_fd)
        words += ["--setenv", "PYTHONPATH", RUNTIME]
        args_fd = _memory_file("args", b"\0".join(word.encode() for word in words) + b"\0")
        command = [self.job["bubblewrap"], "--args", str(args_fd), "--", *runner]
        return command, [filter_fd, passwd_fd, group_fd, args_fd]

    def _view(self) -> bubblewrap.View:
        python = self.job["python"]
        readable = [(Stage.path_of("runtime"), f"{RUNTIME}/iterant/sandbox")]
        if python["isVenv"]:
            readable.append((Stage.path_of("venv"), VENV))
        if not f"{python['basePrefix']}/".startswith("/usr/"):
            readable.append((Stage.path_of("base"), python["basePrefix"]))
        if self.job["data"] is not None:
            readable.append((Stage.path_of("data"), "/data"))
        return bubblewrap.View(tuple(readable), tuple((Stage.path_of(name), inside) for name, inside in WRITABLE))

    def _python(self) -> list[str]:
        python = self.job["python"]
        if self.kind == "bubblewrap" and python["isVenv"]:
            return [f"{VENV}/bin/{Path(python['executable']).name}"]
        return [python["executable"]]

    def _orders(self, gate: int | None = None) -> dict[str, Any]:
        """What the runner is to do; a gate is where a warm interpreter waits for its program."""
        job, is_walled = self.job, self.kind == "bubblewrap"
        folder = "/work" if is_walled else self.workspace
        temporary = "/tmp" if is_walled else self.workspace
        python = self._python()[0]
        environment = {
            "PATH": f"{Path(python).parent}:/usr/bin:/bin",
            "HOME": folder,
            "TMPDIR": temporary,
            **job["environment"],
        }
        if job["data"] is not None:
            environment[job["dataVariable"]] = "/data" if is_walled else job["data"]
        limits = self._limits()
        if gate is not None:
            package = f"{RUNTIME}/iterant/sandbox" if is_walled else str(PACKAGE)
            environment |= {
                "PYTHONPATH": ":".join(filter(None, [f"{package}/{WARM}", environment.get("PYTHONPATH")])),
                "ITERANT_GATE": str(gate),
                "ITERANT_PACKAGES": " ".join(job["packages"]),
                "ITERANT_CPU_S": str(limits["RLIMIT_CPU"]),
            }
            limits["RLIMIT_CPU"] += WARM_CPU_S
        tight = seccomp.build(kernel.machine(), has_network=False) if self.kind == "landlock" else None
        return {
            "command": [python, "-s", f"{folder}/{PROGRAM}"],
            "environment": environment,
            "folder": folder,
            "limits": limits,
            "gate": gate,
            "landlock": self._rules() if self.kind != "none" else None,
            "filter": tight,
        }

    def _policy(self) -> str:
        """What stands around the program, its environment and its text left out."""
        orders = self._orders()
        policy = {name: orders[name] for name in ("limits", "landlock")}
        policy["filter"] = None if orders["filter"] is None else orders["filter"].hex()
        policy["job"] = self.job["limits"]
        if self.stage is not None:
            policy["options"] = bubblewrap.options(self._view(), 0, 0, 0)
            policy["outerFilter"] = seccomp.build(kernel.machine(), has_network=True).hex()
        return json.dumps(policy, sort_keys=True).replace(self.workspace, "WORKSPACE")

    def _limits(self) -> dict[str, int]:
        limits = self.job["limits"]
        told = {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": limits["fileBytes"],
            "RLIMIT_NOFILE": OPEN_FILE_COUNT,
            "RLIMIT_STACK": STACK_BYTES,
            "RLIMIT_CPU": max(1, -(-limits["cpuMs"] // 1000)),
            "RLIMIT_NPROC": limits["processes"] + OUR_PROCESS_COUNT + self._others_count(),
        }
        if "memory" not in self.group.holds:
            told["RLIMIT_AS"] = limits["memoryBytes"]
        return told

    def _others_count(self) -> int:
        """Threads that count against this user already: none for a user of its own or in a namespace of users."""
        if self.slot is not None or self.kind == "bubblewrap":
            return 0
        return sum(one.thread_count for one in slots.processes() if one.uid == self.uid)

    def _rules(self) -> dict[str, Any]:
        if self.kind == "bubblewrap":  # a second wall behind the first, of the same shape
            writable = [*(inside for _, inside in WRITABLE), *DEVICES]
            return {"readable": ["/"], "writable": writable, "has_network": True}
        python = self.job["python"]
        readable = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"]
        readable += [python["prefix"], python["basePrefix"], str(PACKAGE), *filter(None, [self.job["data"]])]
        return {"readable": readable, "writable": [self.workspace, *DEVICES], "has_network": False}


WRITABLE = (("work", "/work"), ("temporary", "/tmp"), ("shared", "/dev/shm"))


def build(job: dict[str, Any]) -> Walls:
    """Takes a slot, makes a group, mounts, puts the program in place. Starts nothing.

    Raises SetupError for what is wrong with the job, OSError for what is wrong with the machine.
    """
    sweep()
    walls = Walls(job)
    try:
        _build(walls)
    except BaseException:
        tear_down(walls)
        raise
    return walls


def tear_down(walls: Walls) -> dict[str, Any]:
    """Leaves nothing: no process, mount, folder or group. Tells how many processes could not be ended."""
    walls.kill()
    if walls.stage is not None:
        walls.stage.destroy()
    elif walls.workspace:
        removal.remove_tree(walls.workspace)
    if walls.straggler_count == 0:
        walls.group.remove()
    return {"leftoverCount": walls.straggler_count}


def sweep() -> None:
    """Removes what owners that were killed could not: their groups, and their folders if there were no mounts."""
    cgroup.sweep(owner.is_alive)
    for folder in Path(TEMPORARY).glob(f"{FOLDER_PREFIX}*"):
        if not owner.is_alive(folder.name.removeprefix(FOLDER_PREFIX)):
            with contextlib.suppress(OSError):  # another user's
                removal.remove_tree(str(folder))


def _build(walls: Walls) -> None:
    job = walls.job
    limits = job["limits"]
    if os.geteuid() == 0 and walls.kind != "none":
        walls.slot = slots.take()
    walls.group = cgroup.create(owner.name_of(os.getpid()))
    if walls.kind == "bubblewrap":
        walls.stage = Stage(_sources(job))
        sizes = {"work": limits["workspaceBytes"]}
        for name, _ in WRITABLE:
            size = sizes.get(name, limits["temporaryBytes"])
            walls.stage.make_folder(name, size, limits["inodes"], walls.uid, walls.gid)
        walls.workspace = walls.stage.path_of("work")
    else:
        walls.workspace = f"{TEMPORARY}/{FOLDER_PREFIX}{owner.name_of(os.getpid())}"
        Path(walls.workspace).mkdir(0o700)
        os.chown(walls.workspace, walls.uid, walls.gid)
    # Files in the workspace are memory too, of the same group: both limits are kept by allowing their sum.
    files_bytes = limits["workspaceBytes"] + 2 * limits["temporaryBytes"] if walls.stage is not None else 0
    walls.group.limit(limits["memoryBytes"] + files_bytes + OUR_BYTES, limits["processes"] + OUR_PROCESS_COUNT)
    if job["program"] is not None:
        write_program(walls)


def _sources(job: dict[str, Any]) -> dict[str, str]:
    python = job["python"]
    sources = {"runtime": str(PACKAGE), "base": python["basePrefix"]}
    if python["isVenv"]:
        sources["venv"] = python["prefix"]
    if job["data"] is not None:
        if not Path(job["data"]).is_dir():
            raise SetupError(f"the data folder {job['data']} is not there: prepare the task's data first")
        sources["data"] = job["data"]
    return sources


def write_program(walls: Walls) -> None:
    """Puts it where it will be run. Raises SetupError if there is no room for it."""
    path = Path(walls.workspace) / PROGRAM
    try:
        path.write_text(walls.job["program"], encoding="utf-8", errors="surrogatepass")
    except OSError as error:
        raise SetupError(f"the program does not fit into its workspace ({error}): raise workspaceBytes") from error
    path.chmod(0o644)


def _descendants(everyone: Sequence[slots.Process], ancestor: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for one in everyone:
        children.setdefault(one.parent, []).append(one.pid)
    found: set[int] = set()
    unvisited = [ancestor]
    while unvisited:
        for pid in children.get(unvisited.pop(), []):
            found.add(pid)
            unvisited.append(pid)
    return found


def _memory_file(name: str, content: bytes) -> int:
    """A descriptor to read this from; no file anywhere."""
    file = os.memfd_create(name)
    with os.fdopen(os.dup(file), "wb") as stream:
        stream.write(content)
    os.lseek(file, 0, os.SEEK_SET)
    return file

"""The zygote: loads packages once, forks a process for every job, tells how each ended. Runs no job's code itself.

One job at a time, because jobs of one zygote could reach each other; a next process stands by already forked, so that
a job starts without waiting for a fork. One JSON object a line over the control socket:

    <- {"event": "ready", "pid": 7, "versions": {"python": "3.11.2", "numpy": "2.1.0"}, "importMs": 1200.5}
    <- {"event": "standby", "pid": 8, "rssBytes": 158000000}
    -> {"op": "run", "job": 1, "terminal": 4, "program": "print(1)", "file": "/work/job.py", ...}   see `job.py`
    -> {"op": "signal", "job": 1, "signal": 15}
    <- {"event": "ended", "job": 1, "exitCode": 0, "signal": null, "cpuMs": 12.1, "maxRssBytes": 160000000}
    -> {"op": "clear", "job": 1}              kill what it left behind; the next process stands by afterwards
    <- {"event": "cleared", "job": 1, "count": 0}

The end of the control socket ends the zygote and everything that descends from it. A job that kills the zygote, which
it can where both have one user, dies with it, and who holds the other end of the control hears that.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import stat
import sys
import termios
import time
import tty
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iterant.zygote import processes
from iterant.zygote.job import Job, prepare, stand_by

# A program is sent as text within a line.
MAX_LINE_BYTES = 16 * 1024 * 1024
# A killed process is gone when the kernel has come to it; there is no event for a stranger's child.
CLEAR_PAUSE_S = 0.001
CLEAR_DEADLINE_S = 10.0


@dataclass
class Child:
    """A forked process. `job` is None while it stands by; `calls` is where it waits for one."""

    pid: int
    calls: socket.socket
    job: int | None = None


class Zygote:
    """State of the parent; `serve` returns in a child with what it is to run."""

    def __init__(self, control: socket.socket, terminals: list[int], confine: str) -> None:
        self.control = control
        self.terminals = terminals
        self.confine = confine
        self.pid = os.getpid()
        self.received = b""
        self.child: Child | None = None
        self.terminal: int | None = None
        # A signal that comes between a look and a wait is not missed: it makes this readable.
        self.wake_reader, self.wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def tell(self, **message: Any) -> None:
        self.control.sendall(json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n")

    def serve(self) -> Job | None:
        """None once the control has ended. In a child: the job that came."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        if (job := self.fork()) is not None:
            return job
        while True:
            readable = self.wait()
            if self.wake_reader in readable:
                os.read(self.wake_reader, 4096)
                self.reap()
            if self.control.fileno() in readable:
                chunk = self.control.recv(1 << 20)
                if not chunk:
                    return None
                self.received += chunk
                while b"\n" in self.received:
                    line, self.received = self.received.split(b"\n", 1)
                    if (job := self.obey(line)) is not None:
                        return job
                if len(self.received) > MAX_LINE_BYTES:
                    raise ValueError(f"a call is longer than {MAX_LINE_BYTES} bytes")

    def wait(self) -> list[int]:
        descriptors = [self.control.fileno(), self.wake_reader]
        return select.select(descriptors, [], [])[0]

    def obey(self, line: bytes) -> Job | None:
        call = json.loads(line)
        op = call["op"]
        if op == "run":
            self.start(call["job"], call["terminal"], line)
        elif op == "signal":
            self.signal(call["job"], call["signal"])
        elif op == "clear":
            count = self.clear()
            self.finish_terminal()
            self.tell(event="cleared", job=call["job"], count=count)
            return self.fork()
        else:
            raise ValueError(f"no op '{op}' - it is run, signal or clear")
        return None

    def start(self, job: int, terminal: int, line: bytes) -> None:
        child = self.child
        if child is None or child.job is not None:
            raise ValueError(f"job {job} came while no process stood by - clear the one before")
        if terminal not in self.terminals:
            raise ValueError(f"descriptor {terminal} is none of the terminals left, {self.terminals}")
        child.job, self.terminal = job, terminal
        # A standby that was killed is reaped and told as this job's end.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            child.calls.sendall(line + b"\n")
        child.calls.close()

    def signal(self, job: int, number: int) -> None:
        if self.child is None or self.child.job != job:
            return  # it has ended while the call was under way
        for pid in [self.child.pid, *processes.descendants(self.child.pid)]:
            processes.send(pid, number)

    def reap(self) -> None:
        """Takes in whoever has ended: the job, its standby, and orphans, of which nobody need hear."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.child
            if child is None or child.pid != pid:
                continue
            self.child = None
            if child.job is None:
                raise RuntimeError(f"the process that stood by ended with status {status} before it had a job")
            code = os.waitstatus_to_exitcode(status)
            self.tell(
                event="ended",
                job=child.job,
                exitCode=code if code >= 0 else None,
                signal=signal.Signals(-code).name if code < 0 else None,
                cpuMs=round((usage.ru_utime + usage.ru_stime) * 1000, 3),
                maxRssBytes=usage.ru_maxrss * 1024,
            )

    def clear(self) -> int:
        """Kills every descendant until there is none. Returns how many there were."""
        killed: set[int] = set()
        until = time.monotonic() + CLEAR_DEADLINE_S
        while members := processes.descendants(self.pid):
            if time.monotonic() > until:
                raise TimeoutError(f"processes {members} did not end within {CLEAR_DEADLINE_S} s of SIGKILL")
            for pid in members:
                killed.add(pid)
                processes.send(pid, signal.SIGKILL)
            time.sleep(CLEAR_PAUSE_S)
            self.reap()
        return len(killed)

    def finish_terminal(self) -> None:
        """Nobody writes to the job's terminal any more: a stopped one goes on, a pipe ends whoever else has it."""
        if self.terminal is None:
            return
        terminal, self.terminal = self.terminal, None
        self.terminals.remove(terminal)
        if stat.S_ISSOCK(os.fstat(terminal).st_mode):
            with socket.socket(fileno=terminal) as pipe, contextlib.suppress(OSError):  # its reader may be gone
                pipe.shutdown(socket.SHUT_WR)
            return
        with contextlib.suppress(termios.error):  # the job may have taken its line discipline away
            termios.tcflow(terminal, termios.TCOON)
        os.close(terminal)

    def fork(self) -> Job | None:
        """In the zygote: None, and a process stands by. In that process: its job, once it has come."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid != 0:
            theirs.close()
            self.child = Child(pid, ours)
            self.tell(event="standby", pid=pid, rssBytes=_rss_bytes())
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        processes.die_with_parent(self.pid)
        stand_by()
        line = _read_line(theirs)
        for one in (ours, theirs, self.control):
            one.detach()  # closed below by number; closed again by its owner it could take a file of the job's along
        return prepare(json.loads(line), self.terminals, self.confine)


def serve(control_fd: int, terminals: list[int], modules: list[str], confine: str) -> Job | None:
    """Serves jobs until the control ends. Returns in a job's process with the job, and None in the zygote.

    Raises RuntimeError if an import has left a second thread: a process forked from it could hang on its locks.
    """
    _close_all_but([0, 1, 2, control_fd, *terminals])
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; whoever started us closes the control
    began = time.perf_counter()
    for name in modules:
        importlib.import_module(name)
    import_ms = (time.perf_counter() - began) * 1000
    if (threads := processes.thread_count()) != 1:
        raise RuntimeError(f"{threads} threads after the imports of {', '.join(modules)} - set OPENBLAS_NUM_THREADS=1")
    for terminal in filter(os.isatty, terminals):
        tty.setraw(terminal, termios.TCSANOW)  # no echo of what is typed, not even before the job has begun
    # Nobody of our own user may look into our memory or write there: a job's process turns it on again for itself.
    processes.control_process(processes.PR_SET_DUMPABLE, 0)
    processes.control_process(processes.PR_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()  # a collection in a child would otherwise write to, and so copy, every page
    with socket.socket(fileno=control_fd) as control:
        zygote = Zygote(control, terminals, confine)
        zygote.tell(event="ready", pid=zygote.pid, versions=_versions(modules), importMs=round(import_ms, 3))
        job = zygote.serve()
        if job is None:
            zygote.child = None
            zygote.clear()
        return job


def _read_line(calls: socket.socket) -> bytes:
    """A job, in a process that stands by; the end of the zygote ends it before."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = calls.recv(1 << 20)
        if not chunk:
            os._exit(0)
        line += chunk
    return line


def _versions(modules: list[str]) -> dict[str, str]:
    known = {name: getattr(sys.modules[name], "__version__", None) for name in modules}
    return {"python": sys.version.split()[0], **{name: text for name, text in known.items() if isinstance(text, str)}}


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _close_all_but(kept: list[int]) -> None:
    """What a launcher has let through is nothing to a job."""
    before = 2
    for fd in sorted({fd for fd in kept if fd > 2}):
        os.closerange(before + 1, fd)
        before = fd
    os.closerange(before + 1, os.sysconf("SC_OPEN_MAX"))

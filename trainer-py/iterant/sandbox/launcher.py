"""Runs one job: builds its walls, starts it, watches its limits, takes it down, collects what it left.

A job may come without its program and with packages: then an interpreter loads them behind the walls, and waits.

One process a job, started by envs/sandbox over descriptors 3 (control) and 4, 5, 6 (what becomes the program's stdin,
stdout and stderr; pipes or a terminal, never looked at here). It tells facts; what they mean is said there.
When control ends, whoever started us is dead: everything is taken down, and nobody is told.
"""

import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from iterant.sandbox import ingest, kernel, stage
from iterant.sandbox.control import Control
from iterant.sandbox.walls import SetupError, Walls, build, tear_down, write_program

CONTROL_FD = 3
STDIO_FDS = (4, 5, 6)
LARGEST_REPORT_BYTES = 64 << 10
CPU_POLL_S = 0.05


def main() -> None:
    """Reads a job, sends `started` and then one `ended`; or `refused`, if the job cannot be set up.

    A job without a program: sends `warm` when its interpreter waits, and `started` once it was given the program.
    One that ends before that ends without a word; nobody has lost anything.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the whole group; whoever started us closes control
    _close_all_but(range(STDIO_FDS[-1] + 1))
    for fd in (CONTROL_FD, *STDIO_FDS):
        os.set_inheritable(fd, False)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    control = Control(CONTROL_FD)
    job = control.receive()
    if job is None:
        return
    try:
        walls = build(job)
    except SetupError as error:
        control.send({"event": "refused", "message": str(error)})
        return
    try:
        watched = Watch(job, walls, control)
        watched.until_over()
        facts, content = watched.collect()
    except SetupError as error:
        control.send({"event": "refused", "message": str(error)})
        return
    finally:
        leftovers = tear_down(walls)
    if not watched.has_begun and not watched.is_orphaned:
        sys.stderr.write(f"no interpreter became warm: {watched.cut or facts['reports']}\n")
    elif not watched.is_orphaned:
        control.send({"event": "ended", **facts, **leftovers}, content)


class Watch:
    """The time between start and end. `cut` says why the program was ended by us, if it was."""

    def __init__(self, job: dict[str, Any], walls: Walls, control: Control) -> None:
        self._job, self._limits, self._walls, self._control = job, job["limits"], walls, control
        self._report = b""
        self._running_since: float | None = None
        self._ended_at = 0.0
        self._cpu_before_ms = 0.0
        self._is_warm = False
        self.cut: str | None = None
        self.is_orphaned = False

    @property
    def has_begun(self) -> bool:
        """Whether the program was let in; a cold one always is."""
        return self._walls.gate_fd < 0

    def until_over(self) -> None:
        """Starts the program and returns when it has ended or has been given up; its processes may still live."""
        self._walls.start(STDIO_FDS)
        for fd in STDIO_FDS:
            os.close(fd)  # the program's own are the last: when they are gone, its output has ended
        if self.has_begun:
            self._control.send({"event": "started", **self._walls.tell()})
        began = time.monotonic()
        exit_fd = os.pidfd_open(self._walls.pid)
        poll = select.poll()
        for fd in (exit_fd, self._walls.report_fd, self._control.fd):
            poll.register(fd, select.POLLIN)
        if not self.has_begun:
            poll.register(self._walls.gate_fd, select.POLLIN)
        is_over = False
        while not is_over and self.cut is None:
            ready = {fd for fd, _ in poll.poll(self._patience_ms(began))}
            if self._walls.report_fd in ready and not self._hear():
                poll.unregister(self._walls.report_fd)
            if self._walls.gate_fd in ready:
                poll.unregister(self._walls.gate_fd)
                self._become_warm()
            if self._control.fd in ready:
                self._obey()
            if self._is_warm and not self.has_begun and self._job["program"] is not None:
                self._let_go()
            is_over = exit_fd in ready
            if not is_over and self.cut is None:
                self.cut = self._overrun(began)
        self._ended_at = time.monotonic()
        os.close(exit_fd)

    def collect(self) -> tuple[dict[str, Any], bytes]:
        """What happened, and the files that were asked for; first makes sure that nobody writes them any more."""
        self._walls.kill()
        while self._hear():
            pass
        lines = [line for line in self._report.split(b"\n") if line]
        files = [self._ingest(wanted) for wanted in self._job["outputs"]]
        wall_ms = 0.0 if self._running_since is None else 1000 * (self._ended_at - self._running_since)
        account = self._walls.account()
        account["cpuMs"] -= self._cpu_before_ms
        facts = {
            "cut": self.cut,
            "hasRun": self._running_since is not None,
            "reports": [line.decode("utf-8", "replace") for line in lines],
            "wallMs": wall_ms,
            "isWorkspaceFull": self._walls.stage is not None and stage.is_full(self._walls.workspace),
            **account,
            "files": [{"name": name, **_told(taken)} for name, taken in files],
        }
        return facts, b"".join(taken.content for _, taken in files)

    def _hear(self) -> bool:
        """Takes what the runner reports; False when there is no more of it."""
        try:
            piece = os.read(self._walls.report_fd, LARGEST_REPORT_BYTES)
        except BlockingIOError:
            return False
        self._report += piece[: LARGEST_REPORT_BYTES - len(self._report)]
        if self._running_since is None and self._job["packages"] is None and b'"running"' in self._report:
            self._running_since = time.monotonic()
        return piece != b""

    def _obey(self) -> None:
        message = self._control.receive()
        if message is not None and "program" in message:
            self._job["program"] = message["program"]
            return
        self.is_orphaned = message is None
        self.cut = "orphaned" if message is None else message["cut"]

    def _become_warm(self) -> None:
        told = os.read(self._walls.gate_fd, LARGEST_REPORT_BYTES)
        if told:  # else it died, and its end is heard of elsewhere
            self._is_warm = True
            self._cpu_before_ms = 1000 * float(told)
            self._control.send({"event": "warm"})

    def _let_go(self) -> None:
        """From here on its program runs and its limits are counted. Raises SetupError if there is no room for it."""
        write_program(self._walls)
        self._cpu_before_ms = self._walls.group.cpu_ms() or self._cpu_before_ms
        self._running_since = time.monotonic()
        os.write(self._walls.gate_fd, b"!")
        os.close(self._walls.gate_fd)
        self._walls.gate_fd = -1
        self._control.send({"event": "started", **self._walls.tell()})

    def _overrun(self, began: float) -> str | None:
        """The limit that has been passed, if one has."""
        now = time.monotonic()
        if self._running_since is None:
            return "setup" if not self._is_warm and now - began > self._job["setupMs"] / 1000 else None
        if now - self._running_since > self._limits["wallMs"] / 1000:
            return "wall"
        spent = self._walls.group.cpu_ms()
        return "cpu" if spent is not None and spent - self._cpu_before_ms > self._limits["cpuMs"] else None

    def _patience_ms(self, began: float) -> float | None:
        """Until the next limit can be passed: the clock is exact, CPU time is looked at now and then."""
        if self._running_since is None and self._is_warm:
            return None
        if self._running_since is None:
            left: float = began + self._job["setupMs"] / 1000 - time.monotonic()
            return 1000 * max(0.0, left) + 1
        left = self._running_since + self._limits["wallMs"] / 1000 - time.monotonic()
        if "cpu" in self._walls.group.holds:
            left = min(left, CPU_POLL_S)
        return 1000 * max(0.0, left) + 1

    def _ingest(self, wanted: dict[str, Any]) -> tuple[str, ingest.Ingested]:
        Path(self._walls.workspace).chmod(0o700)  # the program may have locked its own folder
        folder = os.open(self._walls.workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return wanted["name"], ingest.ingest(folder, wanted["name"], wanted["maxBytes"])
        finally:
            os.close(folder)


def _told(taken: ingest.Ingested) -> dict[str, Any]:
    return {"refusal": taken.refusal, "size": taken.size, "byteCount": len(taken.content)}


def _close_all_but(kept: range) -> None:
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd not in kept:
            try:
                os.close(fd)
            except OSError:  # the one that listed them
                continue


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    os._exit(0)  # nothing is left to be tidied by the interpreter

"""A zygote spoken to by hand: what its control carries, and what it refuses."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iterant.zygote import processes

PACKAGE = Path(__file__).resolve().parents[3] / "trainer-py"
JOB = {"file": "job.py", "args": [], "cwd": "/", "env": {}, "limits": {}, "seed": None}


class Control:
    """Our end of the control socket."""

    def __init__(self, control: socket.socket, process: "subprocess.Popen[bytes]", output: int) -> None:
        self.lines = control.makefile("rb")
        self.control = control
        self.process = process
        self.output = output

    def tell(self, **call: Any) -> None:
        self.control.sendall(json.dumps(call).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        line = self.lines.readline()
        assert line, f"the zygote ended: {self.last_words()}"
        heard: dict[str, Any] = json.loads(line)
        return heard

    def last_words(self) -> str:
        _, words = self.process.communicate(timeout=60)
        return words.decode()


def has_ended(pid: int) -> bool:
    """Waits for it: whoever inherits a process may take a moment to bury it."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 60)[0])
    finally:
        os.close(process)


@contextmanager
def zygote() -> Iterator[tuple[Control, int]]:
    """A zygote with one terminal, a pipe; its number there comes second."""
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    terminal = str(writer)
    command = [sys.executable, "-m", "iterant.zygote", "--control", str(theirs.fileno()), "--terminals", terminal]
    process = subprocess.Popen(
        command,
        pass_fds=[theirs.fileno(), writer],
        env={"PYTHONPATH": str(PACKAGE)},
        stderr=subprocess.PIPE,
    )
    theirs.close()
    os.close(writer)
    control = Control(ours, process, reader)
    try:
        yield control, int(terminal)
    finally:
        process.kill()
        process.communicate()
        ours.close()
        control.lines.close()
        os.close(reader)


def test_a_job_is_run_told_and_cleared_up_and_the_next_process_stands_by() -> None:
    with zygote() as (control, terminal):
        ready, standby = control.hear(), control.hear()
        assert (ready["event"], ready["pid"], standby["event"]) == ("ready", control.process.pid, "standby")
        control.tell(op="run", job=1, terminal=terminal, program="print('hi'); raise SystemExit(3)", **JOB)
        ended = control.hear()
        assert {**ended, "cpuMs": 0, "maxRssBytes": 0} == {
            "event": "ended",
            "job": 1,
            "exitCode": 3,
            "signal": None,
            "cpuMs": 0,
            "maxRssBytes": 0,
        }
        assert ended["cpuMs"] > 0
        assert ended["maxRssBytes"] > 1_000_000
        assert os.read(control.output, 100) == b"hi\n"
        control.tell(op="clear", job=1)
        assert control.hear() == {"event": "cleared", "job": 1, "count": 0}
        assert control.hear()["pid"] not in (standby["pid"], ready["pid"])


def test_a_signal_reaches_the_job_and_its_children_and_one_for_a_job_that_is_over_nobody() -> None:
    with zygote() as (control, terminal):
        control.hear()
        control.hear()
        program = (
            "import subprocess; child = subprocess.Popen(['sleep', '600']); print(child.pid, flush=True); child.wait()"
        )
        control.tell(op="run", job=1, terminal=terminal, program=program, **JOB)
        child = int(os.read(control.output, 100))
        assert child in processes.descendants(control.process.pid)
        control.tell(op="signal", job=7, signal=signal.SIGKILL)
        control.tell(op="signal", job=1, signal=signal.SIGKILL)
        assert control.hear()["signal"] == "SIGKILL"
        control.tell(op="clear", job=1)
        assert control.hear()["count"] == 0
        assert child not in processes.descendants(control.process.pid)


def test_the_end_of_the_control_ends_the_zygote_and_what_descends_from_it() -> None:
    with zygote() as (control, _):
        control.hear()
        standby = control.hear()["pid"]
        control.control.shutdown(socket.SHUT_RDWR)
        assert control.last_words() == ""
        assert control.process.returncode == 0
        assert has_ended(standby)


def test_what_it_does_not_understand_ends_it_with_a_reason() -> None:
    calls: list[tuple[dict[str, Any], str]] = [
        ({"op": "dance"}, "ValueError: no op 'dance' - it is run, signal or clear"),
        ({"op": "run", "job": 1, "terminal": 2}, "ValueError: descriptor 2 is none of the terminals left"),
    ]
    for call, reason in calls:
        with zygote() as (control, _):
            control.tell(**call)
            assert reason in control.last_words()
            assert control.process.returncode == 1


def test_a_second_job_before_the_first_was_cleared_is_refused() -> None:
    with zygote() as (control, terminal):
        program = "import time; time.sleep(600)"
        control.tell(op="run", job=1, terminal=terminal, program=program, **JOB)
        control.tell(op="run", job=2, terminal=terminal, program=program, **JOB)
        assert "ValueError: job 2 came while no process stood by - clear the one before" in control.last_words()


def test_descendants_of_a_subreaper_include_who_has_left_its_session() -> None:
    program = """
import os, sys
from iterant.zygote import processes
processes.control_process(processes.PR_SET_CHILD_SUBREAPER, 1)
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writer, str(os.getpid()).encode())
        os.read(reader, 0)
        import signal; signal.pause()
    os._exit(0)
lost = int(os.read(reader, 20))
os.wait()
print(lost in processes.descendants(os.getpid()), len(processes.descendants(os.getpid())))
os.kill(lost, 9)
"""
    found = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(PACKAGE)}, capture_output=True)
    assert found.stdout == b"True 1\n", found.stderr

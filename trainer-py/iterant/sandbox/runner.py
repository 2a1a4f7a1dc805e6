"""The launcher's hand inside the sandbox: starts the program, waits for it, tells how it ended.

Trusted code in an untrusted place. It reads its orders from one descriptor and reports on another, keeps both from
the program, and cannot be looked into by it. The launcher believes no more of its report than the program's own
exit status; whoever forges that gains nothing. Imports little: every program waits for it (measured: 28 ms with json).
"""

from __future__ import annotations

import marshal
import os
import resource
import sys

from iterant.sandbox import kernel, landlock

TYPE_CHECKING = False  # `typing` takes 10 ms to import
if TYPE_CHECKING:
    from typing import Any

NOT_STARTED = 127


def main(orders_fd: int, report_fd: int) -> int:
    """Reads the orders (`Walls._orders`), runs the program, and reports in JSON; returns this process's exit code."""
    with os.fdopen(orders_fd, "rb") as stream:
        orders = marshal.load(stream)  # from the launcher, so trusted; the same in every Python 3
    os.set_inheritable(report_fd, False)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # the program is the same user, and must not look into us
    _report(report_fd, '{"running": true}')
    child = os.fork()
    if child == 0:
        _become_program(orders, report_fd)
    if orders["gate"] is not None:
        os.close(orders["gate"])  # only the program waits there
    _, status = os.waitpid(child, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    how = f'"signal": {os.WTERMSIG(status)}' if os.WIFSIGNALED(status) else f'"exitCode": {os.WEXITSTATUS(status)}'
    _report(report_fd, f'{{{how}, "maxRssBytes": {usage.ru_maxrss * 1024}}}')
    return 0


def _become_program(orders: dict[str, Any], report_fd: int) -> None:
    """Runs in the child and does not return."""
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)
        if os.isatty(0):
            _take_terminal()
        _be_first_to_die()
        _set_limits(orders["limits"])
        for number in (kernel.SIGPIPE, kernel.SIGXFSZ):
            kernel.reset_signal(number)  # Python ignores them, and what it ignores its children would
        if orders["landlock"] is not None:
            landlock.restrict(**orders["landlock"])
        os.chdir(orders["folder"])
        if orders["filter"] is not None:
            kernel.load_filter(orders["filter"])
        os.execve(orders["command"][0], orders["command"], orders["environment"])
    except (OSError, ValueError) as error:
        words = str(error).translate({ord(sign): " " for sign in '"\\\n'})
        _report(report_fd, f'{{"broken": "the program could not be started: {words}"}}')
    os._exit(NOT_STARTED)


def _set_limits(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        # A second more before the end by force, so that it can be told why.
        hard = value + 1 if name == "RLIMIT_CPU" else value
        resource.setrlimit(getattr(resource, name), (value, hard))


def _take_terminal() -> None:
    """Makes the terminal ours: ^C reaches the program, job control works, and bytes go out as they are written."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    settings = termios.tcgetattr(0)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, settings)


def _be_first_to_die() -> None:
    """When memory runs out the program goes before the runner, which has to tell of it."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # our own files in /proc are root's otherwise; exec would do it anyway
    with open("/proc/self/oom_score_adj", "w") as adjustment:  # noqa: PTH123 - pathlib costs 4 ms
        adjustment.write("1000")


def _report(report_fd: int, what: str) -> None:
    os.write(report_fd, what.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))

"""The launcher's hand inside the sandbox: starts the program, waits for it, tells how it ended.

Trusted code in an untrusted place. It reads its orders from one descriptor and reports on another, keeps both from
the program, and cannot be looked into by it. The launcher believes no more of its report than the program's own
exit status; whoever forges that gains nothing.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from iterant.sandbox import kernel, landlock

NOT_STARTED = 127


def main(orders_fd: int, report_fd: int) -> int:
    """Reads the orders (`Walls._orders` as JSON), runs the program, and reports; returns this process's exit code."""
    with os.fdopen(orders_fd, "rb") as stream:
        orders = json.load(stream)
    os.set_inheritable(report_fd, False)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # the program is the same user, and must not look into us
    _report(report_fd, {"running": True})
    child = os.fork()
    if child == 0:
        _become_program(orders, report_fd)
    _, status = os.waitpid(child, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = {"cpuMs": round(1000 * (usage.ru_utime + usage.ru_stime)), "maxRssBytes": usage.ru_maxrss * 1024}
    if os.WIFSIGNALED(status):
        _report(report_fd, {**ended, "signal": signal.Signals(os.WTERMSIG(status)).name})
    else:
        _report(report_fd, {**ended, "exitCode": os.WEXITSTATUS(status)})
    return 0


def _become_program(orders: dict[str, Any], report_fd: int) -> None:
    """Runs in the child and does not return."""
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.isatty(0):
            _take_terminal()
        _be_first_to_die()
        for name, value in orders["limits"].items():
            # A second more before the end by force, so that it can be told why.
            hard = value + 1 if name == "RLIMIT_CPU" else value
            resource.setrlimit(getattr(resource, name), (value, hard))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        rules = orders["landlock"]
        if rules is not None:
            landlock.restrict(**rules)
        os.chdir(orders["folder"])
        if orders["filter"] is not None:
            kernel.load_filter(bytes.fromhex(orders["filter"]))
        os.execve(orders["command"][0], orders["command"], orders["environment"])
    except (OSError, ValueError) as error:
        _report(report_fd, {"broken": f"the program could not be started: {error}"})
    os._exit(NOT_STARTED)


def _take_terminal() -> None:
    """Makes the terminal ours, so that ^C reaches the program and job control works."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _be_first_to_die() -> None:
    """When memory runs out the program goes before the runner, which has to tell of it."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # our own files in /proc are root's otherwise; exec would do it anyway
    Path("/proc/self/oom_score_adj").write_text("1000")


def _report(report_fd: int, what: dict[str, Any]) -> None:
    os.write(report_fd, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))

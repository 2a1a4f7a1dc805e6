"""A time limit for work on the main thread that cannot be asked to stop.

Knows no package. The alarm repeats until the work has ended: the interpreter prints and forgets an exception that is
raised inside a destructor or a garbage collector's callback, and a limit that rings once would then be none.
What the alarm cannot interrupt, one long operation in C, is the parent's to kill.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

REPEAT_S = 0.25


class OutOfTime(BaseException):
    """The work went on beyond its limit. Not an Exception, so that `except Exception` in a package does not end it."""


def within(limit_s: float, work: Callable[[], T]) -> T:
    """What `work` returns. Only on the main thread, and not inside another `within`.

    Raises OutOfTime after `limit_s` seconds, and again every `REPEAT_S` for as long as something swallows it.
    """
    is_running = True

    def ring(_signal: int, _frame: FrameType | None) -> None:
        if is_running:
            raise OutOfTime(f"not done within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s, REPEAT_S)
    try:
        try:
            return work()
        finally:
            is_running = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

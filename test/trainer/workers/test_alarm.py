"""A time limit that rings until somebody hears it."""

import signal
import time

import pytest

from iterant.workers.alarm import OutOfTime, within


def test_work_in_time_gives_its_result_and_leaves_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    assert within(60, lambda: 7) == 7
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_work_that_goes_on_is_interrupted() -> None:
    with pytest.raises(OutOfTime, match=r"not done within 0\.01 s"):
        within(0.01, lambda: time.sleep(60))
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_interruption_that_was_swallowed_comes_again() -> None:
    swallowed = 0

    def deaf_twice() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                time.sleep(60)
            except OutOfTime:
                swallowed += 1
        time.sleep(60)

    with pytest.raises(OutOfTime):
        within(0.01, deaf_twice)
    assert swallowed == 2


def test_an_error_of_the_work_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

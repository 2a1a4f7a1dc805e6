"""Floors of the worlds' benches: the same work in one Python process, with nothing of ours in between.

`python worlds.py verify 300` and `python worlds.py calls bfcl` print how many a second, `restore bfcl` milliseconds.
"""

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iterant.workers.tools.suite import Suite

    Texts = dict[str, list[list[str]]]


def verify(what: str) -> float:
    from iterant.workers.math_verifier import MathVerifier

    count = int(what)
    verifier = MathVerifier()

    def all_of_them() -> None:
        for index in range(count):
            verifier.verify({"gold": str(index), "response": f"so it is \\boxed{{{index + index % 2}}}"})

    all_of_them()  # sympy's caches fill, as they have in a helper that has been at work
    began = time.perf_counter()
    all_of_them()
    return count / (time.perf_counter() - began)


def calls(suite_name: str) -> float:
    """A suite's own answers, a call a response, with a digest after each."""
    suite, texts = _answers(suite_name)
    _play(suite, texts, 1)  # functions are bound and modules compiled, as they are in a helper that has been at work
    began = time.perf_counter()
    count = _play(suite, texts, 4)
    return count / (time.perf_counter() - began)


def restore(suite_name: str) -> float:
    """Milliseconds from nothing to a boundary between requests, over all boundaries."""
    from iterant.workers.tools.call import read_calls
    from iterant.workers.tools.session import Session

    suite, texts = _answers(suite_name)
    began = time.perf_counter()
    boundaries = 0
    for task, turns in texts.items():
        for end in range(len(turns)):
            session = Session(suite, suite.tasks[task])
            for turn in turns[: end + 1]:
                for text in turn:
                    session.take(read_calls(text))
                session.end_request()
            session.digest()
            boundaries += 1
    return 1000 * (time.perf_counter() - began) / boundaries


def _answers(suite_name: str) -> "tuple[Suite, Texts]":
    from iterant.workers.tools import bfcl, office
    from iterant.workers.tools.host import Host

    suite = bfcl.open_suite() if suite_name == "bfcl" else office.open_suite("full", 200, 0)
    host = Host(suite)
    return suite, {task: host.reference({"task": task}) for task in suite.tasks}


def _play(suite: "Suite", texts: "Texts", times: int) -> int:
    from iterant.workers.tools.call import read_calls
    from iterant.workers.tools.session import Session

    count = 0
    for task in [task for _ in range(times) for task in texts]:
        session = Session(suite, suite.tasks[task])
        for turn in texts[task]:
            for text in turn:
                session.take(read_calls(text))
                session.digest()
                count += 1
            session.end_request()
            session.digest()
    return count


if __name__ == "__main__":
    print({"verify": verify, "calls": calls, "restore": restore}[sys.argv[1]](sys.argv[2]))

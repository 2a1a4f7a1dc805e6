"""Floors of the worlds' benches: the same work in one Python process, with nothing of ours in between.

`python worlds.py verify 300` and `python worlds.py calls 2000` print how many a second.
"""

import sys
import time


def verify(count: int) -> float:
    from iterant.workers.math_verifier import MathVerifier

    verifier = MathVerifier()

    def all_of_them() -> None:
        for index in range(count):
            verifier.verify({"gold": str(index), "response": f"so it is \\boxed{{{index + index % 2}}}"})

    all_of_them()  # sympy's caches fill, as they have in a helper that has been at work
    began = time.perf_counter()
    all_of_them()
    return count / (time.perf_counter() - began)


def calls(count: int) -> float:
    from iterant.workers.tools.call import read_calls
    from iterant.workers.tools.office import open_suite
    from iterant.workers.tools.session import Session

    suite = open_suite("tiny", 1, 0)
    session = Session(suite, next(iter(suite.tasks.values())))
    text = '[{"name": "count_part", "args": {"part": "bolt", "bin": "A"}}]'
    began = time.perf_counter()
    for _ in range(count):
        session.take(read_calls(text))
        session.digest()
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    print({"verify": verify, "calls": calls}[sys.argv[1]](int(sys.argv[2])))

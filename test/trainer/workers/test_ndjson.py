"""The Python end of a helper process, spoken to as its parent speaks to it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

# A helper whose methods are named for their conduct; the grace after a deadline is short, to be waited for.
HELPER = """
import ctypes, sys, time
from iterant.workers import ndjson

ndjson.GRACE_S = 0.2

def echo(params):
    return params

def raises(params):
    raise ValueError("a bad sum")

def prints(params):
    print("a package says hello")
    return "said"

def returns_nan(params):
    return float("nan")

def sleeps(params):
    time.sleep(600)

def holds_the_lock(params):
    sys.setswitchinterval(600)
    ctypes.PyDLL(None).write(2, b"holding\\n", 8)  # a write that keeps the lock
    return str(3 ** 10**9)[:1]

def load():
    if "--slow-import" in sys.argv:
        sys.stderr.write("importing\\n")
        sys.stderr.flush()
        time.sleep(600)
    methods = [echo, raises, prints, returns_nan, sleeps, holds_the_lock]
    return ndjson.Helper("well-known", {"sums": "1.0"}, {method.__name__: method for method in methods})

ndjson.serve(load, max_line_bytes=1000)
"""

Process = subprocess.Popen[bytes]


def start(*args: str) -> Process:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", HELPER, *args], stdin=pipe, stdout=pipe, stderr=pipe)


def send(helper: Process, method: str, params: Any = None, deadline_ms: float = 60_000) -> None:
    assert helper.stdin
    call = {"id": 1, "method": method, "params": params, "deadlineMs": deadline_ms}
    helper.stdin.write(json.dumps(call).encode() + b"\n")
    helper.stdin.flush()


def call(helper: Process, method: str, params: Any = None) -> Any:
    assert helper.stdout
    send(helper, method, params)
    return json.loads(helper.stdout.readline())


@pytest.fixture(scope="module")
def helper() -> Iterator[Process]:
    process = start()
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def doomed() -> Iterator[Process]:
    """A helper of the test's own, which is to end in it."""
    process = start()
    assert call(process, "hello")["ok"]
    yield process
    process.kill()
    process.communicate()


def test_hello_says_protocol_name_and_versions(helper: Process) -> None:
    said = call(helper, "hello")["result"]
    versions = {"python": sys.version.split()[0], "sums": "1.0"}
    assert said == {"protocol": 1, "name": "well-known", "pid": helper.pid, "versions": versions}


def test_a_call_is_answered_with_its_id(helper: Process) -> None:
    params = {"text": "π \u2028 \ud800", "numbers": [1, 0.5, None, True]}
    assert call(helper, "echo", params) == {"id": 1, "ok": True, "result": params}


def test_a_method_that_raises_is_answered_with_the_error(helper: Process) -> None:
    assert call(helper, "raises") == {
        "id": 1,
        "ok": False,
        "error": {"type": "ValueError", "message": "a bad sum"},
    }


def test_an_unknown_method_is_answered_with_those_there_are(helper: Process) -> None:
    error = call(helper, "guesses")["error"]
    assert error["type"] == "LookupError"
    assert error["message"] == (
        "no method 'guesses' - well-known - it has echo, holds_the_lock, prints, raises, returns_nan, sleeps"
    )


def test_a_result_that_is_no_json_is_an_error(helper: Process) -> None:
    assert call(helper, "returns_nan")["error"]["type"] == "ValueError"


def test_what_a_package_prints_stays_out_of_the_answers(helper: Process) -> None:
    assert call(helper, "prints") == {"id": 1, "ok": True, "result": "said"}
    assert call(helper, "echo", 1)["result"] == 1


def test_an_interrupt_from_the_terminal_is_left_to_the_parent(helper: Process) -> None:
    helper.send_signal(signal.SIGINT)
    assert call(helper, "echo", "alive")["result"] == "alive"


def test_the_end_of_stdin_ends_an_idle_helper(doomed: Process) -> None:
    _, errors = doomed.communicate(timeout=60)
    assert (doomed.returncode, errors) == (0, b"")


def test_the_end_of_stdin_ends_a_helper_in_the_middle_of_a_call(doomed: Process) -> None:
    send(doomed, "sleeps")
    doomed.communicate(timeout=60)
    assert doomed.returncode == 0


def test_the_end_of_stdin_ends_a_helper_in_the_middle_of_its_imports() -> None:
    helper = start("--slow-import")
    assert helper.stderr
    assert helper.stderr.readline() == b"importing\n"
    helper.communicate(timeout=60)
    assert helper.returncode == 0


def test_an_orphan_that_holds_the_interpreters_lock_ends_after_its_deadline_and_says_where(doomed: Process) -> None:
    assert doomed.stderr
    send(doomed, "holds_the_lock", deadline_ms=200)
    assert doomed.stderr.readline() == b"holding\n"
    _, errors = doomed.communicate(timeout=60)
    assert doomed.returncode == 1
    assert b"in holds_the_lock" in errors


def test_an_idle_helper_outlives_the_deadlines_of_the_calls_before(doomed: Process) -> None:
    for deadline_ms in (0.1, 5_000, 0.1):
        send(doomed, "echo", "alive", deadline_ms=deadline_ms)
        assert doomed.stdout
        assert json.loads(doomed.stdout.readline())["ok"]
    with pytest.raises(subprocess.TimeoutExpired):
        doomed.wait(timeout=2)  # the watchdog of the last would have ended it by then


def test_a_call_longer_than_a_line_may_be_ends_the_helper(doomed: Process) -> None:
    send(doomed, "echo", "x" * 1000)
    assert doomed.stderr
    errors = doomed.stderr.read()  # until it ends by itself
    assert b"a call is longer than 1000 bytes; the helper ends" in errors

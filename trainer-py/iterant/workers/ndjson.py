"""The Python end of a helper process: one JSON object a line, calls on stdin, answers on stdout.

Knows no world: a helper hands in a function that loads its methods. Methods run on the main thread, one after
another, because alarms and most scientific packages want it so; a second thread only reads stdin.

    -> {"id": 7, "method": "verify", "params": {...}, "deadlineMs": 20000}
    <- {"id": 7, "ok": true, "result": {...}}
    <- {"id": 7, "ok": false, "error": {"type": "ValueError", "message": "..."}}

The helper never outlives its parent: stdin's end ends the process, in the middle of a call too, and a call that
holds the interpreter's lock past its deadline is ended by a timer that does not need the lock.
"""

import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

PROTOCOL = 1
MAX_LINE_BYTES = 16 * 1024 * 1024
READ_BYTES = 64 * 1024
# The parent kills at the deadline itself; only an orphan lives until the grace is over.
GRACE_S = 5.0
# How much later than it must the watchdog may bite, so that it need not be set for every call.
SLACK_S = 1.0
# The pause between calls after which it is called off.
IDLE_S = 0.5

ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

Method = Callable[[dict[str, Any]], Any]
Lines: TypeAlias = "queue.SimpleQueue[list[bytes]]"


@dataclass
class Helper:
    """What a helper offers once it has imported what it needs.

    name      said in `hello`; the parent refuses a helper of another name
    versions  of the packages and data whose behaviour a record depends on
    methods   name to function of the call's params; what it returns must be JSON, NaN excluded
    """

    name: str
    versions: dict[str, str]
    methods: Mapping[str, Method]


def serve(load: Callable[[], Helper], max_line_bytes: int = MAX_LINE_BYTES) -> None:
    """Answers calls until stdin ends, and the process with it; does not return.

    `load` is called once, after stdin is being watched, so that a parent that dies during a slow import is noticed.
    Whatever a package prints goes to stderr: stdout belongs to the answers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent closes stdin
    calls, answers = _take_over_stdio()
    lines: Lines = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(calls, lines, max_line_bytes), daemon=True).start()
    helper = load()
    watchdog = _Watchdog()
    while True:
        for line in _next(lines, watchdog):
            answers.write(_answer(helper, line, watchdog) + b"\n")
            answers.flush()


def _take_over_stdio() -> tuple[int, BinaryIO]:
    """Moves stdin and stdout to descriptors that no package knows; print() and children get stderr and /dev/null."""
    calls, answers = os.dup(0), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return calls, answers


def _read_lines(calls: int, lines: Lines, max_line_bytes: int) -> None:
    """Hands on the lines of one read together, so that the main thread is woken once for calls that came at once."""
    begun: list[bytes] = []  # pieces of a line whose end has not come
    while chunk := os.read(calls, READ_BYTES):
        first, *others = chunk.split(b"\n")
        begun.append(first)
        whole = [b"".join(begun), *others[:-1]] if others else []
        begun = others[-1:] or begun
        if max([sum(map(len, begun)), *map(len, whole)]) > max_line_bytes:
            sys.stderr.write(f"a call is longer than {max_line_bytes} bytes; the helper ends\n")
            break
        if whole:
            lines.put(whole)
    sys.stderr.flush()
    os._exit(0)  # the parent is gone or has closed us: nobody waits for what the main thread is doing


def _next(lines: Lines, watchdog: "_Watchdog") -> list[bytes]:
    watchdog.rest()
    try:
        return lines.get(timeout=IDLE_S)
    except queue.Empty:
        watchdog.call_off()
        return lines.get()


class _Watchdog:
    """Ends the process from a thread that needs no lock when a call hangs beyond its deadline and the grace.

    Setting it costs a thread, up to a millisecond on a busy machine (measured), so it stays set from call to call.
    """

    def __init__(self) -> None:
        self._ends_s = 0.0

    def watch(self, deadline_s: float) -> None:
        """For a call that begins: it bites `GRACE_S` to `GRACE_S + SLACK_S` after the deadline."""
        wanted_s = deadline_s + GRACE_S
        if not wanted_s <= self._left_s() <= wanted_s + SLACK_S:
            faulthandler.dump_traceback_later(wanted_s + SLACK_S, exit=True)
            self._ends_s = time.monotonic() + wanted_s + SLACK_S

    def rest(self) -> None:
        """For a pause between calls: it does not bite in the next `IDLE_S`."""
        if self._left_s() < 2 * IDLE_S:
            self.call_off()

    def call_off(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        self._ends_s = 0.0

    def _left_s(self) -> float:
        return self._ends_s - time.monotonic()


def _answer(helper: Helper, line: bytes, watchdog: _Watchdog) -> bytes:
    call = json.loads(line)
    watchdog.watch(call["deadlineMs"] / 1000)
    try:
        result = _invoke(helper, call["method"], call["params"])
        return _encode({"id": call["id"], "ok": True, "result": result})
    except Exception as error:
        traceback.print_exc()
        return _encode({"id": call["id"], "ok": False, "error": {"type": type(error).__name__, "message": str(error)}})


def _invoke(helper: Helper, method: str, params: dict[str, Any]) -> Any:
    if method == "hello":
        said = {"protocol": PROTOCOL, "name": helper.name, "pid": os.getpid()}
        return {**said, "versions": {"python": sys.version.split()[0], **helper.versions}}
    if method not in helper.methods:
        raise LookupError(f"no method '{method}' - {helper.name} - it has {', '.join(sorted(helper.methods))}")
    return helper.methods[method](params)


def _encode(answer: dict[str, Any]) -> bytes:
    return ENCODER.encode(answer).encode("ascii")

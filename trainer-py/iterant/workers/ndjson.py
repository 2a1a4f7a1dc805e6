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
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

PROTOCOL = 1
MAX_LINE_BYTES = 16 * 1024 * 1024
# The parent kills at the deadline itself; only an orphan lives until the grace is over.
GRACE_S = 5.0

Method = Callable[[dict[str, Any]], Any]


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
    """Answers calls until stdin ends; does not return before.

    `load` is called once, after stdin is being watched, so that a parent that dies during a slow import is noticed.
    Whatever a package prints goes to stderr: stdout belongs to the answers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent closes stdin
    calls, answers = _take_over_stdio()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(calls, lines, max_line_bytes), daemon=True).start()
    helper = load()
    while True:
        answer = _answer(helper, lines.get())
        answers.write(answer + b"\n")
        answers.flush()


def _take_over_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Moves stdin and stdout to descriptors that no package knows; print() and children get stderr and /dev/null."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return calls, answers


def _read_lines(calls: BinaryIO, lines: "queue.SimpleQueue[bytes]", max_line_bytes: int) -> None:
    while line := calls.readline(max_line_bytes + 1):
        if len(line) > max_line_bytes:
            sys.stderr.write(f"a call is longer than {max_line_bytes} bytes; the helper ends\n")
            break
        lines.put(line)
    sys.stderr.flush()
    os._exit(0)  # the parent is gone or has closed us: nobody waits for what the main thread is doing


def _answer(helper: Helper, line: bytes) -> bytes:
    call = json.loads(line)
    faulthandler.dump_traceback_later(call["deadlineMs"] / 1000 + GRACE_S, exit=True)
    try:
        result = _invoke(helper, call["method"], call["params"])
        return _encode({"id": call["id"], "ok": True, "result": result})
    except Exception as error:
        traceback.print_exc()
        return _encode({"id": call["id"], "ok": False, "error": {"type": type(error).__name__, "message": str(error)}})
    finally:
        faulthandler.cancel_dump_traceback_later()


def _invoke(helper: Helper, method: str, params: dict[str, Any]) -> Any:
    if method == "hello":
        said = {"protocol": PROTOCOL, "name": helper.name, "pid": os.getpid()}
        return {**said, "versions": {"python": sys.version.split()[0], **helper.versions}}
    if method not in helper.methods:
        raise LookupError(f"no method '{method}' - {helper.name} - it has {', '.join(sorted(helper.methods))}")
    return helper.methods[method](params)


def _encode(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode("ascii")

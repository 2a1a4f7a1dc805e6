"""An actor host in Python: `python -m iterant.host`, started by a node.

Reads its boot line from stdin, opens its link, runs actors' methods on the main thread, one at a
time, and ends when stdin ends. A method may give a value, a generator (a stream) or a
`concurrent.futures.Future` (an answer that comes later). An actor with a method `turn() -> bool`
gets turns between its messages for as long as it says that there is more to do.
"""

import faulthandler
import importlib
import inspect
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from iterant.errors import ActorError, to_error_record
from iterant.inspection import describe, evaluate, is_public, public_methods
from iterant.wire.codec import (
    CALL,
    CANCEL,
    CREDIT,
    END,
    ERROR,
    FIRST_CONTROL_ID,
    ITEMS,
    OK,
    RESULT,
    STREAM,
    Envelope,
    Payload,
    pack_value,
    unpack_value,
)
from iterant.wire.link import Boot, Link

MAX_REMEMBERED = 256
STOP_GRACE_S = 5.0


@dataclass
class _Cell:
    """One living actor."""

    spec: dict[str, Any]
    instance: Any
    born_s: float = field(default_factory=time.monotonic)
    handled: int = 0
    failed: int = 0
    busy_s: float = 0.0
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_REMEMBERED))

    @property
    def address(self) -> str:
        return str(self.spec["address"])


@dataclass
class _Waiting:
    """A call in the mailbox: fields as in its envelope."""

    call_id: int
    target: str
    method: str
    args: Payload
    deadline_ms: float | None
    credit: int
    sender: str
    arrived_s: float

    @staticmethod
    def of(envelope: Envelope) -> "_Waiting":
        _kind, call_id, target, method, args, deadline_ms, credit, sender = envelope[:8]
        return _Waiting(call_id, target, method, args, deadline_ms, credit, sender, time.monotonic())


@dataclass
class _Running:
    """A call that has begun and not ended: one that streams, or one whose answer comes later."""

    call: _Waiting
    cell: _Cell
    record: dict[str, Any]
    began_s: float
    future: "Future[Any] | None" = None
    stream: Iterator[Any] | None = None
    granted: int = 0
    sent: int = 0


class Host:
    """Runs everything on the thread that calls `run`; `receive` is the only door for other threads."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._inbox: queue.SimpleQueue[Envelope | None] = queue.SimpleQueue()
        self._waiting: deque[_Waiting] = deque()
        self._cells: dict[str, _Cell] = {}
        self._running: dict[int, _Running] = {}
        # What the main thread runs and since when; read by the I/O thread, so it changes in one assignment.
        self._busy: tuple[_Cell, float] | None = None
        self._capacity = 10_000.0
        self._link = Link(boot, self.receive, self._lag_ms, self._lost)
        self._is_ending = False

    def run(self) -> None:
        """Until `end`: messages first, then one turn of whoever has more to do."""
        self._link.start()
        while not self._is_ending:
            has_work = self._give_turns()
            self._drain(block=not has_work and not self._waiting)
            while self._waiting and not self._is_ending:
                self._begin(self._waiting.popleft())
                self._drain(block=False)
        for name in list(self._cells):
            self._stop_hook(name, "its host ends")
        self._link.close()

    def receive(self, envelope: Envelope) -> None:
        """From the I/O thread: puts it where the main thread finds it, and answers what must not wait for that."""
        if envelope[0] == CALL and envelope[2].startswith("$host@") and envelope[3] in self._at_once:
            self._run_control(_Waiting.of(envelope), self._at_once)
            return
        if envelope[0] == CALL and 0 < envelope[1] < FIRST_CONTROL_ID and self._inbox.qsize() >= self._capacity:
            size = self._inbox.qsize()
            text = f"{envelope[2]} refused {envelope[3]}: mailbox {size} of {size}. It lives but is behind: send less."
            self._send_error(envelope[1], ActorError("mailbox_full", text, actor=envelope[2], method=envelope[3]))
            return
        self._inbox.put(envelope)

    def end(self) -> None:
        """From any thread: no more messages; stop hooks run, then `run` returns."""
        self._is_ending = True
        self._inbox.put(None)

    # --- messages -----------------------------------------------------------------------------------

    def _drain(self, block: bool) -> None:
        try:
            envelope = self._inbox.get(block=block, timeout=1.0 if block else None)
            while True:
                self._sort(envelope)
                envelope = self._inbox.get(block=False)
        except queue.Empty:
            pass

    def _sort(self, envelope: Envelope | None) -> None:
        if envelope is None:
            return
        kind = envelope[0]
        if kind == CALL:
            self._waiting.append(_Waiting.of(envelope))
        elif kind == CANCEL:
            self._cancel(envelope[1], envelope[2])
        elif kind == CREDIT and envelope[1] in self._running:
            running = self._running[envelope[1]]
            running.granted = max(running.granted, envelope[2])

    def _cancel(self, call_id: int, reason: str) -> None:
        for waiting in self._waiting:
            if waiting.call_id == call_id:
                self._waiting.remove(waiting)
                text = f"{waiting.target} did not run {waiting.method}: {reason}."
                self._send_error(call_id, ActorError("cancelled", text, actor=waiting.target, method=waiting.method))
                return
        running = self._running.get(call_id)
        if running is None:
            return
        if running.future is not None:
            running.future.cancel()
        if running.stream is not None:
            close = getattr(running.stream, "close", None)
            if close is not None:
                close()
            self._finish_stream(running, None)

    def _begin(self, call: _Waiting) -> None:
        name = call.target.rsplit("@", 1)[0]
        if name == "$host":
            self._run_control(call, self._in_turn)
            return
        cell = self._cells.get(name)
        if cell is None:
            text = f"{call.target} does not live here; {call.method} did not run."
            self._send_error(call.call_id, ActorError("no_such_actor", text, actor=call.target, method=call.method))
            return
        began_s = time.monotonic()
        queue_ms = (began_s - call.arrived_s) * 1000
        record = {
            "atMs": time.time() * 1000,
            "from": call.sender,
            "method": call.method,
            "outcome": "running",
            "queueMs": queue_ms,
            "runMs": 0.0,
            "bytes": len(call.args.data) + sum(len(buffer) for buffer in call.args.buffers),
        }
        cell.recent.append(record)
        if call.deadline_ms is not None and queue_ms > call.deadline_ms:
            record["outcome"] = "late"
            text = f"{cell.address} did not run {call.method}: its deadline passed in the mailbox."
            self._send_error(call.call_id, ActorError("call_timeout", text, actor=cell.address, method=call.method))
            return
        self._run_method(call, cell, record, began_s)

    def _run_method(self, call: _Waiting, cell: _Cell, record: dict[str, Any], began_s: float) -> None:
        running = _Running(call, cell, record, began_s)
        self._busy = (cell, began_s)
        try:
            args = unpack_value(call.args)
            result = _method(cell, call.method)(*args)
        except Exception as error:
            self._fail(running, error)
            return
        finally:
            self._busy = None
            cell.busy_s += time.monotonic() - began_s
        if isinstance(result, Future):
            running.future = result
            self._running[call.call_id] = running
            result.add_done_callback(lambda done: self._settle(running, done))
        elif inspect.isgenerator(result):
            running.stream = result
            running.granted = call.credit
            self._running[call.call_id] = running
            self._answer(running, STREAM, pack_value(None))
        else:
            self._succeed(running, result)

    # --- turns --------------------------------------------------------------------------------------

    def _give_turns(self) -> bool:
        """One turn for every actor and every stream that has more to do; True if any goes on having."""
        has_more = False
        for cell in list(self._cells.values()):
            turn = getattr(cell.instance, "turn", None)
            if turn is None:
                continue
            began_s = time.monotonic()
            self._busy = (cell, began_s)
            has_more = bool(turn()) or has_more  # what it raises ends the process: its supervisor starts another
            self._busy = None
            cell.busy_s += time.monotonic() - began_s
        for running in list(self._running.values()):
            if running.stream is not None and running.sent < running.granted:
                has_more = self._advance(running) or has_more
        return has_more

    def _advance(self, running: _Running) -> bool:
        assert running.stream is not None
        try:
            value = next(running.stream)
        except StopIteration:
            self._finish_stream(running, None)
            return False
        except Exception as error:
            self._finish_stream(running, self._as_seen_by_caller(running, error))
            return False
        self._link.send([ITEMS, running.call.call_id, running.sent, pack_value([value])])
        running.sent += 1
        return running.sent < running.granted

    # --- answers ------------------------------------------------------------------------------------

    def _settle(self, running: _Running, done: "Future[Any]") -> None:
        self._running.pop(running.call.call_id, None)
        if done.cancelled():
            text = f"{running.call.method} of {running.cell.address} was called off."
            self._fail(running, ActorError("cancelled", text, actor=running.cell.address))
            return
        error = done.exception()
        if error is not None:
            self._fail(running, error)
        else:
            self._succeed(running, done.result())

    def _succeed(self, running: _Running, value: Any) -> None:
        if running.call.call_id == 0:
            self._close(running, "cast")
            return
        try:
            packed = pack_value(value)
        except ActorError as error:
            self._fail(running, error)
            return
        self._close(running, "ok")  # whoever has the answer and looks at the flight recorder finds it there
        self._answer(running, OK, packed)

    def _fail(self, running: _Running, error: BaseException) -> None:
        running.cell.failed += 1
        is_cancelled = isinstance(error, ActorError) and error.code == "cancelled"
        self._close(running, "cancelled" if is_cancelled else "error")
        self._send_error(running.call.call_id, self._as_seen_by_caller(running, error))

    def _finish_stream(self, running: _Running, error: ActorError | None) -> None:
        self._running.pop(running.call.call_id, None)
        record = None if error is None else to_error_record(error)
        self._close(running, "ok" if error is None else "error")
        self._link.send([END, running.call.call_id, running.sent, pack_value(record)])

    def _close(self, running: _Running, outcome: str) -> None:
        running.cell.handled += 1
        running.record["outcome"] = outcome
        running.record["runMs"] = (time.monotonic() - running.began_s) * 1000

    def _answer(self, running: _Running, status: int, packed: Payload) -> None:
        call = running.call
        queue_us = round((running.began_s - call.arrived_s) * 1e6)
        run_us = round((time.monotonic() - running.began_s) * 1e6)
        self._link.send([RESULT, call.call_id, status, packed, queue_us, run_us])

    def _as_seen_by_caller(self, running: _Running, error: BaseException) -> ActorError:
        """Our own errors pass through with us on their path; any other becomes the cause of one."""
        address = running.cell.address
        if isinstance(error, ActorError):
            error.path.append(address)
            return error
        text = f"{address} threw {type(error).__name__} in {running.call.method}: {error}"
        seen = ActorError("method_threw", text, actor=address, method=running.call.method, path=[address])
        seen.__cause__ = error
        return seen

    def _send_error(self, call_id: int, error: BaseException) -> None:
        if call_id != 0:
            self._link.send([RESULT, call_id, ERROR, pack_value(to_error_record(error)), 0, 0])

    # --- the node's words ---------------------------------------------------------------------------

    def _run_control(self, call: _Waiting, words: dict[str, Callable[..., Any]]) -> None:
        try:
            word = words.get(call.method)
            if word is None:
                raise ActorError("no_such_method", f"a host knows no word {call.method}.")
            value = word(*unpack_value(call.args))
            self._link.send([RESULT, call.call_id, OK, pack_value(value), 0, 0])
        except Exception as error:
            self._send_error(call.call_id, error)

    @property
    def _in_turn(self) -> dict[str, Callable[..., Any]]:
        """Words that touch actors: between two of their messages."""
        return {
            "spawnActor": self._spawn_actor,
            "stopActor": self._stop_actor,
            "describe": lambda name: describe(self._cell(name).instance),
            "evaluate": lambda name, expression, how: evaluate(
                self._cell(name).instance, expression, how["canWrite"], how["timeoutMs"]
            ),
        }

    @property
    def _at_once(self) -> dict[str, Callable[..., Any]]:
        """Words that only look, from the I/O thread: a method that runs for minutes must not hide its actor."""
        return {
            "reports": self._reports,
            "recent": lambda name: list(self._cell(name).recent),
            "stack": self._stack,
        }

    def _spawn_actor(self, spec: dict[str, Any]) -> None:
        address = spec["address"]
        try:
            module = importlib.import_module(spec["module"])
            actor_class = getattr(module, spec["className"], None)
            if actor_class is None:
                raise AttributeError(f"module {spec['module']} has no class {spec['className']}")
            args = unpack_value(Payload(spec["args"]["bytes"], spec["args"]["buffers"]))
            instance = actor_class(*args)
            start = getattr(instance, "start", None)
            if start is not None:
                start(spec["restartOf"])
        except Exception as error:
            text = f"{address} ({spec['className']}) did not start: {error}"
            raise ActorError("start_failed", text, actor=address) from error
        self._capacity = spec["mailbox"]["capacity"]
        self._cells[spec["name"]] = _Cell(spec, instance)

    def _stop_actor(self, name: str, reason: str, _grace_ms: float) -> None:
        for waiting in [w for w in self._waiting if w.target.rsplit("@", 1)[0] == name]:
            self._waiting.remove(waiting)
            text = f"{waiting.target} was stopped before {waiting.method} could run: {reason}."
            self._send_error(waiting.call_id, ActorError("stopped", text, actor=waiting.target))
        for running in [r for r in self._running.values() if r.cell is self._cells.get(name)]:
            self._cancel(running.call.call_id, reason)
        self._stop_hook(name, reason)

    def _stop_hook(self, name: str, reason: str) -> None:
        cell = self._cells.pop(name, None)
        stop = getattr(cell.instance, "stop", None) if cell else None
        if stop is not None:
            stop(reason)

    def _stack(self) -> list[str]:
        """What the main thread runs of an actor, innermost first; empty between messages."""
        main = threading.main_thread().ident
        frame = sys._current_frames().get(main) if main is not None and self._busy is not None else None
        frames = [] if frame is None else traceback.extract_stack(frame)
        return [
            f"{entry.name} ({entry.filename}:{entry.lineno})"
            for entry in reversed(frames)
            if entry.filename != __file__
        ]

    def _reports(self) -> list[dict[str, Any]]:
        busy = self._busy
        now_s = time.monotonic()
        busy_s = {} if busy is None else {id(busy[0]): now_s - busy[1]}
        return [
            {
                "address": cell.address,
                "className": cell.spec["className"],
                "incarnation": cell.spec["incarnation"],
                "mailboxLength": len(self._waiting) + self._inbox.qsize(),
                "mailboxCapacity": self._capacity,
                "running": sum(1 for running in list(self._running.values()) if running.cell is cell)
                + (id(cell) in busy_s),
                "handled": cell.handled,
                "failed": cell.failed,
                "busyMs": (cell.busy_s + busy_s.get(id(cell), 0.0)) * 1000,
                "ageMs": (now_s - cell.born_s) * 1000,
            }
            for cell in list(self._cells.values())
        ]

    def _cell(self, name: str) -> _Cell:
        cell = self._cells.get(name)
        if cell is None:
            raise ActorError("no_such_actor", f"{name} does not live on {self._boot.peer}.", actor=name)
        return cell

    # --- life ---------------------------------------------------------------------------------------

    def _lag_ms(self) -> float:
        busy = self._busy
        return 0.0 if busy is None else (time.monotonic() - busy[1]) * 1000

    def _lost(self, reason: str) -> None:
        print(f"lost the node: {reason}", file=sys.stderr, flush=True)
        self.end()
        _exit_after(STOP_GRACE_S)


def _method(cell: _Cell, name: str) -> Any:
    method = getattr(cell.instance, name, None) if is_public(name) else None
    if callable(method):
        return method
    known = ", ".join(public_methods(cell.instance)) or "none"
    text = f"{cell.address} has no method {name}. A {cell.spec['className']} has: {known}."
    raise ActorError("no_such_method", text, actor=cell.address, method=name)


def _exit_after(grace_s: float) -> None:
    """The main thread may be deep in native code and never come back: the process ends all the same."""
    timer = threading.Timer(grace_s, os._exit, (1,))
    timer.daemon = True
    timer.start()


def main() -> None:
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the node's affair
    boot = json.loads(sys.stdin.readline())
    host = Host(Boot(boot["peer"], boot["parent"], boot["endpoints"], boot["token"]))

    def watch_stdin() -> None:
        """The node holds the other end: end of file means that it is gone, or wants us to go."""
        while sys.stdin.readline():
            pass
        host.end()
        _exit_after(STOP_GRACE_S)

    threading.Thread(target=watch_stdin, name="iterant-stdin", daemon=True).start()
    host.run()


if __name__ == "__main__":
    main()

"""An actor host in Python: `python -m iterant.host`, started by a node.

Reads its boot line from stdin, opens its link, runs actors' methods on the main thread, one at a
time, and ends when stdin ends. A method may give a value, a generator (a stream) or a
`concurrent.futures.Future` (an answer that comes later). An actor with a method `turn() -> bool`
gets turns between its messages for as long as it says that there is more to do. What may not wait
for a method that runs long is done on the I/O thread: taking calls in, calling them off, looking.
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

from iterant.call import Call, answering
from iterant.errors import ActorError, to_error_record
from iterant.inspection import describe, evaluate, is_public, public_methods
from iterant.mailbox import Mailbox
from iterant.wire.codec import (
    CALL,
    CANCEL,
    CREDIT,
    END,
    ERROR,
    FULL,
    ITEMS,
    OK,
    RESULT,
    ROOM,
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
    mailbox: Mailbox[Call]
    stop_reason: str | None = None
    born_s: float = field(default_factory=time.monotonic)
    handled: int = 0
    failed: int = 0
    busy_s: float = 0.0
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_REMEMBERED))

    @property
    def address(self) -> str:
        return str(self.spec["address"])


@dataclass
class _Running:
    """A call that has begun and not ended."""

    call: Call
    cell: _Cell
    record: dict[str, Any]
    began_s: float
    has_place: bool  # false for one that runs inside another
    key: int = 0
    future: "Future[Any] | None" = None
    stream: Iterator[Any] | None = None
    granted: int = 0
    sent: int = 0


class Host:
    """Runs methods on the thread that calls `run`; `receive` is the only door for other threads."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._inbox: queue.SimpleQueue[Envelope | None] = queue.SimpleQueue()
        # Calls of a circle, which run before all that wait.
        self._inside: deque[Call] = deque()
        self._cells: dict[str, _Cell] = {}
        # By call id; casts under numbers of their own, below 0.
        self._running: dict[int, _Running] = {}
        self._cast_count = 0
        # What the main thread runs and since when; read by the I/O thread, so it changes in one assignment.
        self._busy: tuple[_Cell, float] | None = None
        self._link = Link(boot, self.receive, self._lag_ms, self._lost)
        self._is_ending = False
        self._main_thread = threading.main_thread().ident

    def run(self) -> None:
        """Until `end`: messages first, then one turn of whoever has more to do."""
        self._link.start()
        while not self._is_ending:
            has_work = self._give_turns()
            self._drain(block=not has_work)
            while not self._is_ending and (due := self._next()):
                self._begin(*due)
                self._drain(block=False)
        for name in list(self._cells):
            self._stop_hook(name, "its host ends")
        self._link.close()

    def receive(self, envelope: Envelope) -> None:
        """From the I/O thread: sorts what may not wait for the main thread from what must."""
        kind = envelope[0]
        if kind == CALL:
            self._accept(Call.of(envelope))
        elif kind == CANCEL:
            self._call_off(envelope[1], envelope[2])
        elif kind == CREDIT:
            self._inbox.put(envelope)

    def end(self) -> None:
        """From any thread: no more messages; stop hooks run, then `run` returns."""
        self._is_ending = True
        self._inbox.put(None)

    # --- on the I/O thread ----------------------------------------------------------------------------

    def _accept(self, call: Call) -> None:
        name = call.target.rsplit("@", 1)[0]
        if name == "$host":
            self._accept_control(call)
            return
        cell = self._cells.get(name)
        if cell is None:
            text = f"{call.target} does not live here; {call.method} did not run."
            self._send_error(call.call_id, ActorError("no_such_actor", text, actor=call.target, method=call.method))
        elif cell.stop_reason is not None:
            self._refuse(call, "stopped", f"is stopping and takes no more calls; {call.method} did not run.")
        elif call.chain is not None and any(entry.split(" ")[0] == cell.address for entry in call.chain):
            self._accept_circle(call, call.chain, cell)
        else:
            self._offer(call, cell)

    def _offer(self, call: Call, cell: _Cell) -> None:
        try:
            outcome = cell.mailbox.offer(call)
        except ActorError as error:  # no such lane
            self._send_error(call.call_id, error)
            return
        if outcome == "kept":
            self._inbox.put(None)
        elif outcome == "parked":
            self._link.send([RESULT, call.call_id, FULL, call.args, 0, 0])
        else:
            spec = cell.mailbox.spec
            how = f"mailbox {len(cell.mailbox)} of {spec['capacity']}, {cell.mailbox.size} of {spec['maxBytes']} bytes"
            advice = "It lives but is behind: send less, or raise mailboxCapacity or mailboxBytes."
            self._refuse(call, "mailbox_full", f"refused {call.method}: {how}. {advice}")

    def _accept_circle(self, call: Call, chain: list[str], cell: _Cell) -> None:
        """A call made within a call of the same actor: it would wait for itself."""
        if cell.spec["reentrancy"] != "never":
            self._inside.append(call)
            self._inbox.put(None)
            return
        circle = " → ".join(entry.replace(" ", ".") for entry in [*chain, f"{call.target} {call.method}"])
        advice = f"{call.method} did not run. Cast it, or give the actor reentrancy callchain."
        self._refuse(call, "call_cycle", f"would wait for itself: {circle}. {advice}")

    def _accept_control(self, call: Call) -> None:
        if call.method in self._at_once:
            self._run_control(call, self._at_once)
            return
        if call.method == "stopActor":
            name, reason, _grace_ms = unpack_value(call.args)
            self._stop_calls(name, reason)
        self._inbox.put([CALL, call])

    def _call_off(self, call_id: int, reason: str) -> None:
        """What waits does not run, what runs is told; the main thread ends what streams or answers later."""
        for cell in list(self._cells.values()):
            removed = cell.mailbox.remove(call_id)
            if removed == "ticket":
                self._lose_ticket(cell, call_id, "cancelled", f"called off: {reason}")
                return
            if removed is not None:
                self._refuse(removed, "cancelled", f"did not run {removed.method}: {reason}.")
                return
        running = self._running.get(call_id)
        if running is not None:
            running.call.cancel(reason)
        self._inbox.put([CANCEL, call_id, reason])

    def _stop_calls(self, name: str, reason: str) -> None:
        """Nothing that waits runs any more, and what runs is told, however long it still takes."""
        cell = self._cells.get(name)
        if cell is None:
            return
        cell.stop_reason = reason
        messages, tickets = cell.mailbox.drain()
        for waiting in messages:
            self._refuse(waiting, "stopped", f"was stopped before {waiting.method} could run: {reason}.")
        for call_id in tickets:
            self._lose_ticket(cell, call_id, "stopped", f"stopped: {reason}")
        for running in list(self._running.values()):
            if running.cell is cell:
                running.call.cancel(reason)

    def _lose_ticket(self, cell: _Cell, call_id: int, code: str, what: str) -> None:
        text = f"{cell.address} had no room for this call before it was {what}."
        self._send_error(call_id, ActorError(code, text, actor=cell.address))

    # --- messages -----------------------------------------------------------------------------------

    def _drain(self, block: bool) -> None:
        """Does what came for the main thread besides calls; a None only wakes it."""
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
            self._run_control(envelope[1], self._in_turn)
        elif kind == CANCEL:
            self._end_called_off(envelope[1], envelope[2])
        elif kind == CREDIT and envelope[1] in self._running:
            running = self._running[envelope[1]]
            running.granted = max(running.granted, envelope[2])

    def _end_called_off(self, call_id: int, reason: str) -> None:
        running = self._running.get(call_id)
        if running is None:
            return
        running.call.cancel(reason)
        if running.future is not None:
            running.future.cancel()
        if running.stream is not None:
            close = getattr(running.stream, "close", None)
            if close is not None:
                close()
            self._finish_stream(running, None)

    def _next(self) -> tuple[Call, _Cell, bool] | None:
        """The call whose turn it is, its actor, and whether it takes one of the actor's places."""
        while self._inside:
            call = self._inside.popleft()
            cell = self._cells.get(call.target.rsplit("@", 1)[0])
            if cell is not None:
                return call, cell, False
        for cell in list(self._cells.values()):
            waiting = cell.mailbox.take()
            if waiting is not None:
                return waiting, cell, True
        return None

    def _begin(self, call: Call, cell: _Cell, has_place: bool) -> None:
        began_s = time.monotonic()
        record = {
            "atMs": time.time() * 1000,
            "from": call.sender,
            "method": call.method,
            "outcome": "running",
            "queueMs": (began_s - call.arrived_s) * 1000,
            "runMs": 0.0,
            "bytes": call.size,
        }
        cell.recent.append(record)
        if call.is_late:
            record["outcome"] = "late"
            if has_place:
                cell.mailbox.done(call)
            text = f"did not run {call.method}: its deadline passed in the mailbox. Send less, or give more deadlineMs."
            self._refuse(call, "call_timeout", text)
            return
        self._run_method(_Running(call, cell, record, began_s, has_place))

    def _run_method(self, running: _Running) -> None:
        call, cell, began_s = running.call, running.cell, running.began_s
        if call.call_id == 0:
            self._cast_count += 1
        key = call.call_id or -self._cast_count
        running.key = key
        self._running[key] = running
        self._busy = (cell, began_s)
        try:
            args = unpack_value(call.args)
            with answering(call):
                result = _method(cell, call.method)(*args)
        except Exception as error:
            self._fail(running, error)
            return
        finally:
            self._busy = None
            cell.busy_s += time.monotonic() - began_s
        if isinstance(result, Future):
            running.future = result
            result.add_done_callback(lambda done: self._settle(running, done))
        elif inspect.isgenerator(result):
            running.stream = result
            running.granted = call.credit
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
            with answering(running.call):
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
        record = None if error is None else to_error_record(error)
        self._close(running, "ok" if error is None else "error")
        self._link.send([END, running.call.call_id, running.sent, pack_value(record)])

    def _close(self, running: _Running, outcome: str) -> None:
        """From any thread: the call has ended, its place is free."""
        self._running.pop(running.key, None)
        running.cell.handled += 1
        running.record["outcome"] = "cancelled" if running.call.cancel_reason is not None else outcome
        running.record["runMs"] = (time.monotonic() - running.began_s) * 1000
        if running.has_place:
            running.cell.mailbox.done(running.call)
            if threading.get_ident() != self._main_thread:
                self._inbox.put(None)  # the main thread looks for the next call by itself

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

    def _refuse(self, call: Call, code: str, text: str) -> None:
        """Answers a call that does not run."""
        cell = self._cells.get(call.target.rsplit("@", 1)[0])
        if cell is not None:
            cell.failed += 1
        error = ActorError(code, f"{call.target} {text}", actor=call.target, method=call.method)
        self._send_error(call.call_id, error)

    def _send_error(self, call_id: int, error: BaseException) -> None:
        if call_id != 0:
            self._link.send([RESULT, call_id, ERROR, pack_value(to_error_record(error)), 0, 0])

    # --- the node's words ---------------------------------------------------------------------------

    def _run_control(self, call: Call, words: dict[str, Callable[..., Any]]) -> None:
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
        mailbox: Mailbox[Call] = Mailbox(spec["mailbox"], self._dropped, self._room)
        self._cells[spec["name"]] = _Cell(spec, instance, mailbox)

    def _dropped(self, call: Call) -> None:
        advice = "It lives but is behind: send less, or raise mailboxCapacity."
        self._refuse(call, "mailbox_full", f"dropped {call.method} from its mailbox for a newer call. {advice}")

    def _room(self, call_id: int) -> None:
        self._link.send([RESULT, call_id, ROOM, pack_value(None), 0, 0])

    def _stop_actor(self, name: str, reason: str, _grace_ms: float) -> None:
        self._stop_calls(name, reason)
        for running in [r for r in self._running.values() if r.cell is self._cells.get(name)]:
            self._end_called_off(running.call.call_id, reason)
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
                "mailboxLength": len(cell.mailbox),
                "mailboxCapacity": cell.mailbox.spec["capacity"],
                "mailboxBytes": cell.mailbox.size,
                "parked": cell.mailbox.parked,
                "lanes": cell.mailbox.reports(),
                "running": sum(1 for running in list(self._running.values()) if running.cell is cell)
                or int(id(cell) in busy_s),
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

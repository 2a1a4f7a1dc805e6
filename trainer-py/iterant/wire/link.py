"""The I/O thread of a Python process: owns the sockets, the sessions and the heartbeat.

Everything else talks to it through `send` and a callback for what comes in. The main thread may be
deep in a matrix product: signs of life go on, and say how late that thread runs.
The only place that imports zmq.
"""

import contextlib
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from iterant.errors import ActorError
from iterant.wire.codec import Buffer, Envelope, is_control
from iterant.wire.session import Session

LANES = ("ctl", "dat")
PING_EVERY_MS = 1000.0
SUSPECT_MS = 3000.0
DEAD_MS = 15_000.0
MAX_BATCH = 256
TICK_MS = 10


@dataclass(frozen=True)
class Boot:
    """What a host reads from stdin before anything else."""

    peer: str
    parent: str
    endpoints: dict[str, str]
    token: str


class Link:
    """The one link of a host: to its node."""

    def __init__(
        self,
        boot: Boot,
        receive: Callable[[Envelope], None],
        lag_ms: Callable[[], float],
        on_down: Callable[[str], None],
    ) -> None:
        """`receive` and `on_down` are called from the I/O thread and must not block."""
        self._boot = boot
        self._on_down = on_down
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._outgoing: deque[Envelope] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        incarnation = secrets.token_hex(8)

        def make_session(lane: str) -> Session:
            return Session(
                incarnation=incarnation,
                peer=boot.peer,
                role="host",
                token=boot.token,
                transmit=lambda parts: self._transmit(lane, parts),
                deliver=receive,
                now_ms=_now_ms,
                lag_ms=lag_ms,
            )

        self._sessions = {lane: make_session(lane) for lane in LANES}
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="iterant-io", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, envelope: Envelope) -> None:
        """From any thread; never blocks."""
        self._outgoing.append(envelope)
        os.eventfd_write(self._wake, 1)

    def close(self, flush_ms: float = 2000.0) -> None:
        """Lets what was sent arrive, for a bounded time, then ends the thread."""
        self._is_closing = True
        os.eventfd_write(self._wake, 1)
        self._thread.join(flush_ms / 1000)

    def _run(self) -> None:
        poller = self._connect(None)
        next_ping_ms = _now_ms() + PING_EVERY_MS
        last_dial_ms = _now_ms()
        close_by_ms: float | None = None
        while True:
            for ready, _ in poller.poll(TICK_MS):
                if ready == self._wake:
                    os.eventfd_read(self._wake)
                else:
                    self._read(ready)
            self._flush()
            for session in self._sessions.values():
                session.tick()
            now_ms = _now_ms()
            if now_ms >= next_ping_ms:
                next_ping_ms = now_ms + PING_EVERY_MS
                self._sessions["ctl"].ping()
            silent_ms = now_ms - max(session.heard_ms for session in self._sessions.values())
            if silent_ms > DEAD_MS:
                self._on_down(f"{self._boot.parent} has been silent for {silent_ms / 1000:.0f} s")
                return
            if silent_ms > SUSPECT_MS and now_ms - last_dial_ms > SUSPECT_MS:
                last_dial_ms = now_ms
                poller = self._connect(poller)
            if self._is_closing:
                close_by_ms = close_by_ms or now_ms + 1500.0
                is_flushed = not self._outgoing and not any(s.unacked_count for s in self._sessions.values())
                if is_flushed or now_ms > close_by_ms:
                    self._close_sockets()
                    return

    def _connect(self, old: zmq.Poller | None) -> zmq.Poller:
        """New sockets under a new routing id: a reconnect is never mistaken for a second peer."""
        if old is not None:
            self._close_sockets()
        poller = zmq.Poller()
        poller.register(self._wake, zmq.POLLIN)
        routing_id = f"{self._boot.peer}/{secrets.token_hex(6)}".encode()
        for lane in LANES:
            socket = self._context.socket(zmq.DEALER)
            socket.setsockopt(zmq.ROUTING_ID, routing_id)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.setsockopt(zmq.RCVHWM, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, 100)
            socket.connect(self._boot.endpoints[lane])
            poller.register(socket, zmq.POLLIN)
            self._sockets[lane] = socket
        for session in self._sessions.values():
            session.open()
        return poller

    def _close_sockets(self) -> None:
        for socket in self._sockets.values():
            socket.close(0)
        self._sockets.clear()

    def _read(self, socket: "zmq.Socket[bytes]") -> None:
        lane = "ctl" if socket is self._sockets["ctl"] else "dat"
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            parts: list[Buffer] = [frames[0].bytes, frames[1].bytes if len(frames) > 1 else b""]
            parts.extend(frame.buffer for frame in frames[2:])
            try:
                self._sessions[lane].receive(parts)
            except ActorError as error:
                self._on_down(str(error))
                return

    def _flush(self) -> None:
        batches: dict[str, list[Envelope]] = {lane: [] for lane in LANES}
        while self._outgoing:
            envelope = self._outgoing.popleft()
            batch = batches["ctl" if is_control(envelope) else "dat"]
            batch.append(envelope)
            if len(batch) >= MAX_BATCH:
                break
        for lane, batch in batches.items():
            if batch:
                self._sessions[lane].send(batch)
        if self._outgoing:
            os.eventfd_write(self._wake, 1)

    def _transmit(self, lane: str, parts: list[Buffer]) -> None:
        socket = self._sockets.get(lane)
        if socket is None:
            return
        with contextlib.suppress(zmq.Again):  # full or not connected: the session sends it again
            socket.send_multipart(parts, zmq.NOBLOCK, copy=True)


def _now_ms() -> float:
    return time.monotonic() * 1000.0

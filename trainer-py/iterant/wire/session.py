"""One lane of a link, across reconnects: numbers what it sends, keeps it until the other side has it.

The same state machine as Node's session, the dialling half of it. Knows no socket: frames leave
through `transmit`, which may lose them; time comes from `now_ms`, and `tick` must be called often.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from iterant.errors import ActorError
from iterant.wire.codec import (
    HELLO,
    MAX_BUFFERS,
    PING,
    PONG,
    WELCOME,
    Buffer,
    Envelope,
    Header,
    pack_envelopes,
    unpack_envelopes,
)

MAX_UNACKED = 4096
MAX_UNACKED_BYTES = 256 * 2**20
ACK_DELAY_MS = 25.0
ACK_EVERY = 64
ACK_EVERY_BYTES = 2**20
RESEND_AFTER_MS = 1000.0
HELLO_EVERY_MS = 300.0


@dataclass
class _Unacked:
    seq: int
    kind: int
    body: bytes
    buffers: list[Buffer]

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(buffer) for buffer in self.buffers)


@dataclass
class Session:
    """Frames in, envelopes out in order and once each; envelopes in, numbered frames out."""

    incarnation: str
    peer: str
    role: str
    token: str
    transmit: Callable[[list[Buffer]], None]
    deliver: Callable[[Envelope], None]
    now_ms: Callable[[], float]
    lag_ms: Callable[[], float] = lambda: 0.0
    is_up: bool = False
    dropped: dict[str, int] = field(default_factory=lambda: {"duplicate": 0, "gap": 0, "stale": 0})

    def __post_init__(self) -> None:
        self._peer_incarnation: str | None = None
        self._next_seq = 1
        self._last_seq = 0
        self._unacked: list[_Unacked] = []
        self._unacked_bytes = 0
        self._held: list[_Unacked] = []
        self._unconfirmed = [0, 0]
        self._ack_due_ms: float | None = None
        self._hello_due_ms: float | None = None
        self._progress_ms = self.now_ms()
        self.heard_ms = self.now_ms()

    @property
    def unacked_count(self) -> int:
        return len(self._unacked) + len(self._held)

    def open(self) -> None:
        """The dialling side's first word, repeated until it is answered; also after every reconnect."""
        self.is_up = False
        self._send_hello()
        self._hello_due_ms = self.now_ms() + HELLO_EVERY_MS

    def send(self, batch: Sequence[Envelope]) -> None:
        body, buffers = pack_envelopes(batch)
        if len(buffers) > MAX_BUFFERS and len(batch) > 1:
            middle = len(batch) // 2
            self.send(batch[:middle])
            self.send(batch[middle:])
            return
        entry = _Unacked(self._next_seq, batch[0][0] if len(batch) == 1 else 0, body, buffers)
        self._next_seq = _next(self._next_seq)
        is_full = len(self._unacked) >= MAX_UNACKED or self._unacked_bytes >= MAX_UNACKED_BYTES
        if self._held or is_full:
            self._held.append(entry)
        else:
            self._launch(entry)

    def receive(self, parts: Sequence[Buffer]) -> None:
        """Takes frames as they came: header, body, raw buffers. Raises ActorError `protocol_error`."""
        header = Header.unpack(parts[0])
        buffers = parts[2:]
        if len(parts) < 2 or len(buffers) != header.buffer_count:
            raise ActorError(
                "protocol_error", f"a peer sent {len(buffers)} buffers and announced {header.buffer_count}."
            )
        if header.kind == WELCOME:
            self._welcome(unpack_envelopes(parts[1], buffers)[0])
            return
        if header.incarnation != self._peer_incarnation:
            self.dropped["stale"] += 1
            return
        self.heard_ms = self.now_ms()
        self._confirm(header.ack)
        if header.seq == 0:
            ping = unpack_envelopes(parts[1], buffers)[0]
            if ping[0] == PING:
                self._send_bare([PONG, ping[1], self.lag_ms()])
            return
        self._receive_numbered(header, parts[1], buffers)

    def tick(self) -> None:
        """Does what has become due."""
        now_ms = self.now_ms()
        if self._hello_due_ms is not None and now_ms >= self._hello_due_ms:
            self.open()
        if self._ack_due_ms is not None and now_ms >= self._ack_due_ms:
            self._ack()
        if self.is_up and self._unacked and now_ms - self._progress_ms >= RESEND_AFTER_MS:
            for entry in self._unacked:
                self._transmit(entry)
            self._progress_ms = now_ms

    def ping(self) -> None:
        """A sign of life."""
        self._send_bare([PING, self.now_ms(), self.lag_ms()])

    def _receive_numbered(self, header: Header, body: Buffer, buffers: Sequence[Buffer]) -> None:
        expected = _next(self._last_seq)
        if header.seq != expected:
            # Behind: we have it. Ahead: something before it was lost, and both will come again.
            self.dropped["gap" if _is_after(header.seq, expected) else "duplicate"] += 1
            self._schedule_ack()
            return
        self._last_seq = header.seq
        self._unconfirmed[0] += 1
        self._unconfirmed[1] += len(body)
        for envelope in unpack_envelopes(body, buffers):
            self.deliver(envelope)
        if self._unconfirmed[0] >= ACK_EVERY or self._unconfirmed[1] >= ACK_EVERY_BYTES:
            self._ack()
        else:
            self._schedule_ack()

    def _welcome(self, welcome: Envelope) -> None:
        _kind, _peer, incarnation, _role, last_seq, _token = welcome[:6]
        if self._peer_incarnation not in (None, incarnation):
            raise ActorError("protocol_error", "the node began anew, or had given us up; what was under way is void.")
        self._peer_incarnation = incarnation
        self._hello_due_ms = None
        self.heard_ms = self.now_ms()
        self.is_up = True
        self._confirm(last_seq)
        for entry in self._unacked:
            self._transmit(entry)
        self._progress_ms = self.now_ms()

    def _launch(self, entry: _Unacked) -> None:
        if not self._unacked:
            self._progress_ms = self.now_ms()
        self._unacked.append(entry)
        self._unacked_bytes += entry.size
        if self.is_up:
            self._transmit(entry)

    def _transmit(self, entry: _Unacked) -> None:
        self._clear_ack()
        header = self._header(entry.kind, len(entry.buffers), entry.seq)
        self.transmit([header, entry.body, *entry.buffers])

    def _confirm(self, ack: int) -> None:
        count = 0
        for entry in self._unacked:
            if _is_after(entry.seq, ack):
                break
            self._unacked_bytes -= entry.size
            count += 1
        if count == 0:
            return
        del self._unacked[:count]
        self._progress_ms = self.now_ms()
        while self._held and len(self._unacked) < MAX_UNACKED and self._unacked_bytes < MAX_UNACKED_BYTES:
            self._launch(self._held.pop(0))

    def _schedule_ack(self) -> None:
        if self._ack_due_ms is None:
            self._ack_due_ms = self.now_ms() + ACK_DELAY_MS

    def _ack(self) -> None:
        # A confirmation alone travels as a PONG that answers nothing.
        self._send_bare([PONG, 0, self.lag_ms()])

    def _clear_ack(self) -> None:
        self._ack_due_ms = None
        self._unconfirmed = [0, 0]

    def _send_hello(self) -> None:
        hello = [HELLO, self.peer, self.incarnation, self.role, self._last_seq, self.token]
        body, _ = pack_envelopes([hello])
        self.transmit([self._header(HELLO, 0, 0), body])

    def _send_bare(self, ping: Envelope) -> None:
        if not self.is_up:
            return
        self._clear_ack()
        body, _ = pack_envelopes([ping])
        self.transmit([self._header(ping[0], 0, 0), body])

    def _header(self, kind: int, buffer_count: int, seq: int) -> bytes:
        return Header(kind, buffer_count, seq, self._last_seq, self.incarnation).pack()


def _next(seq: int) -> int:
    """Sequence numbers are 32 bits wide and go round; 0 is left out, it marks what is not numbered."""
    return 1 if seq == 0xFFFFFFFF else seq + 1


def _is_after(seq: int, other: int) -> bool:
    return 0 < (seq - other) & 0xFFFFFFFF < 2**31

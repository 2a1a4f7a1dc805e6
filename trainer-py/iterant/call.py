"""A call on its way through an actor: what its envelope says, whether it was called off, how long it may still run.

The method that answers it reaches it by `current_call()`. Knows neither the mailbox in which it
waits nor the link by which it came.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from iterant.errors import ActorError
from iterant.wire.codec import Envelope, Payload


@dataclass(eq=False)
class Call:
    """Fields as in its envelope. `cancel` may be called from any thread, `check` from the one that runs the method."""

    call_id: int
    target: str
    method: str
    args: Payload
    deadline_ms: float | None
    credit: int
    sender: str
    lane: str | None = None
    priority: int = 0
    chain: list[str] | None = None
    arrived_s: float = field(default_factory=time.monotonic)
    cancel_reason: str | None = None
    size: int = field(init=False)  # bytes of its arguments, as they count for a mailbox

    def __post_init__(self) -> None:
        self.size = len(self.args.data) + sum(map(len, self.args.buffers))

    @staticmethod
    def of(envelope: Envelope) -> "Call":
        """Lane, priority, chain and when it was sent are left out where they are nil, 0, nil and nil.

        A node says when it sent a call by this machine's monotonic clock, so that the way here counts as waiting.
        """
        call = Call(*envelope[1:11])
        if len(envelope) > 11 and envelope[11] is not None:
            call.arrived_s = min(call.arrived_s, envelope[11] / 1000)
        return call

    @property
    def left_s(self) -> float | None:
        """Seconds until its deadline, negative after it; None without one."""
        return None if self.deadline_ms is None else self.arrived_s + self.deadline_ms / 1000 - time.monotonic()

    @property
    def is_late(self) -> bool:
        left_s = self.left_s
        return left_s is not None and left_s < 0

    def cancel(self, reason: str) -> None:
        """Nobody waits for it any more; the next `check` says so."""
        self.cancel_reason = self.cancel_reason or reason

    def check(self) -> None:
        """For a method that runs long, between two of its steps.

        Raises ActorError `cancelled` if the call was called off, `call_timeout` if its deadline has passed.
        """
        if self.cancel_reason is not None:
            text = f"{self.method} was called off: {self.cancel_reason}."
            raise ActorError("cancelled", text, actor=self.target, method=self.method)
        if self.is_late:
            text = (
                f"{self.method} was not done within the {self.deadline_ms:.0f} ms that it had. Give it more deadlineMs."
            )
            raise ActorError("call_timeout", text, actor=self.target, method=self.method)


_running: ContextVar[Call | None] = ContextVar("iterant_call", default=None)


def current_call() -> Call:
    """The call that is being answered, in the method that answers it and in the generator that it gave.

    Raises ActorError `bad_option` outside of both.
    """
    call = _running.get()
    if call is None:
        raise ActorError("bad_option", "only a method of an actor that answers a call has one. Ask inside it.")
    return call


class answering:  # noqa: N801 a context manager reads as a verb
    """`with answering(call):` makes it the current one."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._token = _running.set(self._call)

    def __exit__(self, *_error: object) -> None:
        _running.reset(self._token)

"""What waits before an actor, and whose turn is next: lanes with bounds in calls and bytes, served by weight.

The same rules as runtime/mailbox.ts and runtime/lane.ts. The I/O thread puts in, takes out what was
called off and answers for what finds no room; the main thread takes. Knows nothing of what it holds.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from iterant.errors import ActorError

Offer = Literal["kept", "parked", "full"]


class Message(Protocol):
    """What a mailbox needs to know: id 0 gets no ticket; higher priorities run first; `size` in bytes."""

    @property
    def call_id(self) -> int: ...
    @property
    def lane(self) -> str | None: ...
    @property
    def priority(self) -> int: ...
    @property
    def size(self) -> int: ...


class _Ranked(Protocol):
    @property
    def call_id(self) -> int: ...
    @property
    def priority(self) -> int: ...


M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=_Ranked)


class _PriorityQueue(Generic[R]):
    """Higher priorities first; equal ones in the order of their coming."""

    def __init__(self) -> None:
        # Highest first. A level that was used once stays: there are few, and the next item of its priority finds it.
        self._levels: dict[int, deque[R]] = {}
        self.count = 0

    def __iter__(self) -> Iterator[R]:
        return (item for level in self._levels.values() for item in level)

    def push(self, item: R) -> None:
        level = self._levels.get(item.priority)
        if level is None:
            level = deque()
            self._levels = dict(sorted({**self._levels, item.priority: level}.items(), reverse=True))
        level.append(item)
        self.count += 1

    def peek(self) -> R | None:
        level = next(filter(None, self._levels.values()), None)
        return None if level is None else level[0]

    def take(self) -> R | None:
        return self._pop(next(filter(None, self._levels.values()), None))

    @property
    def lowest_priority(self) -> int | None:
        return next((priority for priority, level in reversed(self._levels.items()) if level), None)

    def take_oldest_of_lowest(self) -> R | None:
        return self._pop(next(filter(None, reversed(self._levels.values())), None))

    def remove(self, call_id: int) -> R | None:
        found = next((item for item in self if item.call_id == call_id), None)
        if found is not None:
            self._levels[found.priority].remove(found)
            self.count -= 1
        return found

    def drain(self) -> list[R]:
        items = list(self)
        self._levels = {}
        self.count = 0
        return items

    def _pop(self, level: "deque[R] | None") -> R | None:
        if level is None:
            return None
        self.count -= 1
        return level.popleft()


@dataclass(eq=False)
class _Ticket:
    """Stands for a message that its caller keeps until there is room."""

    call_id: int
    priority: int
    size: int


class _Lane(Generic[M]):
    """One lane: what waits by priority, its bounds, and tickets where they are reached."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        lane: Mapping[str, Any],
        dropped: Callable[[M], None],
        room: Callable[[int], None],
    ) -> None:
        self.name: str = lane["name"]
        self.weight: int = lane["weight"]
        self.concurrency: float = lane["concurrency"]
        self.running = 0
        self.queue: _PriorityQueue[M] = _PriorityQueue()
        self.size = 0
        self._capacity: float = spec["capacity"]
        self._max_bytes: float = spec["maxBytes"]
        self._when_full: str = spec["whenFull"]
        self._dropped = dropped
        self._room = room
        self._parked: _PriorityQueue[_Ticket] = _PriorityQueue()
        self._called: dict[int, int] = {}  # tickets whose room is kept: id -> bytes
        self._called_size = 0

    @property
    def parked(self) -> int:
        return self._parked.count + len(self._called)

    @property
    def is_ready(self) -> bool:
        return self.queue.count > 0 and self.running < self.concurrency

    def offer(self, message: M) -> Offer:
        # Whoever has a ticket was here before: nobody passes it, or the order of one caller's messages would be lost.
        has_tickets = self._called or self._parked.count
        if self._redeem(message.call_id) if has_tickets else self._has_room(message.size):
            return self._keep(message)
        if self._when_full == "drop-oldest":
            return self._keep(message) if self._make_room(message) else "full"
        if self._when_full == "fail" or message.call_id == 0:
            return "full"
        self._parked.push(_Ticket(message.call_id, message.priority, message.size))
        return "parked"

    def take(self) -> M | None:
        message = self.queue.take()
        if message is not None:
            self._left(message)
        return message

    def remove(self, call_id: int) -> "M | Literal['ticket'] | None":
        message = self.queue.remove(call_id)
        if message is not None:
            self._left(message)
            return message
        if not self._redeem(call_id) and self._parked.remove(call_id) is None:
            return None
        self._call_tickets()
        return "ticket"

    def drain(self) -> tuple[list[M], list[int]]:
        tickets = [*self._called, *(ticket.call_id for ticket in self._parked.drain())]
        self._called.clear()
        self._called_size = 0
        self.size = 0
        return self.queue.drain(), tickets

    def _keep(self, message: M) -> Offer:
        self.queue.push(message)
        self.size += message.size
        return "kept"

    def _left(self, message: M) -> None:
        self.size -= message.size
        if self._parked.count:
            self._call_tickets()

    def _has_room(self, size: int) -> bool:
        count = self.queue.count + len(self._called)
        held = self.size + self._called_size
        return count < self._capacity and (count == 0 or held + size <= self._max_bytes)

    def _make_room(self, message: M) -> bool:
        while not self._has_room(message.size):
            lowest = self.queue.lowest_priority
            assert lowest is not None, "a lane that holds nothing has room"
            if lowest > message.priority:
                return False
            oldest = self.queue.take_oldest_of_lowest()
            assert oldest is not None
            self.size -= oldest.size
            self._dropped(oldest)
        return True

    def _redeem(self, call_id: int) -> bool:
        size = self._called.pop(call_id, None)
        self._called_size -= size or 0
        return size is not None

    def _call_tickets(self) -> None:
        while (ticket := self._parked.peek()) is not None and self._has_room(ticket.size):
            self._parked.take()
            self._called[ticket.call_id] = ticket.size
            self._called_size += ticket.size
            self._room(ticket.call_id)


class Mailbox(Generic[M]):
    """Lanes, served by weighted round robin as far as there are free places. Every method from any thread."""

    def __init__(
        self, spec: Mapping[str, Any], on_dropped: Callable[[M], None], on_room: Callable[[int], None]
    ) -> None:
        """`spec` as in runtime/mailbox.ts. Both callbacks are called under the mailbox's lock and must not block.

        on_dropped  a message made room for another
        on_room     the message of this id, parked before, may come again
        """
        self.spec = spec
        self._concurrency: float = spec["concurrency"]
        self._lock = threading.RLock()
        self._lanes = [_Lane(spec, lane, on_dropped, on_room) for lane in spec["lanes"]]
        self._named = {lane.name: lane for lane in self._lanes}
        self._running = 0
        self._at = 0
        self._turns_left = self._lanes[0].weight

    def __len__(self) -> int:
        with self._lock:
            return sum(lane.queue.count for lane in self._lanes)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        with self._lock:
            return sum(lane.size for lane in self._lanes)

    @property
    def parked(self) -> int:
        """Messages that their callers keep until there is room."""
        with self._lock:
            return sum(lane.parked for lane in self._lanes)

    def reports(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {
                    "name": lane.name,
                    "weight": lane.weight,
                    "waiting": lane.queue.count,
                    "parked": lane.parked,
                    "running": lane.running,
                }
                for lane in self._lanes
            ]

    def offer(self, message: M) -> Offer:
        """Raises ActorError `bad_option` if there is no such lane."""
        with self._lock:
            return self._lane(message.lane).offer(message)

    def take(self) -> M | None:
        """The message whose turn it is, if a place is free for it; the place is taken until `done`."""
        with self._lock:
            if self._running >= self._concurrency:
                return None
            # Once round, and the lane at which it began once more: with new turns.
            for _looked in range(len(self._lanes) + 1):
                lane = self._lanes[self._at]
                if self._turns_left > 0 and lane.is_ready:
                    self._turns_left -= 1
                    self._running += 1
                    lane.running += 1
                    return lane.take()
                self._at = (self._at + 1) % len(self._lanes)
                self._turns_left = self._lanes[self._at].weight
            return None

    def done(self, message: M) -> None:
        """The place of a message that was taken is free."""
        with self._lock:
            self._running -= 1
            self._lane(message.lane).running -= 1

    def remove(self, call_id: int) -> "M | Literal['ticket'] | None":
        """Takes out a message that waits, or voids its ticket."""
        with self._lock:
            removed = (lane.remove(call_id) for lane in self._lanes)
            return next((one for one in removed if one is not None), None)

    def drain(self) -> tuple[list[M], list[int]]:
        """Takes out all messages, and the ids of all that are parked."""
        with self._lock:
            drained = [lane.drain() for lane in self._lanes]
            return [m for messages, _ in drained for m in messages], [t for _, tickets in drained for t in tickets]

    def _lane(self, name: str | None) -> _Lane[M]:
        lane = self._lanes[0] if name is None else self._named.get(name)
        if lane is None:
            raise ActorError("bad_option", f"there is no lane {name}. There are: {', '.join(self._named)}.")
        return lane

"""Where requests wait for slots: two lanes, training before evaluation, and neither for ever.

Knows whose turn it is; knows neither models nor slots beyond their number.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from iterant.sampling.request import LANES, Request
from iterant.sampling.slots import Finished, SlotBatch

# Of so many prompts admitted in a row, one is of evaluation, as long as any of it waits.
EVAL_EVERY = 4
# Reading one prompt costs as much as a step for all, so prompts wait for company: until this share of all slots can
# be given out at once, but never longer than so many turns (measured: 1.3x on answers of 24 tokens).
WORTHWHILE_SHARE = 1 / 8
MAX_HELD_TURNS = 6


@dataclass(eq=False)
class Job:
    """A request that is being answered. admitted: how many of its completions have been given a slot."""

    request: Request
    prompt: np.ndarray
    reply: "Future[dict[str, Any]]"
    batch: SlotBatch
    admitted: int = 0
    done: dict[int, Finished] = field(default_factory=dict)


class WaitingRoom:
    """First come, first served within a lane."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._lanes: dict[str, deque[Job]] = {lane: deque() for lane in LANES}
        self._wanted = 0
        self._trains_in_a_row = 0
        self._held_turns = 0

    def __iter__(self) -> Iterator[Job]:
        for lane in self._lanes.values():
            yield from lane

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def counts(self) -> dict[str, int]:
        """Completions without a slot, by lane."""
        return {lane: sum(job.request.n - job.admitted for job in jobs) for lane, jobs in self._lanes.items()}

    def push(self, job: Job) -> None:
        self._lanes[job.request.lane].append(job)
        self._wanted += job.request.n

    def drop(self, is_dropped: Callable[[Job], bool]) -> None:
        for lane, jobs in self._lanes.items():
            self._lanes[lane] = deque(job for job in jobs if not is_dropped(job))
        self._wanted = sum(self.counts().values())

    def take(self, free: int) -> list[tuple[Job, range]]:
        """Which completions of which jobs get the free slots now; none while it is better to wait for company.

        Called once a turn. A job leaves when the last of its completions is given out.
        """
        ready = min(free, self._wanted)
        if ready == 0:
            return []
        self._held_turns += 1
        is_worth_it = ready >= self._slots * WORTHWHILE_SHARE or free == self._slots
        if not is_worth_it and self._held_turns <= MAX_HELD_TURNS:
            return []
        self._held_turns = 0
        taken: list[tuple[Job, range]] = []
        while ready > 0:
            job = self._next()
            count = min(ready, job.request.n - job.admitted)
            taken.append((job, range(job.admitted, job.admitted + count)))
            job.admitted += count
            ready -= count
            self._wanted -= count
            if job.admitted == job.request.n:
                self._lanes[job.request.lane].popleft()
        return taken

    def _next(self) -> Job:
        train, evaluation = self._lanes["train"], self._lanes["eval"]
        if not evaluation or (train and self._trains_in_a_row < EVAL_EVERY - 1):
            self._trains_in_a_row += 1
            return train[0]
        self._trains_in_a_row = 0
        return evaluation[0]

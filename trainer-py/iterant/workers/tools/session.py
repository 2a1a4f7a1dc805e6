"""One attempt at a task: what was called for each user request, and how that stands to the reference.

Knows no text and no process. The reference runs on instances of its own, request by request, through the same door
as the model's calls; its state and its calls are what the attempt is compared with.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from iterant.workers.tools import state
from iterant.workers.tools.apis import Apis, Execution
from iterant.workers.tools.call import ModelCall
from iterant.workers.tools.suite import Suite, Task


@dataclass(frozen=True)
class Verdict:
    """How one request stood when it ended.

    is_state_same    all public attributes equal the reference's at that moment, a list being equal to a tuple
    is_state_equal   the same by plain ==
    are_calls_made   the reference's calls are among this request's successful ones, in any order, as often
    are_results_seen its results are among those of all calls so far, likewise; and something was called
    """

    is_state_same: bool
    is_state_equal: bool
    are_calls_made: bool
    are_results_seen: bool

    @property
    def is_fulfilled(self) -> bool:
        return self.is_state_same and self.are_calls_made


@dataclass
class Request:
    """The executions of one user request, by response."""

    responses: list[list[Execution]] = field(default_factory=list)
    verdict: Verdict | None = None

    @property
    def executions(self) -> list[Execution]:
        return [execution for response in self.responses for execution in response]


class Session:
    """Begins at the first user request, in the task's scenario."""

    def __init__(self, suite: Suite, task: Task) -> None:
        self.suite = suite
        self.task = task
        self.apis = Apis.opened(suite, task)
        self.requests = [Request()]
        self._reference = Apis.opened(suite, task)

    @property
    def request(self) -> Request:
        """The one that is under way, or the last."""
        return self.requests[-1]

    @property
    def is_over(self) -> bool:
        """True once the last request has ended."""
        return self.request.verdict is not None

    def take(self, calls: Sequence[ModelCall]) -> list[Execution]:
        """Runs the calls of one response in order, up to the first that fails; what came before it stays done."""
        if self.is_over:
            raise RuntimeError(f"calls after the last request has ended - task {self.task.id}")
        executions: list[Execution] = []
        for call in calls:
            executions.append(self.apis.execute(call.name, call.arguments))
            if not executions[-1].succeeded:
                break
        self.request.responses.append(executions)
        return executions

    def end_request(self) -> Verdict:
        """Ends the request that is under way, judges it, and begins the next if there is one."""
        if self.is_over:
            raise RuntimeError(f"the last request has ended already - task {self.task.id}")
        request = self.request
        wanted = [
            self._reference.execute(call.name, call.named, call.positional)
            for call in self.task.reference[len(self.requests) - 1]
        ]
        made = [execution for execution in request.executions if execution.succeeded]
        seen = [execution.text for earlier in self.requests for execution in earlier.executions]
        is_state_equal = self.apis.has_state_of(self._reference, equal=_equal)
        verdict = Verdict(
            is_state_same=is_state_equal or self.apis.has_state_of(self._reference),
            is_state_equal=is_state_equal,
            are_calls_made=state.covers([_key(one) for one in made], [_key(one) for one in wanted]),
            are_results_seen=not wanted
            or (request.executions != [] and state.covers(seen, [one.text for one in wanted], _equal)),
        )
        request.verdict = verdict
        if len(self.requests) < len(self.task.requests):
            self.requests.append(Request())
        return verdict

    def digest(self) -> str:
        """Of the APIs and of how far the requests have come."""
        ended = [vars(request.verdict) for request in self.requests if request.verdict]
        return state.digest([self.apis.digests(), ended])

    def frozen(self) -> bytes:
        """The session as bytes for `thawed`, in this process and release only."""
        return pickle.dumps((self.task.id, self.apis.instances, self.requests, self._reference.instances))

    @classmethod
    def thawed(cls, suite: Suite, frozen: bytes) -> "Session":
        """A session of its own that stands where the frozen one stood."""
        task_id, instances, requests, reference = pickle.loads(frozen)
        session = cls.__new__(cls)
        session.suite, session.task, session.requests = suite, suite.tasks[task_id], requests
        session.apis = Apis(suite, session.task.apis, instances)
        session._reference = Apis(suite, session.task.apis, reference)
        return session


def _key(execution: Execution) -> tuple[str, Any]:
    return execution.name, execution.bound


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)

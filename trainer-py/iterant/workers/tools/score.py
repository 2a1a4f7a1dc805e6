"""What an attempt is worth, by named profiles.

- `exit`: the paper's. The final state equals the reference's, and each request's reference calls are among the
  successful ones made for it. Calls are compared after binding; a request without reference calls needs none.
- `bfcl_official`: the leaderboard's. After every request with reference calls the state is equal, and their results
  are among the results so far.
- `bespoke_literal`: what Zhuang et al.'s environment computes, its quirks included, for comparison only: lists become
  tuples, positional reference arguments get names that no call has, a request without reference calls cannot be met.
  Some tasks cannot be won under it: `unwinnable` lists them.
- `state_only`: the final state alone, a diagnostic.
"""

from collections.abc import Callable
from typing import Any

from iterant.workers.tools import state
from iterant.workers.tools.apis import Apis, Execution
from iterant.workers.tools.call import ModelCall, ReferenceCall
from iterant.workers.tools.session import Session, Verdict
from iterant.workers.tools.suite import Suite


def score(session: Session, profile: str, request_count: int) -> dict[str, Any]:
    """{quality, fulfilled}: 0 or 1 for the first `request_count` requests, and which of them were fulfilled.

    Ends the requests that are still under way or to come, which changes the session. Raises LookupError for a profile
    that is none.
    """
    if profile not in PROFILES:
        raise LookupError(f"no reward profile '{profile}' - say one of {', '.join(PROFILES)}")
    while len(_verdicts(session)) < request_count:
        session.end_request()
    verdicts = _verdicts(session)[:request_count]
    quality = int(PROFILES[profile](session, verdicts))
    return {"quality": quality, "fulfilled": [verdict.is_fulfilled for verdict in verdicts]}


def unwinnable(suite: Suite, profile: str, request_count: int | None = None) -> list[str]:
    """The tasks whose own reference answer scores 0."""
    return [
        task.id
        for task in suite.tasks.values()
        if score(reference_session(suite, task.id), profile, request_count or len(task.requests))["quality"] == 0
    ]


def reference_session(suite: Suite, task_id: str) -> Session:
    """An attempt that makes the reference's calls, one a response, with every argument by its name."""
    task = suite.tasks[task_id]
    session = Session(suite, task)
    for turn in task.reference:
        for call in turn:
            session.take([named_call(suite, task.apis, call)])
        session.end_request()
    return session


def named_call(suite: Suite, apis: tuple[str, ...], call: ReferenceCall) -> ModelCall:
    """A reference call as a model would write it: positional arguments by their names, defaults left out."""
    names = list(suite.functions(apis)[call.name].signature.parameters)
    return ModelCall(call.name, {**dict(zip(names, call.positional, strict=False)), **call.named})


def _verdicts(session: Session) -> list[Verdict]:
    return [request.verdict for request in session.requests if request.verdict]


def _exit(_session: Session, verdicts: list[Verdict]) -> bool:
    return verdicts[-1].is_state_same and all(verdict.are_calls_made for verdict in verdicts)


def _state_only(_session: Session, verdicts: list[Verdict]) -> bool:
    return verdicts[-1].is_state_same


def _bfcl_official(session: Session, verdicts: list[Verdict]) -> bool:
    turns = zip(verdicts, session.task.reference, strict=False)
    return all(verdict.is_state_equal and verdict.are_results_seen for verdict, wanted in turns if wanted)


def _bespoke_literal(session: Session, verdicts: list[Verdict]) -> bool:
    """Both halves of that reward must be whole for it to be more than 0, so it is a plain and."""
    live, shadow = Apis.opened(session.suite, session.task), Apis.opened(session.suite, session.task)
    for request, wanted in zip(session.requests[: len(verdicts)], session.task.reference, strict=False):
        made = [call for response in request.responses for call in _replay_literally(live, response)]
        for call in wanted:
            shadow.execute(call.name, call.named, call.positional)
        names = [(call.name, {**call.named, **_numbered(call.positional)}) for call in wanted]
        if not wanted or not state.covers(made, names, lambda one, other: bool(one == other)):
            return False
    return live.has_state_of(shadow, equal=lambda one, other: bool(one == other))


def _replay_literally(live: Apis, response: list[Execution]) -> list[tuple[str, Any]]:
    """The calls of a response that succeed by that environment's lights; it stops at the first that does not."""
    made: list[tuple[str, Any]] = []
    for call in response:
        arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in call.given.items()}
        again = live.execute(call.name, arguments)
        text = f"{call.name}({arguments}) {again.text}".lower()
        if again.text.startswith("Error during execution:") or "'error':" in text or '"error":' in text:
            break
        made.append((call.name, dict(call.given)))
    return made


def _numbered(positional: tuple[Any, ...]) -> dict[str, Any]:
    return {f"arg{index}": value for index, value in enumerate(positional, 1)}


PROFILES: dict[str, Callable[[Session, list[Verdict]], bool]] = {
    "exit": _exit,
    "bespoke_literal": _bespoke_literal,
    "bfcl_official": _bfcl_official,
    "state_only": _state_only,
}

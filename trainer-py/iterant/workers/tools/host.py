"""A suite as a helper process: many sessions side by side, one call after another.

Knows no world: what a response means and when an episode ends is TypeScript's. Sessions live as long as the process;
whoever lost them with it makes them anew by the same calls.
"""

import contextlib
import json
from collections.abc import Callable
from typing import Any

from iterant.workers.ndjson import Helper, serve
from iterant.workers.tools.apis import Execution
from iterant.workers.tools.call import UnreadableCallError, read_calls
from iterant.workers.tools.score import PROFILES, named_call, score, unwinnable
from iterant.workers.tools.session import Session, Verdict
from iterant.workers.tools.suite import Suite


class Host:
    """The open sessions of a suite, by the names that the other side gives them."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.sessions: dict[str, Session] = {}

    def describe(self, _params: dict[str, Any]) -> dict[str, Any]:
        """{} → {name, versions, docs, tasks}; docs: API → one JSON text a function, tasks: without their answers."""
        return {
            "name": self.suite.name,
            "versions": dict(self.suite.versions),
            "docs": {api: [json.dumps(doc) for doc in docs] for api, docs in self.suite.docs.items()},
            "tasks": [
                {
                    "id": task.id,
                    "requests": list(task.requests),
                    "apis": list(task.apis),
                    "referenceCallCounts": [len(calls) for calls in task.reference],
                    **({} if task.held_out is None else {"isHeldOut": task.held_out}),
                }
                for task in self.suite.tasks.values()
            ],
        }

    def open(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session, task, done} → {digest}; `done` is to be done again: texts of calls, null where a request ended."""
        session = Session(self.suite, self.suite.tasks[params["task"]])
        for text in params["done"]:
            if text is None:
                session.end_request()
            else:
                with contextlib.suppress(UnreadableCallError):
                    session.take(read_calls(text))
        self.sessions[params["session"]] = session
        return {"digest": session.digest()}

    def fork(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session, into} → {digest}: a second session that stands where the first one does."""
        fork = Session.thawed(self.suite, self.sessions[params["session"]].frozen())
        self.sessions[params["into"]] = fork
        return {"digest": fork.digest()}

    def call(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session, text} → {results, calls, succeeded, digest}; `text` is a model's JSON as it stands.

        results    a text for each call that was made, or one that says why none could be
        calls      of each its name, its arguments as JSON text, and whether it succeeded
        succeeded  False if the last of them failed or nothing could be read
        """
        session = self.sessions[params["session"]]
        try:
            executions = session.take(read_calls(params["text"]))
        except UnreadableCallError as error:
            return {"results": [str(error)], "calls": [], "succeeded": False, "digest": session.digest()}
        return {
            "results": [execution.text for execution in executions],
            "calls": [_call(execution) for execution in executions],
            "succeeded": executions[-1].succeeded,
            "digest": session.digest(),
        }

    def end_request(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session} → {verdict, digest}"""
        session = self.sessions[params["session"]]
        verdict = session.end_request()
        return {"verdict": _verdict(verdict), "digest": session.digest()}

    def score(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session, profile, requests} → {quality, fulfilled}, over the first so many requests. Ends them all."""
        return score(self.sessions[params["session"]], params["profile"], params["requests"])

    def close(self, params: dict[str, Any]) -> None:
        """{session} → null; a session that is not there is fine."""
        self.sessions.pop(params["session"], None)

    def reference(self, params: dict[str, Any]) -> list[list[str]]:
        """{task} → for each request the calls of its answer as a model would write them, a JSON text each."""
        task = self.suite.tasks[params["task"]]
        named = [[named_call(self.suite, task.apis, call) for call in turn] for turn in task.reference]
        return [[json.dumps({"name": call.name, "args": call.arguments}) for call in turn] for turn in named]

    def unwinnable(self, params: dict[str, Any]) -> list[str]:
        """{profile, requests} → the tasks whose own reference answer scores 0; requests null for all of a task's."""
        return unwinnable(self.suite, params["profile"], params["requests"])


def serve_suite(open_suite: Callable[[], Suite]) -> None:
    """Serves a suite until stdin ends."""

    def load() -> Helper:
        suite = open_suite()
        host = Host(suite)
        return Helper(
            name=f"tools-{suite.name}",
            versions=dict(suite.versions),
            methods={
                "describe": host.describe,
                "open": host.open,
                "fork": host.fork,
                "call": host.call,
                "endRequest": host.end_request,
                "score": host.score,
                "close": host.close,
                "reference": host.reference,
                "unwinnable": host.unwinnable,
                "profiles": lambda _params: list(PROFILES),
            },
        )

    serve(load)


def _verdict(verdict: Verdict) -> dict[str, bool]:
    return {
        "isStateSame": verdict.is_state_same,
        "areCallsMade": verdict.are_calls_made,
        "isFulfilled": verdict.is_fulfilled,
    }


def _call(execution: Execution) -> dict[str, Any]:
    return {"name": execution.name, "arguments": json.dumps(execution.given), "succeeded": execution.succeeded}

"""Gymnasium as a helper process: many sessions of one kind side by side, one call after another.

Knows no world. Sessions live as long as the process; whoever lost them with it makes them anew by the same actions.
"""

import json
import sys
from functools import cached_property
from typing import Any

import gymnasium
from gymnasium.spaces import Text

from iterant.workers.gymnasium import words
from iterant.workers.gymnasium.world import VERSIONS, Kind, Session, replays
from iterant.workers.ndjson import Helper, serve

# What is wrong with a request rather than with this machine: an id, its arguments, its spaces, its packages.
REFUSALS = (
    gymnasium.error.Error,
    words.UnsuitableSpaceError,
    ImportError,
    TypeError,
    ValueError,
    KeyError,
    AssertionError,
)


class Host:
    """The open sessions of a kind, by the names that the other side gives them."""

    def __init__(self, environment: str, arguments: dict[str, Any]) -> None:
        self.environment = environment
        self.arguments = arguments
        self.sessions: dict[str, Session] = {}

    @cached_property
    def kind(self) -> Kind:
        return Kind(self.environment, self.arguments)

    def describe(self, _params: dict[str, Any]) -> dict[str, Any]:
        """{} → {refused}, or what there is to know before the first session; `difference`: why it does not replay."""
        try:
            kind = self.kind
        except REFUSALS as error:
            return {"refused": f"{type(error).__name__}: {error}"}
        return {
            "documentation": kind.documentation,
            "action": words.expected(kind.action_space),
            "observation": words.expected(kind.observation_space),
            "isText": isinstance(kind.action_space, Text),
            "rewardThreshold": kind.spec.reward_threshold,
            "maxSteps": kind.spec.max_episode_steps,
            "difference": replays(kind),
        }

    def open(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session, seed, done} → {observation, digest}; `done` are texts of actions to be done again."""
        session = Session(self.kind, params["seed"])
        self.sessions[params["session"]] = session
        for text in params["done"]:
            session.step(words.read(self.kind.action_space, text))
        return {"observation": session.observation, "digest": session.digest()}

    def act(self, params: dict[str, Any]) -> dict[str, Any]:
        """{session, text} → {problem} for a text that is no action, which changes nothing; or the step and {digest}."""
        session = self.sessions[params["session"]]
        try:
            action = words.read(self.kind.action_space, params["text"])
        except words.UnreadableActionError as error:
            return {"problem": str(error)}
        return {**session.step(action), "digest": session.digest()}

    def close(self, params: dict[str, Any]) -> None:
        """{session} → null; a session that is not there is fine."""
        session = self.sessions.pop(params["session"], None)
        if session:
            session.close()


def load() -> Helper:
    host = Host(sys.argv[1], json.loads(sys.argv[2]))
    methods = {"describe": host.describe, "open": host.open, "act": host.act, "close": host.close}
    return Helper(name="gymnasium", versions=VERSIONS, methods=methods)


if __name__ == "__main__":
    serve(load)

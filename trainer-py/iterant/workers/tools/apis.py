"""The live APIs of one attempt at a task, and the one way in which anything calls them.

A model's calls and the reference's go through the same door. Nothing that a call does escapes: a name outside the
docs, arguments that do not fit, an exception, a call that takes too long each become a result that says so.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iterant.workers.alarm import OutOfTime, within
from iterant.workers.tools import state
from iterant.workers.tools.suite import Suite, Task

# A model may ask for a billion digits; ordinary calls take microseconds.
CALL_LIMIT_S = 5.0
MAX_RESULT_CHARACTERS = 16_384
# Arguments that no function can change need no copy of their own.
FIXED = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class Execution:
    """What became of one call.

    given      the arguments as they were written
    bound      all arguments by name, defaults included; None if the call never reached a function
    text       the result as the model sees it
    succeeded  False for an exception and for a result that holds an `error`
    """

    name: str
    given: Mapping[str, Any]
    bound: dict[str, Any] | None
    text: str
    succeeded: bool


class Apis:
    """Instances of a task's classes; they are changed by `execute` alone."""

    def __init__(self, suite: Suite, apis: tuple[str, ...], instances: dict[str, Any]) -> None:
        self.instances = instances
        self._functions = suite.functions(apis)
        self._digests: dict[str, str] = {}

    @classmethod
    def opened(cls, suite: Suite, task: Task) -> "Apis":
        """Fresh ones, in the task's scenario."""
        scenarios = {api: copy.deepcopy(task.scenario.get(api, {})) for api in task.apis}
        return cls(suite, task.apis, {api: suite.open_api(api, scenario) for api, scenario in scenarios.items()})

    def execute(self, name: str, named: Mapping[str, Any], positional: Sequence[Any] = ()) -> Execution:
        """Calls a published function; every failure is a result."""
        function = self._functions.get(name)
        if function is None:
            return Execution(name, named, None, f"Error during execution: there is no function '{name}'.", False)
        try:
            bound = function.bind(positional, named)
        except TypeError as error:
            return Execution(name, named, None, f"Error during execution: {name}(): {error}.", False)
        succeeded = False
        self._digests.pop(function.api, None)
        try:
            text, succeeded = within(CALL_LIMIT_S, lambda: self._call(function.api, name, bound))
        except OutOfTime:
            text = f"Error during execution: no result after {CALL_LIMIT_S:g} s."
        except Exception as error:  # whatever a class raises on odd input, MemoryError and RecursionError among it
            text = f"Error during execution: {error}"
        return Execution(name, named, bound, _capped(text), succeeded)

    def _call(self, api: str, name: str, bound: Mapping[str, Any]) -> tuple[str, bool]:
        is_fixed = all(type(value) in FIXED for value in bound.values())
        result = getattr(self.instances[api], name)(**(bound if is_fixed else copy.deepcopy(bound)))
        return as_text(result), not (isinstance(result, dict) and "error" in result)

    def digests(self) -> dict[str, str]:
        """API → the digest of everything that could make a later call of it answer otherwise.

        Instances do not know each other, so that only those called since are digested anew.
        """
        for api, instance in self.instances.items():
            if api not in self._digests:
                self._digests[api] = state.digest(instance)
        return {api: self._digests[api] for api in self.instances}

    def has_state_of(self, other: "Apis", equal: Any = state.same) -> bool:
        """True if all public attributes of all instances are equal; `equal` decides what that means."""
        return all(
            equal(state.public(instance), state.public(other.instances[api]))
            for api, instance in self.instances.items()
        )


def as_text(result: Any) -> str:
    """A result as upstream shows it: texts as they are, dictionaries as JSON where they can be, the rest by str()."""
    if isinstance(result, str):
        return result
    if isinstance(result, dict):
        try:
            return json.dumps(result)
        except (TypeError, ValueError):
            return str(result)
    return str(result)


def _capped(text: str) -> str:
    if len(text) <= MAX_RESULT_CHARACTERS:
        return text
    return f"{text[:MAX_RESULT_CHARACTERS]}… ({len(text) - MAX_RESULT_CHARACTERS} more characters)"

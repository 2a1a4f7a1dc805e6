"""A suite: stateful Python classes, the published docs of their functions, and tasks in BFCL's layout.

Knows no episode. Two suites differ in module paths and data files only: the upstream package (bfcl.py) and our own
stand-in (office.py). Classes are imported, never copied; whatever is not in the docs cannot be called.
"""

import hashlib
import importlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from iterant.workers.tools.call import ReferenceCall, read_reference


@dataclass(frozen=True)
class Function:
    """One function that a model may call.

    name       as published
    api        the class it is a method of
    doc        its published description: name, description, parameters, required, response
    signature  without `self`
    """

    name: str
    api: str
    doc: Mapping[str, Any]
    signature: inspect.Signature

    def bind(self, positional: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by its name, defaults applied: two calls that do the same bind to the same dictionary.

        Raises TypeError as Python would for a missing, an unknown or a double argument.
        """
        bound = self.signature.bind(*positional, **named)
        bound.apply_defaults()
        return dict(bound.arguments)


@dataclass(frozen=True)
class Task:
    """A scenario, the user's requests in it, and the calls that fulfil them. `requests` and `reference` run in step.

    scenario  API → its initial state; an API without an entry starts in its default state
    apis      the classes involved, in the order in which names are looked up
    held_out  True or False where the tasks come divided already
    """

    id: str
    requests: tuple[str, ...]
    scenario: Mapping[str, Any]
    apis: tuple[str, ...]
    reference: tuple[tuple[ReferenceCall, ...], ...]
    held_out: bool | None = None


@dataclass(frozen=True)
class Suite:
    """Classes, docs and tasks that belong together.

    modules    API → module path
    stateless  APIs without a scenario
    docs       API → its functions' docs, in file order
    """

    name: str
    modules: Mapping[str, str]
    stateless: frozenset[str]
    docs: Mapping[str, Sequence[Mapping[str, Any]]]
    tasks: Mapping[str, Task]
    versions: Mapping[str, str]
    _functions: dict[tuple[str, ...], dict[str, Function]] = field(default_factory=dict)

    @cached_property
    def classes(self) -> dict[str, type]:
        """API → its class, imported when first asked for."""
        return {api: getattr(importlib.import_module(path), api) for api, path in self.modules.items()}

    def functions(self, apis: tuple[str, ...]) -> dict[str, Function]:
        """What may be called where these APIs are involved, by name; of two with the same name the later API's."""
        if apis not in self._functions:
            self._functions[apis] = {
                doc["name"]: Function(doc["name"], api, doc, _signature(self.classes[api], doc["name"]))
                for api in apis
                for doc in self.docs[api]
            }
        return self._functions[apis]

    def open_api(self, api: str, scenario: Mapping[str, Any]) -> Any:
        """A fresh instance; it may keep and change the scenario."""
        instance = self.classes[api]()
        if api not in self.stateless:
            instance._load_scenario(scenario)
        return instance


def read_tasks(questions: Path, answers: Path) -> dict[str, Task]:
    """The tasks of two files in BFCL's layout, by id. Raises ValueError naming file and task that cannot be read."""
    return tasks_of(json_lines(questions), json_lines(answers), f"{questions}, {answers}")


def tasks_of(
    questions: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]], place: str
) -> dict[str, Task]:
    """As `read_tasks`, of rows; `place` says in errors where they come from."""
    references = {row["id"]: row["ground_truth"] for row in answers}
    tasks: dict[str, Task] = {}
    for row in questions:
        task_id = row["id"]
        requests = [_request(messages, f"task {task_id} - {place}") for messages in row["question"]]
        if len(requests) != len(references.get(task_id, ())):
            counts = f"{len(requests)} requests, {len(references.get(task_id, ()))} answers"
            raise ValueError(f"{counts} - task {task_id} - {place} - take both files from the same release")
        tasks[task_id] = Task(
            id=task_id,
            requests=tuple(requests),
            scenario=row["initial_config"],
            apis=tuple(row["involved_classes"]),
            reference=tuple(tuple(read_reference(text) for text in turn) for turn in references[task_id]),
            held_out=row.get("held_out"),
        )
    return tasks


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def file_hash(*paths: Path) -> str:
    """The first 16 hex digits of the SHA-256 over the files' bytes, in order; what a record says its data were."""
    together = hashlib.sha256()
    for path in paths:
        together.update(path.read_bytes())
    return together.hexdigest()[:16]


def code_hash(modules: Mapping[str, str]) -> str:
    """`file_hash` over the source files of the suite's classes."""
    files = {getattr(importlib.import_module(module), "__file__", None) for module in modules.values()}
    return file_hash(*sorted(Path(file) for file in files if file))


def _request(messages: Sequence[Mapping[str, str]], place: str) -> str:
    if len(messages) != 1 or messages[0]["role"] != "user":
        raise ValueError(f"a request that is not one user message - {place}")
    return messages[0]["content"]


def _signature(owner: type, name: str) -> inspect.Signature:
    method: Callable[..., Any] | None = None if name.startswith("_") else getattr(owner, name, None)
    if method is None:
        raise ValueError(f"the docs name a public function '{name}' that {owner.__name__} does not have")
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return inspect.Signature(parameters)

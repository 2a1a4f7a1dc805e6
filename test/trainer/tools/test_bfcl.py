"""The upstream tasks under every reward profile: its own answers, and answers that are a little or entirely wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from iterant.workers.tools import bfcl
from iterant.workers.tools.call import ModelCall
from iterant.workers.tools.score import named_call, score, unwinnable
from iterant.workers.tools.session import Session
from iterant.workers.tools.suite import Suite, Task

PACKAGES = next(Path(__file__).parents[3].glob(".venv-tools/lib/python3*/site-packages"), None)
pytestmark = pytest.mark.skipif(PACKAGES is None, reason="bfcl-eval is not installed: npm run setup -- tools")

Turns = list[list[ModelCall]]


@pytest.fixture(scope="module")
def suite() -> Suite:
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(PACKAGES))
    return bfcl.open_suite()


def answer(suite: Suite, task: Task) -> Turns:
    return [[named_call(suite, task.apis, call) for call in turn] for turn in task.reference]


def play(suite: Suite, task: Task, turns: Turns) -> Session:
    session = Session(suite, task)
    for calls in turns:
        for call in calls:
            session.take([call])
        session.end_request()
    return session


def passes(suite: Suite, profile: str, change: Callable[[Suite, Task, Turns], Turns]) -> int:
    total = 0
    for task in suite.tasks.values():
        turns = change(suite, task, answer(suite, task))
        total += score(play(suite, task, turns), profile, len(task.requests))["quality"]
    return total


def unchanged(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    return turns


def without_the_last_call(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    last = max(index for index, turn in enumerate(turns) if turn)
    return [turn[:-1] if index == last else turn for index, turn in enumerate(turns)]


def without_the_first_call(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    first = min(index for index, turn in enumerate(turns) if turn)
    return [turn[1:] if index == first else turn for index, turn in enumerate(turns)]


def reversed_inside_turns(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    return [turn[::-1] for turn in turns]


def without_any_call(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    return [[] for _ in turns]


def with_a_read_in_each_turn(suite: Suite, task: Task, turns: Turns) -> Turns:
    reads = {"GorillaFileSystem": "pwd", "TwitterAPI": "posting_get_login_status", "TradingBot": "get_account_info"}
    free = [name for api, name in reads.items() if api in task.apis and name in suite.functions(task.apis)]
    return [[*turn, *(ModelCall(name, {}) for name in free[:1])] for turn in turns]


def all_in_the_first_turn(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    return [[call for turn in turns for call in turn], *([] for _ in turns[1:])]


def the_last_call_twice(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    last = max(index for index, turn in enumerate(turns) if turn)
    return [[*turn, turn[-1]] if index == last else turn for index, turn in enumerate(turns)]


def with_its_first_text_changed(_suite: Suite, _task: Task, turns: Turns) -> Turns:
    """Of the arguments that are texts by themselves, the first one of the first call that has any."""
    for turn in turns:
        for index, call in enumerate(turn):
            for name, value in call.arguments.items():
                if isinstance(value, str):
                    turn[index] = ModelCall(call.name, {**call.arguments, name: f"{value}_x"})
                    return turns
    return without_any_call(_suite, _task, turns)  # one task has no text at all


# Counts of 200 tasks: official, exit, state only. All but the last row were measured with upstream's own checker.
@pytest.mark.parametrize(
    ("change", "official", "ours", "state_only"),
    [
        (unchanged, 200, 200, 200),
        (with_a_read_in_each_turn, 200, 200, 200),
        (without_any_call, 0, 0, 11),
        (without_the_last_call, 0, 0, 74),
        (without_the_first_call, 0, 0, 141),
        (reversed_inside_turns, 90, 97, 100),
        (all_in_the_first_turn, 3, 3, 200),
        (the_last_call_twice, 142, 142, 142),
        (with_its_first_text_changed, 10, 0, 120),
    ],
)
def test_a_changed_answer_is_worth_what_upstream_says(
    suite: Suite, change: Callable[[Suite, Task, Turns], Turns], official: int, ours: int, state_only: int
) -> None:
    counts = [passes(suite, profile, change) for profile in ("bfcl_official", "exit", "state_only")]
    assert counts == [official, ours, state_only]


def test_a_task_that_the_literal_profile_cannot_be_won_under_is_named(suite: Suite) -> None:
    assert len(unwinnable(suite, "bespoke_literal")) == 48
    assert len(unwinnable(suite, "bespoke_literal", 1)) == 15
    assert unwinnable(suite, "exit") == unwinnable(suite, "bfcl_official") == []


def test_every_turn_boundary_is_restored_by_its_calls_and_by_its_bytes(suite: Suite) -> None:
    boundaries = 0
    for task in suite.tasks.values():
        turns = answer(suite, task)
        session = Session(suite, task)
        for end, calls in enumerate(turns):
            for call in calls:
                session.take([call])
            session.end_request()
            boundaries += 1
            replayed = Session(suite, task)
            for turn in turns[: end + 1]:
                for call in turn:
                    replayed.take([call])
                replayed.end_request()
            assert replayed.digest() == session.digest(), f"{task.id}, turn {end + 1}"
            assert Session.thawed(suite, session.frozen()).digest() == session.digest()
    assert boundaries == 734


def test_a_call_that_changes_something_changes_the_digest_and_one_that_reads_does_not(suite: Suite) -> None:
    task = next(task for task in suite.tasks.values() if task.apis == ("TradingBot",))
    session = Session(suite, task)
    before = session.apis.digests()
    session.take([ModelCall("get_account_info", {})])
    assert session.apis.digests() == before
    session.take([ModelCall("fund_account", {"amount": 1.5})])
    assert session.apis.digests() != before


@pytest.mark.parametrize("name", ["_load_scenario", "__init__", "__class__", "mv", "no_such_function"])
def test_only_published_functions_of_the_involved_classes_can_be_called(suite: Suite, name: str) -> None:
    task = next(task for task in suite.tasks.values() if task.apis == ("TradingBot",))
    session = Session(suite, task)
    [execution] = session.take([ModelCall(name, {})])
    assert (execution.succeeded, execution.text) == (False, f"Error during execution: there is no function '{name}'.")
    assert session.apis.has_state_of(Session(suite, task).apis)


def test_arguments_that_do_not_fit_never_reach_the_function(suite: Suite) -> None:
    task = next(task for task in suite.tasks.values() if task.apis == ("TradingBot",))
    [execution] = Session(suite, task).take([ModelCall("fund_account", {"sum": 1})])
    assert (execution.bound, execution.succeeded) == (None, False)
    assert execution.text.startswith("Error during execution: fund_account(): ")


def test_a_response_stops_at_its_first_call_that_fails(suite: Suite) -> None:
    task = next(task for task in suite.tasks.values() if task.apis == ("TradingBot",))
    calls = [ModelCall("get_account_info", {}), ModelCall("nothing", {}), ModelCall("get_account_info", {})]
    assert [execution.succeeded for execution in Session(suite, task).take(calls)] == [True, False]


def test_a_call_that_never_ends_is_ended(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iterant.workers.tools.apis.CALL_LIMIT_S", 0.2)
    task = next(task for task in suite.tasks.values() if "MathAPI" in task.apis)
    session = Session(suite, task)

    def forever(**_: object) -> None:
        while True:
            pass

    monkeypatch.setattr(type(session.apis.instances["MathAPI"]), "mean", forever)
    [execution] = session.take([ModelCall("mean", {"numbers": [1, 2]})])
    assert execution.succeeded is False

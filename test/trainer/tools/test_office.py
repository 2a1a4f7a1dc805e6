"""Our own suite: every task can be won, by its own calls and only by them, and a seed decides all of it."""

import pytest

from iterant.workers.tools.call import ModelCall
from iterant.workers.tools.office import open_suite
from iterant.workers.tools.office_apis import APIS
from iterant.workers.tools.office_tasks import LEVELS, make_rows
from iterant.workers.tools.score import reference_session, score, unwinnable
from iterant.workers.tools.session import Session


@pytest.mark.parametrize("level", LEVELS)
def test_every_task_is_won_by_its_own_calls_and_lost_by_none(level: str) -> None:
    suite = open_suite(level, 120, 0)
    assert unwinnable(suite, "exit") == unwinnable(suite, "bfcl_official") == []
    for task in suite.tasks.values():
        silent = Session(suite, task)
        wants_calls = any(task.reference)
        assert score(silent, "exit", len(task.requests))["quality"] == (0 if wants_calls else 1)


def test_the_same_seed_makes_the_same_tasks_and_another_one_others() -> None:
    assert make_rows("full", 20, 3) == make_rows("full", 20, 3)
    assert make_rows("full", 20, 3) != make_rows("full", 20, 4)
    with pytest.raises(LookupError, match="no level 'hard' - say one of tiny, easy, full"):
        make_rows("hard", 1, 0)


def test_the_full_level_has_up_to_six_requests_over_three_services_and_ids_to_read() -> None:
    suite = open_suite("full", 200, 0)
    assert {len(task.requests) for task in suite.tasks.values()} == {1, 2, 3, 4, 5, 6}
    assert all(len(task.apis) == 3 for task in suite.tasks.values())
    assert set(APIS) == {api for task in suite.tasks.values() for api in task.apis}
    ids = [
        call for task in suite.tasks.values() for turn in task.reference for call in turn if "order_id" in call.named
    ]
    assert ids


def test_functions_are_described_as_upstream_describes_them() -> None:
    doc = next(doc for doc in open_suite("easy", 1, 0).docs["RoomBooking"] if doc["name"] == "book_room")
    assert doc["parameters"]["required"] == ["room", "day", "hour", "people"]
    assert doc["parameters"]["properties"]["people"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "who comes",
    }


def test_an_extra_call_that_draws_an_id_shifts_the_next_one() -> None:
    suite = open_suite("easy", 200, 0)
    task = next(
        task for task in suite.tasks.values() if any(call.name == "receive_order" for call in task.reference[0])
    )
    session = Session(suite, task)
    session.take([ModelCall("order_part", {"part": "gear", "count": 1})])
    first = task.reference[0]
    session.take([ModelCall(first[0].name, dict(first[0].named))])
    [received] = session.take([ModelCall(first[1].name, dict(first[1].named))])
    won = reference_session(suite, task.id)
    assert session.apis.digests() != won.apis.digests() or not received.succeeded

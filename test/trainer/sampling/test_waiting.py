"""Who gets a slot next: everybody once, in order within a lane, and no lane for ever without."""

from concurrent.futures import Future
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from iterant.sampling.request import Request, Sampling
from iterant.sampling.waiting import EVAL_EVERY, MAX_HELD_TURNS, Job, WaitingRoom

Pushes = list[tuple[str, int]]
ANY_BATCH: Any = None


def job(lane: str = "train", n: int = 1) -> Job:
    request = Request((), np.array([1]), n, Sampling(), 0, None, lane, (), False)
    return Job(request, np.array([1]), Future(), ANY_BATCH)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["train", "eval"]), st.integers(1, 9)), min_size=1, max_size=20),
    st.lists(st.integers(0, 6), min_size=1, max_size=10),
)
def test_every_completion_gets_exactly_one_slot_in_the_order_of_its_lane(pushes: Pushes, free: list[int]) -> None:
    room = WaitingRoom(6)
    jobs = [job(lane, n) for lane, n in pushes]
    for each in jobs:
        room.push(each)
    given_out: list[tuple[Job, int]] = []
    turn = 0
    while len(room) > 0:
        slots = free[turn % len(free)] if turn < 50 else 6
        taken = [(each, at) for each, indices in room.take(slots) for at in indices]
        assert len(taken) <= slots
        given_out += taken
        turn += 1
    for lane in ("train", "eval"):
        own = [(each, at) for each, at in given_out if each.request.lane == lane]
        assert own == [(each, at) for each in jobs if each.request.lane == lane for at in range(each.request.n)]
    assert room.counts() == {"train": 0, "eval": 0}


def test_evaluation_has_every_fourth_turn_while_training_keeps_coming() -> None:
    room = WaitingRoom(1)
    for _ in range(20):
        room.push(job("train"))
        room.push(job("eval"))
    order = [each.request.lane for _ in range(20) for each, _indices in room.take(1)]
    assert order == (["train"] * (EVAL_EVERY - 1) + ["eval"]) * 5


def test_prompts_wait_for_company_but_not_long() -> None:
    room = WaitingRoom(64)
    room.push(job(n=2))
    held = [room.take(60) for _ in range(MAX_HELD_TURNS)]
    assert held == [[]] * MAX_HELD_TURNS
    assert [indices for _, indices in room.take(60)] == [range(2)]


def test_company_is_enough_when_an_eighth_of_the_slots_can_be_given_out() -> None:
    room = WaitingRoom(64)
    room.push(job(n=7))
    assert room.take(60) == []
    room.push(job(n=1))
    assert [indices for _, indices in room.take(60)] == [range(7), range(1)]


def test_nobody_waits_for_company_while_all_slots_are_idle() -> None:
    room = WaitingRoom(64)
    room.push(job())
    assert len(room.take(64)) == 1


def test_who_is_dropped_gets_no_slot_and_is_not_counted() -> None:
    room = WaitingRoom(8)
    first, second = job(n=3), job(n=2)
    room.push(first)
    room.push(second)
    room.drop(lambda each: each is first)
    assert room.counts() == {"train": 2, "eval": 0}
    assert [each for each, _ in room.take(8)] == [second]

"""The scheduler before an actor: the same histories as in Node, and what only threads can do to it."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from iterant.errors import ActorError
from iterant.mailbox import Mailbox

HISTORIES = json.loads((Path(__file__).parents[1] / "wire" / "golden" / "mailbox.json").read_text())


@dataclass(eq=False)
class Message:
    call_id: int
    lane: str | None = None
    priority: int = 0
    size: int = 1


def spec_of(**more: Any) -> dict[str, Any]:
    lanes = [{"name": "default", "weight": 1, "concurrency": 1}]
    return {"capacity": 10, "maxBytes": 1000, "whenFull": "wait", "concurrency": 1, "lanes": lanes, **more}


def play(spec: dict[str, Any], steps: list[list[Any]]) -> list[list[Any]]:
    """As `play` in test/wire/mailbox-histories.ts."""
    dropped: list[int] = []
    called: list[int] = []
    due: list[int] = []
    running: list[Message] = []
    messages: dict[int, Message] = {}

    def room(call_id: int) -> None:
        called.append(call_id)
        due.append(call_id)

    mailbox: Mailbox[Message] = Mailbox(spec, lambda message: dropped.append(message.call_id), room)

    def act(step: list[Any], number: int) -> Any:
        if step[0] == "offer":
            messages[number] = Message(number, *step[1:])
            return mailbox.offer(messages[number])
        if step[0] == "take":
            message = mailbox.take()
            running.extend([] if message is None else [message])
            return None if message is None else message.call_id
        if step[0] == "done":
            if not running:
                return None
            message = running.pop(0)
            mailbox.done(message)
            return message.call_id
        if step[0] == "again":
            again = [messages[call_id] for call_id in due]
            due.clear()
            return [mailbox.offer(message) for message in again]
        removed = mailbox.remove(step[1])
        if removed == "ticket" and step[1] in due:
            due.remove(step[1])
        return removed.call_id if isinstance(removed, Message) else removed

    outcomes = []
    for number, step in enumerate(steps, 1):
        dropped.clear()
        called.clear()
        outcomes.append([act(step, number), list(dropped), list(called)])
    return outcomes


@pytest.mark.parametrize("number", range(len(HISTORIES)))
def test_a_mailbox_does_what_one_in_node_does(number: int) -> None:
    history = HISTORIES[number]
    assert play(history["spec"], history["steps"]) == history["outcomes"]


def test_a_lane_that_is_not_there_is_refused_with_those_that_are() -> None:
    mailbox: Mailbox[Message] = Mailbox(spec_of(), lambda _: None, lambda _: None)
    with pytest.raises(ActorError, match=r"^bad_option: there is no lane fast\. There are: default\.$"):
        mailbox.offer(Message(1, lane="fast"))


def test_what_is_drained_is_what_waits_and_what_is_kept_elsewhere() -> None:
    mailbox: Mailbox[Message] = Mailbox(spec_of(capacity=1), lambda _: None, lambda _: None)
    assert [mailbox.offer(Message(call_id)) for call_id in (1, 2, 3)] == ["kept", "parked", "parked"]
    assert [report["parked"] for report in mailbox.reports()] == [2]
    messages, tickets = mailbox.drain()
    assert ([message.call_id for message in messages], tickets, len(mailbox), mailbox.parked) == ([1], [2, 3], 0, 0)


def test_one_thread_puts_in_while_another_takes_and_nothing_is_lost_or_passed() -> None:
    count = 5000
    come_again: list[int] = []
    mailbox: Mailbox[Message] = Mailbox(spec_of(capacity=3), lambda _: None, come_again.append)
    taken: list[int] = []
    kept = threading.Semaphore(0)

    def take() -> None:
        for _ in range(count):
            assert kept.acquire(timeout=60)
            message = mailbox.take()
            assert message is not None
            taken.append(message.call_id)
            mailbox.done(message)

    def offer(call_id: int) -> None:
        if mailbox.offer(Message(call_id)) == "kept":
            kept.release()

    taker = threading.Thread(target=take)
    taker.start()
    for call_id in range(1, count + 1):
        offer(call_id)
        while come_again:
            offer(come_again.pop(0))
    while taker.is_alive():
        while come_again:
            offer(come_again.pop(0))
        taker.join(0.001)
    assert taken == list(range(1, count + 1))

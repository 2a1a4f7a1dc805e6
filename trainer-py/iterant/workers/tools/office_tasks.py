"""Tasks for the office, in BFCL's layout: requests in words, and the calls that fulfil them.

Made by playing: each request is drawn for the state that the ones before it left, and its calls are made at once, so
that an id which a later call needs is the one that an earlier call gives. A seed and a number decide a task.
"""

import hashlib
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from iterant.workers.tools.office_apis import APIS, DAYS, STATELESS, UNITS

LEVELS = ("tiny", "easy", "full")
PARTS = ("bolt", "nut", "gear", "cap")
BINS = ("A", "B", "C")
PEOPLE = ("Ann", "Bo", "Cem", "Dee")
SUBJECTS = ("printer jam", "broken chair", "no coffee", "slow network")
TITLES = ("budget", "agenda", "menu", "guests")
TAGS = ("urgent", "draft", "private")
ROOMS = {"Oak": 2, "Elm": 4, "Ash": 8}


@dataclass
class Play:
    """A task while it is made: live services, and what has been asked and called so far."""

    apis: Mapping[str, Any]
    rng: random.Random
    requests: list[str] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)

    def ask(self, request: str) -> None:
        """Begins a request."""
        self.requests.append(request)
        self.calls.append([])

    def call(self, api: str, name: str, **arguments: Any) -> dict[str, Any]:
        """Makes a call for the request that was begun last, and gives its result. It must not fail."""
        result: dict[str, Any] = getattr(self.apis[api], name)(**deepcopy(arguments))
        if "error" in result:
            raise RuntimeError(f"{name}{arguments} fails: {result['error']}")
        self.calls[-1].append(f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})")
        return result


def is_held_out(requests: Sequence[str]) -> bool:
    """True for a quarter of all tasks, by what is asked: the same whatever the seed, so that nobody trains on them."""
    return hashlib.sha256("\n".join(requests).encode()).digest()[0] < 64


def make_rows(level: str, count: int, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Questions and answers, [count] each, no two alike. Raises LookupError for a level that is none."""
    if level not in LEVELS:
        raise LookupError(f"no level '{level}' - say one of {', '.join(LEVELS)}")
    questions: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    seen: set[tuple[str, ...]] = set()
    for attempt in itertools.count():
        if len(questions) == count:
            break
        rng = random.Random(f"{seed} {level} {attempt}")
        names = ["PartsWarehouse"] if level == "tiny" else sorted(rng.sample(sorted(APIS), 1 if level == "easy" else 3))
        scenario = {name: _scenario(name, rng) for name in names if name not in STATELESS}
        play = Play(_open(names, scenario), rng)
        if level == "tiny":
            _move(play, rng.choice((1, 1, 2)))
        else:
            for _ in range(rng.randint(1, 2 if level == "easy" else 6)):
                rng.choice([template for name in names for template in TEMPLATES[name]])(play)
        if tuple(play.requests) in seen:
            continue
        seen.add(tuple(play.requests))
        task_id = f"office_{level}_{len(questions)}"
        question = [[{"role": "user", "content": request}] for request in play.requests]
        questions.append(
            {
                "id": task_id,
                "question": question,
                "initial_config": scenario,
                "involved_classes": names,
                "held_out": is_held_out(play.requests),
            }
        )
        answers.append({"id": task_id, "ground_truth": play.calls})
    return questions, answers


def _open(names: list[str], scenario: Mapping[str, Any]) -> dict[str, Any]:
    opened = {name: APIS[name]() for name in names}
    for name, state in scenario.items():
        opened[name]._load_scenario(deepcopy(state))
    return opened


def _scenario(name: str, rng: random.Random) -> dict[str, Any]:
    seed = rng.randrange(1_000_000)
    match name:
        case "PartsWarehouse":
            return {"stock": {bin: {part: rng.randint(10, 99) for part in PARTS} for bin in BINS}, "random_seed": seed}
        case "NotesStore":
            notes = {str(10 + at): {"title": title, "text": "…", "tags": []} for at, title in enumerate(TITLES)}
            return {"notes": notes, "random_seed": seed}
        case "TicketDesk":
            about = {"priority": 3, "status": "open"}
            return {
                "tickets": {f"T{at}": {"subject": SUBJECTS[at], "person": PEOPLE[at], **about} for at in range(2)},
                "random_seed": seed,
            }
        case "RoomBooking":
            return {"rooms": dict(ROOMS), "bookings": {}, "random_seed": seed}
    raise LookupError(name)


def _move(play: Play, times: int = 1) -> None:
    moves = []
    for _ in range(times):
        source, target = play.rng.sample(BINS, 2)
        moves.append((play.rng.choice(PARTS), play.rng.randint(2, 9), source, target))
    play.ask(" then ".join(f"move {count} {part} {source} to {target}" for part, count, source, target in moves))
    for part, count, source, target in moves:
        play.call("PartsWarehouse", "move_part", part=part, count=count, source=source, target=target)


def _order(play: Play) -> None:
    part, count, bin = play.rng.choice(PARTS), play.rng.randint(2, 50), play.rng.choice(BINS)
    play.ask(f"Order {count} of the part {part}, and put them into bin {bin} as soon as they are here, which is now.")
    order = play.call("PartsWarehouse", "order_part", part=part, count=count)
    play.call("PartsWarehouse", "receive_order", order_id=order["order_id"], bin=bin)


def _count(play: Play) -> None:
    part, bin = play.rng.choice(PARTS), play.rng.choice(BINS)
    play.ask(f"How many of the part {part} are in bin {bin}?")
    play.call("PartsWarehouse", "count_part", part=part, bin=bin)


def _note(play: Play) -> None:
    title, tags = play.rng.choice(TITLES), play.rng.sample(TAGS, 2)
    play.ask(f"Write a note called '{title}' that says 'call back', then tag it {tags[0]} and {tags[1]}.")
    note = play.call("NotesStore", "add_note", title=title, text="call back")
    play.call("NotesStore", "tag_note", note_id=note["note_id"], tags=tags)


def _drop_notes(play: Play) -> None:
    title = play.rng.choice(TITLES)
    play.ask(f"Find every note with '{title}' in its title and throw them all away.")
    for note_id in play.call("NotesStore", "find_notes", word=title)["note_ids"]:
        play.call("NotesStore", "delete_note", note_id=note_id)


def _ticket(play: Play) -> None:
    subject, priority, person = play.rng.choice(SUBJECTS), play.rng.randint(1, 5), play.rng.choice(PEOPLE)
    play.ask(f"Open a ticket about '{subject}' with priority {priority} and give it to {person}.")
    ticket = play.call("TicketDesk", "open_ticket", subject=subject, priority=priority)
    play.call("TicketDesk", "assign_ticket", ticket_id=ticket["ticket_id"], person=person)


def _close_tickets(play: Play) -> None:
    person = play.rng.choice(PEOPLE)
    play.ask(f"Close every open ticket of {person} with the resolution 'done'.")
    for ticket_id in play.call("TicketDesk", "tickets_of", person=person)["ticket_ids"]:
        play.call("TicketDesk", "close_ticket", ticket_id=ticket_id, resolution="done")


def _book(play: Play) -> None:
    day, hour, people = play.rng.choice(DAYS), play.rng.randint(8, 18), play.rng.sample(PEOPLE, 2)
    free = play.apis["RoomBooking"].free_rooms(day, hour, 2)["rooms"]
    if not free:
        return _convert_alone(play)
    play.ask(f"Book the first free room in the alphabet for {people[0]} and {people[1]} on {day} at {hour}.")
    rooms = play.call("RoomBooking", "free_rooms", day=day, hour=hour, seats=2)["rooms"]
    play.call("RoomBooking", "book_room", room=rooms[0], day=day, hour=hour, people=people)
    return None


def _convert_alone(play: Play) -> None:
    day = play.rng.choice(DAYS)
    play.ask(f"Which rooms have 8 seats and are free on {day} at 8?")
    play.call("RoomBooking", "free_rooms", day=day, hour=8, seats=8)


def _convert(play: Play) -> None:
    unit, to = play.rng.sample(sorted(UNITS[play.rng.choice(sorted(UNITS))]), 2)
    value = play.rng.randint(1, 400) / 4
    play.ask(f"How much are {value} {unit} in {to}?")
    play.call("UnitConverter", "convert", value=value, unit=unit, to=to)


def _average(play: Play) -> None:
    values = [play.rng.randint(0, 40) / 2 for _ in range(3)]
    play.ask(f"What is the mean of {values[0]}, {values[1]} and {values[2]}?")
    play.call("UnitConverter", "average", values=values)


TEMPLATES: dict[str, list[Callable[[Play], None]]] = {
    "PartsWarehouse": [_move, _order, _count],
    "NotesStore": [_note, _drop_notes],
    "TicketDesk": [_ticket, _close_tickets],
    "RoomBooking": [_book],
    "UnitConverter": [_convert, _average],
}

"""Five small services of an office, as classes that a model calls: our own stand-in for upstream's APIs.

Each begins in a scenario, answers with dictionaries, says `error` in them where something cannot be done, and shows
its state in public attributes. New ids come from a random stream of the scenario, so an extra call shifts later ones.
"""

import random
from typing import Any

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
# Factors to the unit that the first of each group is measured in.
UNITS = {
    "length": {"m": 1.0, "km": 1000.0, "cm": 0.01, "mm": 0.001},
    "mass": {"kg": 1.0, "g": 0.001, "t": 1000.0},
    "time": {"s": 1.0, "min": 60.0, "h": 3600.0},
}


class PartsWarehouse:
    """Parts in bins, and orders for more of them."""

    def __init__(self) -> None:
        self.stock: dict[str, dict[str, int]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self._random = random.Random(0)

    def _load_scenario(self, scenario: dict[str, Any]) -> None:
        self.stock = scenario.get("stock", {})
        self._random = random.Random(scenario.get("random_seed", 0))

    def count_part(self, part: str, bin: str) -> dict[str, Any]:
        """How many of a part are in a bin.

        part: its name
        bin: the bin's letter
        """
        if bin not in self.stock:
            return {"error": f"there is no bin {bin}"}
        return {"count": self.stock[bin].get(part, 0)}

    def move_part(self, part: str, count: int, source: str, target: str) -> dict[str, Any]:
        """Move parts from one bin to another.

        part: its name
        count: how many
        source: the bin they are in
        target: the bin they go to
        """
        if source not in self.stock or target not in self.stock:
            return {"error": "there is no such bin"}
        if not isinstance(count, int) or count < 1 or self.stock[source].get(part, 0) < count:
            return {"error": f"bin {source} does not hold {count} {part}"}
        self.stock[source][part] -= count
        self.stock[target][part] = self.stock[target].get(part, 0) + count
        return {"moved": count}

    def order_part(self, part: str, count: int) -> dict[str, Any]:
        """Order more of a part.

        part: its name
        count: how many
        """
        if not isinstance(count, int) or count < 1:
            return {"error": "order at least one"}
        order_id = f"PO-{self._random.randrange(1000, 10_000)}"
        self.orders[order_id] = {"part": part, "count": count, "status": "open"}
        return {"order_id": order_id}

    def receive_order(self, order_id: str, bin: str) -> dict[str, Any]:
        """Put what was ordered into a bin.

        order_id: as order_part gave it
        bin: the bin's letter
        """
        order = self.orders.get(order_id)
        if order is None or order["status"] != "open":
            return {"error": f"there is no open order {order_id}"}
        if bin not in self.stock:
            return {"error": f"there is no bin {bin}"}
        order["status"] = "received"
        self.stock[bin][order["part"]] = self.stock[bin].get(order["part"], 0) + order["count"]
        return {"received": order["count"]}


class NotesStore:
    """Notes with titles, texts and tags."""

    def __init__(self) -> None:
        self.notes: dict[int, dict[str, Any]] = {}
        self._random = random.Random(0)

    def _load_scenario(self, scenario: dict[str, Any]) -> None:
        self.notes = {int(note_id): note for note_id, note in scenario.get("notes", {}).items()}
        self._random = random.Random(scenario.get("random_seed", 0))

    def add_note(self, title: str, text: str, tags: list[str] = []) -> dict[str, Any]:  # noqa: B006
        """Write a new note.

        title: a few words
        text: what it says
        tags: words to find it by
        """
        note_id = self._random.randrange(100, 1000)
        self.notes[note_id] = {"title": title, "text": text, "tags": list(tags)}
        return {"note_id": note_id}

    def find_notes(self, word: str) -> dict[str, Any]:
        """The ids of notes with a word in their title or among their tags.

        word: what to look for
        """
        found = [note_id for note_id, note in self.notes.items() if word in note["title"] or word in note["tags"]]
        return {"note_ids": sorted(found)}

    def tag_note(self, note_id: int, tags: list[str]) -> dict[str, Any]:
        """Give a note further tags.

        note_id: as add_note or find_notes gave it
        tags: words to find it by
        """
        if note_id not in self.notes:
            return {"error": f"there is no note {note_id}"}
        own = self.notes[note_id]["tags"]
        own.extend(tag for tag in tags if tag not in own)
        return {"tags": own}

    def delete_note(self, note_id: int) -> dict[str, Any]:
        """Throw a note away.

        note_id: as add_note or find_notes gave it
        """
        if self.notes.pop(note_id, None) is None:
            return {"error": f"there is no note {note_id}"}
        return {"deleted": note_id}


class TicketDesk:
    """Tickets that somebody has to see to."""

    def __init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self._random = random.Random(0)

    def _load_scenario(self, scenario: dict[str, Any]) -> None:
        self.tickets = scenario.get("tickets", {})
        self._random = random.Random(scenario.get("random_seed", 0))

    def open_ticket(self, subject: str, priority: int = 3) -> dict[str, Any]:
        """Open a ticket.

        subject: what it is about
        priority: from 1, urgent, to 5
        """
        if priority not in range(1, 6):
            return {"error": "priorities go from 1 to 5"}
        ticket_id = f"T{self._random.randrange(100, 1000)}"
        self.tickets[ticket_id] = {"subject": subject, "priority": priority, "person": None, "status": "open"}
        return {"ticket_id": ticket_id}

    def assign_ticket(self, ticket_id: str, person: str) -> dict[str, Any]:
        """Give a ticket to somebody.

        ticket_id: as open_ticket or tickets_of gave it
        person: who sees to it
        """
        if ticket_id not in self.tickets:
            return {"error": f"there is no ticket {ticket_id}"}
        self.tickets[ticket_id]["person"] = person
        return {"assigned": person}

    def tickets_of(self, person: str) -> dict[str, Any]:
        """The open tickets of somebody.

        person: who sees to them
        """
        own = [key for key, ticket in self.tickets.items() if ticket["person"] == person and ticket["status"] == "open"]
        return {"ticket_ids": sorted(own)}

    def close_ticket(self, ticket_id: str, resolution: str) -> dict[str, Any]:
        """Close a ticket.

        ticket_id: as open_ticket or tickets_of gave it
        resolution: what was done
        """
        if ticket_id not in self.tickets or self.tickets[ticket_id]["status"] != "open":
            return {"error": f"there is no open ticket {ticket_id}"}
        self.tickets[ticket_id]["status"] = f"closed: {resolution}"
        return {"closed": ticket_id}


class RoomBooking:
    """Rooms with seats, booked by the hour."""

    def __init__(self) -> None:
        self.rooms: dict[str, int] = {}
        self.bookings: dict[str, dict[str, Any]] = {}
        self._random = random.Random(0)

    def _load_scenario(self, scenario: dict[str, Any]) -> None:
        self.rooms = scenario.get("rooms", {})
        self.bookings = scenario.get("bookings", {})
        self._random = random.Random(scenario.get("random_seed", 0))

    def free_rooms(self, day: str, hour: int, seats: int) -> dict[str, Any]:
        """Rooms that are free and large enough.

        day: monday to friday
        hour: from 8 to 18
        seats: how many are needed
        """
        if day not in DAYS or hour not in range(8, 19):
            return {"error": "rooms are booked from monday to friday, from 8 to 18"}
        taken = {one["room"] for one in self.bookings.values() if (one["day"], one["hour"]) == (day, hour)}
        return {"rooms": sorted(room for room, size in self.rooms.items() if size >= seats and room not in taken)}

    def book_room(self, room: str, day: str, hour: int, people: list[str]) -> dict[str, Any]:
        """Book a room for an hour.

        room: its name
        day: monday to friday
        hour: from 8 to 18
        people: who comes
        """
        free = self.free_rooms(day, hour, len(people))
        if "error" in free:
            return free
        if room not in free["rooms"]:
            return {"error": f"{room} is not free then, or too small"}
        booking_id = f"B{self._random.randrange(100, 1000)}"
        self.bookings[booking_id] = {"room": room, "day": day, "hour": hour, "people": list(people)}
        return {"booking_id": booking_id}

    def cancel_booking(self, booking_id: str) -> dict[str, Any]:
        """Cancel a booking.

        booking_id: as book_room gave it
        """
        if self.bookings.pop(booking_id, None) is None:
            return {"error": f"there is no booking {booking_id}"}
        return {"cancelled": booking_id}


class UnitConverter:
    """Arithmetic without a state."""

    def convert(self, value: float, unit: str, to: str) -> dict[str, Any]:
        """A quantity in another unit.

        value: how much
        unit: what it is measured in
        to: what it shall be measured in
        """
        for factors in UNITS.values():
            if unit in factors and to in factors:
                return {"value": round(value * factors[unit] / factors[to], 6)}
        return {"error": f"{unit} cannot be measured in {to}"}

    def average(self, values: list[float]) -> dict[str, Any]:
        """The mean of some numbers.

        values: at least one
        """
        if not values:
            return {"error": "the mean of nothing"}
        return {"value": round(sum(values) / len(values), 6)}


APIS: dict[str, type] = {
    "PartsWarehouse": PartsWarehouse,
    "NotesStore": NotesStore,
    "TicketDesk": TicketDesk,
    "RoomBooking": RoomBooking,
    "UnitConverter": UnitConverter,
}
STATELESS = frozenset({"UnitConverter"})

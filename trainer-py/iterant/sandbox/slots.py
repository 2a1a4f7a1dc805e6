"""A user of its own for each sandbox, so that limits by user mean something and nobody else's processes are in reach.

A slot is a number, a user id and a lock that ends with its holder. Only root has slots to give. Knows no sandbox.
"""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LOCKS = Path("/run/iterant-sandbox")
FIRST_UID = 20_000
SLOT_COUNT = 256


class Slot(NamedTuple):
    uid: int
    lock: int


def take() -> Slot:
    """A free slot; what still ran under its user belonged to a dead owner and is killed.

    Raises OSError if all are taken or the locks cannot be kept.
    """
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    for index in range(SLOT_COUNT):
        lock = os.open(LOCKS / f"slot-{index}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        slot = Slot(FIRST_UID + index, lock)
        kill_all_of(slot.uid)
        return slot
    raise OSError(f"all {SLOT_COUNT} sandbox slots of this machine are taken: run fewer at once")


def kill_all_of(uid: int) -> None:
    """SIGKILL to every process of this user, by one of them: one call that no fork escapes."""
    if not pids_of(uid):
        return
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def pids_of(uid: int) -> list[int]:
    """The living processes of this user; the dead that nobody has reaped do not count."""
    return [one.pid for one in processes() if one.uid == uid and one.state not in "ZX"]


class Process(NamedTuple):
    """state  the letter of proc(5): Z and X are dead"""

    pid: int
    parent: int
    uid: int
    state: str
    thread_count: int


def processes() -> Iterator[Process]:
    """Every process in sight, those that hide their folder's owner included."""
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a thousand times a second
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/status", "rb", buffering=0) as file:  # noqa: PTH123
                text = file.read(4096)
        except OSError:  # ended meanwhile
            continue
        yield Process(
            int(entry),
            int(_field(text, b"PPid")),
            int(_field(text, b"Uid")),
            _field(text, b"State").decode(),
            int(_field(text, b"Threads") or 1),
        )


def _field(text: bytes, name: bytes) -> bytes:
    """The first word of a line; a name cannot forge one, because its line feeds are escaped."""
    at = text.find(b"\n" + name + b":\t")
    return text[at + len(name) + 3 : at + len(name) + 40].split(None, 1)[0] if at >= 0 else b""

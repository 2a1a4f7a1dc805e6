"""The state of live objects: a digest that tells every two states apart, and the comparison that rewards use.

Knows no suite; takes objects as they are: trees with back references, sets, tuples, Decimal, mpmath numbers, random
streams. JSON would fail on the first of these and lose the difference between 5 and 5.0.
"""

import hashlib
import marshal
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

SCALARS = frozenset({str, int, float, bool, type(None)})
# What `marshal` can write, as long as it holds nothing else.
PLAIN = SCALARS | {list, tuple, dict, set, frozenset}


def digest(value: Any) -> str:
    """64 hex digits; equal for equal states in every process, different for any difference that a call could notice.

    The order of dictionaries counts, since it shows in listings; that of sets does not. Private attributes count,
    random streams among them, except those that hold a wall-clock time.
    """
    parts: list[bytes] = []
    _write(value, parts, {})
    return hashlib.sha256(b"".join(parts)).hexdigest()


def public(instance: Any) -> dict[str, Any]:
    """The attributes that an API shows: those without a leading underscore."""
    return {name: value for name, value in vars(instance).items() if not name.startswith("_")}


def same(one: Any, other: Any) -> bool:
    """Equal, where a list and a tuple with the same items are equal, at any depth of lists and dictionaries.

    Objects that define equality themselves decide it.
    """
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def covers(found: list[Any], wanted: list[Any], equal: Any = same) -> bool:
    """True if every wanted item is among those found, in any order, as often as it is wanted."""
    left = list(found)
    for item in wanted:
        at = next((index for index, candidate in enumerate(left) if equal(candidate, item)), None)
        if at is None:
            return False
        del left[at]
    return True


def _write(value: Any, out: list[bytes], seen: dict[int, int]) -> None:
    """Appends unambiguous bytes: every kind has a mark of its own, and what varies in length says its length.

    Values of Python's own types are written by `marshal`: BFCL's states take half the time of a loop (measured). In
    version 2 of its format types differ, sets are sorted and nothing refers back, so equal values have equal bytes.
    """
    if type(value) in PLAIN:
        try:
            plain = marshal.dumps(value, 2)
        except ValueError:  # something in it is of another type, or it is nested too deep
            pass
        else:
            out.append(b"m%d:%b" % (len(plain), plain))
            return
    _write_parts(value, out, seen)


def _write_parts(value: Any, out: list[bytes], seen: dict[int, int]) -> None:
    kind = type(value)
    if kind is dict:
        out.append(b"d%d:" % len(value))
        for key, item in value.items():
            _write(key, out, seen)
            _write(item, out, seen)
    elif kind is list or kind is tuple:
        out.append(b"%b%d:" % (kind.__name__[:1].encode(), len(value)))
        for item in value:
            _write(item, out, seen)
    elif kind is set or kind is frozenset:
        out.append(b"S%d:" % len(value))
        out.extend(sorted(_alone(item, seen) for item in value))
    elif kind is random.Random:
        version, integers, gauss = value.getstate()
        # The hash of a tuple of integers is one in every process, and half the work of writing 625 (measured).
        out.append(b"r%d:%d:%b;" % (version, hash(integers), repr(gauss).encode()))
    elif isinstance(getattr(value, "__dict__", None), Mapping):
        _write_object(value, out, seen)
    else:
        text = repr(getattr(value, "_mpf_", value)).encode("utf-8", "surrogatepass")
        out.append(b"o%b:%d:%b" % (kind.__name__.encode(), len(text), text))


def _write_object(value: Any, out: list[bytes], seen: dict[int, int]) -> None:
    """An object once, with its attributes; where it is met again, by its number: trees that know their parents end."""
    if id(value) in seen:
        out.append(b"@%d;" % seen[id(value)])
        return
    seen[id(value)] = len(seen)
    scalars: dict[str, Any] = {}
    others: list[tuple[str, Any]] = []
    for name, item in vars(value).items():
        if type(item) in SCALARS:
            scalars[name] = item
        elif not (name.startswith("_") and isinstance(item, datetime)):
            others.append((name, item))
    out.append(b"O%b:%d:" % (type(value).__name__.encode(), len(others)))
    _write(scalars, out, seen)
    for name, item in others:
        out.append(b"%b=" % name.encode())
        _write(item, out, seen)


def _alone(value: Any, seen: dict[int, int]) -> bytes:
    parts: list[bytes] = []
    _write(value, parts, seen)
    return b"".join(parts)

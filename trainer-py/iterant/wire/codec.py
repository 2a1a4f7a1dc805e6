"""Values to bytes and back, envelopes to frames and back.

Plain MessagePack; arrays of numbers never go through it but travel as raw buffers and arrive as
NumPy views of the received memory, without a copy. Knows neither sockets nor actors.
"""

import dataclasses
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ormsgpack

from iterant.errors import ActorError

# Kinds and their numbers on the wire (PROTOCOL.md).
HELLO, WELCOME, PING, PONG, GOODBYE = 1, 2, 3, 4, 5
CALL, RESULT, CANCEL, ITEMS, CREDIT, END = 16, 17, 18, 19, 20, 21

# What a RESULT says; after STREAM, FULL and ROOM more comes.
OK, ERROR, STREAM, FULL, ROOM = 0, 1, 3, 5, 6

FIRST_CONTROL_ID = 2**31
MAX_INLINE_BYTES = 512
MAX_BUFFERS = 0xFFFF  # the header counts raw buffers in 16 bits
MAX_BUFFER_BYTES = 2**31 - 1  # a longer frame is refused by sockets

Buffer = bytes | memoryview
Envelope = list[Any]


@dataclass(frozen=True)
class Payload:
    """A packed value: MessagePack bytes and the raw buffers that it refers to."""

    data: Buffer
    buffers: Sequence[Buffer] = ()


@dataclass(frozen=True)
class HandleRef:
    """A handle as it travels: the address of an actor, `name@node`."""

    address: str


# --- values ---------------------------------------------------------------------------------------

_ARRAY, _HANDLE, _BYTES = 1, 2, 3
_DTYPES = {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1"}
_OPTIONS = ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT
_READ_OPTIONS = ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT


def pack_value(value: Any) -> Payload:
    """Packs a value: plain data, dataclasses, NumPy arrays and scalars, handles.

    Arrays are copied, so the caller may go on changing its own.
    Raises ActorError `not_serialisable`, naming the path of the value that cannot travel.
    """
    buffers: list[Buffer] = []

    def replace(thing: Any) -> Any:
        if isinstance(thing, np.ndarray):
            return _pack_array(thing, buffers)
        if isinstance(thing, np.generic):
            return thing.item()
        if isinstance(thing, HandleRef):
            return ormsgpack.Ext(_HANDLE, thing.address.encode())
        if isinstance(thing, (set, frozenset)):
            return list(thing)
        if isinstance(thing, memoryview):
            return bytes(thing)
        raise TypeError(f"a {type(thing).__name__}")

    try:
        payload = Payload(ormsgpack.packb(value, default=replace, option=_OPTIONS), buffers)
    except (TypeError, ormsgpack.MsgpackEncodeError) as error:
        path, what = _find_refused(value, "value") or ("value", str(error))
        raise ActorError(
            "not_serialisable",
            f"{path} is {what}, which cannot travel. Send plain data, arrays of numbers or handles.",
        ) from error
    if len(buffers) > MAX_BUFFERS:
        raise ActorError(
            "not_serialisable", f"value has {len(buffers)} long arrays, more than a message's {MAX_BUFFERS}."
        )
    longest = max((len(buffer) for buffer in buffers), default=0)
    if longest > MAX_BUFFER_BYTES:
        raise ActorError("not_serialisable", f"value has an array of {longest} bytes, more than {MAX_BUFFER_BYTES}.")
    return payload


def unpack_value(payload: Payload) -> Any:
    """The reverse of `pack_value`. Arrays are read-only views of the received buffers.

    Raises ActorError `protocol_error` for bytes that are no packed value.
    """

    def restore(kind: int, data: bytes) -> Any:
        if kind == _ARRAY:
            return _unpack_array(data, payload.buffers)
        if kind == _HANDLE:
            return HandleRef(bytes(data).decode())
        if kind == _BYTES:
            return bytes(payload.buffers[struct.unpack(">I", data)[0]])
        raise ValueError(f"unknown extension {kind}")

    try:
        return ormsgpack.unpackb(payload.data, ext_hook=restore, option=_READ_OPTIONS)
    except (ValueError, IndexError, TypeError, struct.error) as error:
        size = len(payload.data)
        raise ActorError("protocol_error", f"a payload of {size} bytes is no packed value: {error}") from error


def _pack_array(array: np.ndarray[Any, Any], buffers: list[Buffer]) -> Any:
    """Extension 1: inline flag, dtype, count of dimensions, each of them, then the elements or their buffer's index."""
    dtype = array.dtype.newbyteorder("<")
    name = dtype.str[1:]
    if name not in _DTYPES:
        raise TypeError(f"an array of dtype {array.dtype}")
    data = np.ascontiguousarray(array, dtype=dtype).tobytes()
    is_inline = len(data) <= MAX_INLINE_BYTES
    if not is_inline:
        buffers.append(data)
    head = bytes([is_inline]) + name.encode() + bytes([array.ndim])
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return ormsgpack.Ext(_ARRAY, head + shape + (data if is_inline else struct.pack(">I", len(buffers) - 1)))


def _unpack_array(data: bytes, buffers: Sequence[Buffer]) -> np.ndarray[Any, Any]:
    name = data[1:3].decode()
    if name not in _DTYPES:
        raise ValueError(f"unknown dtype {name}")
    ndim = data[3]
    end = 4 + 4 * ndim
    shape = struct.unpack_from(f">{ndim}I", data, 4)
    memory = data[end:] if data[0] else buffers[struct.unpack_from(">I", data, end)[0]]
    return np.frombuffer(memory, dtype=np.dtype("<" + name)).reshape(shape)


def _find_refused(value: Any, path: str) -> tuple[str, str] | None:
    """Where in a value that cannot travel the reason is; only asked after packing has failed."""
    if isinstance(value, dict):
        for key, inside in value.items():
            if not isinstance(key, str):
                return f"{path}[{key!r}]", f"under a key that is a {type(key).__name__} and not text"
            found = _find_refused(inside, f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        found_inside = (_find_refused(inside, f"{path}[{at}]") for at, inside in enumerate(value))
        return next((found for found in found_inside if found), None)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not isinstance(value, HandleRef):
        pairs = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _find_refused(pairs, path)
    try:
        pack_plain(value)
    except (TypeError, ormsgpack.MsgpackEncodeError):
        kind = f"an array of dtype {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        return path, kind
    return None


def pack_plain(value: Any) -> bytes:
    """Packs one leaf, for finding out whether it can be."""

    def replace(thing: Any) -> Any:
        if isinstance(thing, np.ndarray) and thing.dtype.newbyteorder("<").str[1:] in _DTYPES:
            return None
        if isinstance(thing, (np.generic, HandleRef, memoryview)):
            return None
        raise TypeError

    return ormsgpack.packb(value, default=replace, option=_OPTIONS)


# --- envelopes --------------------------------------------------------------------------------------
# An envelope is its positional list. In memory a payload stands as one Payload where the wire has
# two fields: the bytes and the count of raw buffers that are its own.

_PAYLOAD_AT = {CALL: 4, RESULT: 3, ITEMS: 3, END: 3}


def pack_envelopes(envelopes: Sequence[Envelope]) -> tuple[bytes, list[Buffer]]:
    """A batch as frames: a body and the raw buffers behind it."""
    buffers: list[Buffer] = []
    lists = []
    for envelope in envelopes:
        at = _PAYLOAD_AT.get(envelope[0])
        if at is None:
            lists.append(envelope)
            continue
        payload: Payload = envelope[at]
        buffers.extend(payload.buffers)
        lists.append([*envelope[:at], bytes(payload.data), len(payload.buffers), *envelope[at + 1 :]])
    return ormsgpack.packb(lists), buffers


def unpack_envelopes(body: Buffer, buffers: Sequence[Buffer]) -> list[Envelope]:
    """The reverse. Fields that a later minor version appends are left at the end of the list.

    Raises ActorError `protocol_error` for an unknown kind or a body that is no list of envelopes.
    """
    try:
        lists = ormsgpack.unpackb(body)
    except ValueError as error:
        raise _malformed("a body that is no MessagePack") from error
    if not isinstance(lists, list):
        raise _malformed("a body that is no list")
    taken = 0
    envelopes: list[Envelope] = []
    for entry in lists:
        if not isinstance(entry, list) or not entry:
            raise _malformed("an envelope that is no list")
        kind = entry[0]
        if kind not in _KINDS:
            raise _malformed(f"an envelope of unknown kind {kind}")
        at = _PAYLOAD_AT.get(kind)
        if at is None:
            envelopes.append(entry)
            continue
        data, count = entry[at], entry[at + 1]
        if not isinstance(data, bytes) or not isinstance(count, int):
            raise _malformed("a payload that is no bytes")
        if taken + count > len(buffers):
            raise _malformed("more buffers than frames")
        payload = Payload(data, buffers[taken : taken + count])
        taken += count
        envelopes.append([*entry[:at], payload, *entry[at + 2 :]])
    return envelopes


_KINDS = {HELLO, WELCOME, PING, PONG, GOODBYE, CALL, RESULT, CANCEL, ITEMS, CREDIT, END}


def is_control(envelope: Envelope) -> bool:
    """Control travels on its own socket: everything but ordinary calls and what answers them."""
    return bool(envelope[0] < CALL or envelope[1] >= FIRST_CONTROL_ID)


def _malformed(what: str) -> ActorError:
    return ActorError("protocol_error", f"a peer sent {what}. It speaks another protocol or another version of it.")


# --- header -----------------------------------------------------------------------------------------

HEADER = struct.Struct(">HBBHHIIQ")
MAGIC = 0xAC70
MAJOR = 1
BATCH_FLAG = 1


@dataclass(frozen=True)
class Header:
    """The first frame of every socket message, 24 bytes, big-endian."""

    kind: int
    buffer_count: int
    seq: int
    ack: int
    incarnation: str

    def pack(self) -> bytes:
        flags = BATCH_FLAG if self.kind == 0 else 0
        incarnation = int(self.incarnation, 16)
        return HEADER.pack(MAGIC, MAJOR, self.kind, flags, self.buffer_count, self.seq, self.ack, incarnation)

    @staticmethod
    def unpack(data: Buffer) -> "Header":
        """Raises ActorError `protocol_error` if these bytes are no header, or one of another major version."""
        if len(data) != HEADER.size:
            raise _malformed(f"a header of {len(data)} bytes")
        magic, major, kind, _flags, buffer_count, seq, ack, incarnation = HEADER.unpack(data)
        if magic != MAGIC:
            raise _malformed("a header without our magic")
        if major != MAJOR:
            raise _malformed(f"protocol version {major}, not {MAJOR}")
        return Header(kind, buffer_count, seq, ack, f"{incarnation:016x}")

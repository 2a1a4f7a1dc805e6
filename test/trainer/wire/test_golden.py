"""The wire, byte for byte: the files that Node writes, written and read in Python."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iterant.errors import RemoteError, to_error_record
from iterant.wire.codec import (
    CALL,
    CANCEL,
    CREDIT,
    END,
    ERROR,
    FULL,
    GOODBYE,
    HELLO,
    ITEMS,
    PING,
    RESULT,
    ROOM,
    Envelope,
    Header,
    pack_envelopes,
    pack_value,
    unpack_envelopes,
    unpack_value,
)

RECORDED: dict[str, list[str]] = json.loads((Path(__file__).parents[2] / "wire" / "golden" / "frames.json").read_text())
INCARNATION = "00112233aabbccdd"
LONG = (np.arange(300) / 4).astype(np.float32)


def error_record() -> list[Any]:
    record = to_error_record(RemoteError("RangeError", "level must be 1..4", "ELEVEL", None))
    record[4] = None
    return record


PLAIN = [1, -1, 200, -200, 70_000, -70_000, 2.5, "é", None, True, [], {}, {"a": [1, "x"]}]
ARRAYS = [{"ids": np.array([1, 2, 3], "i4"), "logprobs": LONG, "mask": np.array([0, 1], "i1")}]

GOLDEN: dict[str, list[Envelope]] = {
    "hello": [[HELLO, "node-a/learner", INCARNATION, "host", 0, "secret"]],
    "ping": [[PING, 1234.5, 0.25]],
    "goodbye": [[GOODBYE, "the node was stopped"]],
    "call with plain values": [
        [CALL, 1, "counter@node-b", "add", pack_value(PLAIN), 30_000, 64, "driver@node-a"],
    ],
    "call with arrays": [
        [CALL, 2, "learner@node-a", "update", pack_value(ARRAYS), None, 0, "learner-proxy@node-a"],
    ],
    "call on a lane, within others": [
        [
            *[CALL, 3, "counter@node-b", "add", pack_value([1]), 250.5, 64, "asks@node-a"],
            *["eval", -2, ["counter@node-b begin", "asks@node-a goOn"], 1234.5],
        ],
    ],
    "result with an error": [[RESULT, 2, ERROR, pack_value(error_record()), 12, 3400]],
    "result of a mailbox without room": [[RESULT, 3, FULL, pack_value([1]), 0, 0]],
    "result of a mailbox with room again": [[RESULT, 3, ROOM, pack_value(None), 0, 0]],
    "a batch": [
        [ITEMS, 9, 3, pack_value(["a", "b"])],
        [ITEMS, 9, 5, pack_value([LONG])],
        [CREDIT, 4, 96],
        [CANCEL, 5, "its deadline passed"],
        [END, 9, 6, pack_value(None)],
    ],
}


def test_there_is_one_for_every_envelope_that_is_built_here_and_none_besides() -> None:
    assert list(RECORDED) == list(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_written_byte_for_byte(name: str) -> None:
    envelopes = GOLDEN[name]
    body, buffers = pack_envelopes(envelopes)
    kind = envelopes[0][0] if len(envelopes) == 1 else 0
    head = Header(kind, len(buffers), 7, 5, INCARNATION).pack()
    assert [bytes(part).hex() for part in [head, body, *buffers]] == RECORDED[name]


@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_read_back(name: str) -> None:
    head, body, *buffers = (bytes.fromhex(part) for part in RECORDED[name])
    header = Header.unpack(head)
    assert (header.seq, header.ack, header.incarnation) == (7, 5, INCARNATION)
    assert header.buffer_count == len(buffers)
    read = unpack_envelopes(body, buffers)
    assert [envelope[0] for envelope in read] == [envelope[0] for envelope in GOLDEN[name]]
    assert pack_envelopes(read)[0] == body


def test_an_array_from_the_wire_is_a_view_of_the_received_memory() -> None:
    _head, body, *buffers = (bytes.fromhex(part) for part in RECORDED["call with arrays"])
    (call,) = unpack_envelopes(body, buffers)
    (fields,) = unpack_value(call[4])
    received = np.frombuffer(buffers[0], np.uint8)
    assert fields["logprobs"].__array_interface__["data"][0] == received.__array_interface__["data"][0]
    np.testing.assert_array_equal(fields["logprobs"], LONG)
    assert fields["ids"].dtype == np.int32

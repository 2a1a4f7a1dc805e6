"""What one message can carry: more raw buffers than its header can count are refused or spread over several."""

import numpy as np
import pytest

from iterant.errors import ActorError
from iterant.wire.codec import CREDIT, ITEMS, MAX_BUFFERS, Payload, pack_value
from iterant.wire.session import Session


def test_more_long_arrays_than_a_message_can_count_are_refused() -> None:
    long = np.zeros(600, dtype=np.uint8)
    assert len(pack_value([long] * MAX_BUFFERS).buffers) == MAX_BUFFERS
    with pytest.raises(ActorError, match="not_serialisable: value has 65536 long arrays, more than a message's 65535"):
        pack_value([long] * (MAX_BUFFERS + 1))


def test_a_batch_with_more_raw_buffers_than_a_message_can_count_goes_as_several() -> None:
    sent: list[list[bytes | memoryview]] = []
    session = Session("00112233aabbccdd", "host", "host", "", sent.append, lambda _envelope: None, lambda: 0.0)
    session.is_up = True
    many = Payload(b"\xc0", [b"x"] * 30_000)
    session.send([[ITEMS, 1, 0, many], [ITEMS, 1, 1, many], [CREDIT, 2, 9], [ITEMS, 1, 2, many]])
    assert [len(parts) - 2 for parts in sent] == [60_000, 30_000]

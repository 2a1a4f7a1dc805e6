"""The launcher's conversation with whoever started it: a length (4 bytes, big-endian), then a JSON object.

Behind a message that says `byteCount` follow as many raw bytes. Knows no job.
"""

import json
import os
import struct
from typing import Any

LARGEST_MESSAGE_BYTES = 64 << 20
HEAD = struct.Struct(">I")


class Control:
    def __init__(self, fd: int) -> None:
        self.fd = fd

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other side is gone. Raises ValueError for what is no message."""
        head = self._read(HEAD.size)
        if head is None:
            return None
        (length,) = HEAD.unpack(head)
        if length > LARGEST_MESSAGE_BYTES:
            raise ValueError(f"a message of {length} bytes, more than {LARGEST_MESSAGE_BYTES}")
        body = self._read(length)
        if body is None:
            return None
        message: dict[str, Any] = json.loads(body)
        return message

    def send(self, message: dict[str, Any], payload: bytes = b"") -> None:
        """Waits until all of it is taken. Raises OSError when the other side is gone."""
        body = json.dumps({**message, "byteCount": len(payload)}).encode()
        for part in (HEAD.pack(len(body)) + body, payload):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self.fd, rest) :]

    def _read(self, length: int) -> bytes | None:
        pieces = bytearray()
        while len(pieces) < length:
            piece = os.read(self.fd, length - len(pieces))
            if not piece:
                return None
            pieces += piece
        return bytes(pieces)

"""The same in Python."""

from collections.abc import Iterator
from typing import Any


class Echo:
    def echo(self, value: Any) -> Any:
        return value

    def count(self, limit: int) -> Iterator[int]:
        yield from range(limit)

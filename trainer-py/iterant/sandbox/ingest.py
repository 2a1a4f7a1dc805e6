"""Takes a file that an untrusted program left, believing nothing about it. Knows neither sandboxes nor formats.

The program must be dead: what is checked is then what is read. A link, a pipe, a device, a second name for another
file, a file that grew: each is refused by name and none of them is waited for.
"""

import errno
import os
import stat
from typing import NamedTuple

CHUNK_BYTES = 1 << 20


class Ingested(NamedTuple):
    """What came of one file.

    refusal  `missing`, `link`, `not_regular`, `hard_link`, `too_large`, `unreadable`; None if `content` is the file's
    """

    refusal: str | None
    content: bytes = b""
    size: int = 0


def ingest(folder_fd: int, name: str, max_bytes: int) -> Ingested:
    """The bytes of one file in a folder.

    name       a plain name without a slash: a path could lead through a link
    max_bytes  a larger file is refused by its size, before it is read
    Raises ValueError if the name is no plain name.
    """
    if "/" in name or name in ("", ".", ".."):
        raise ValueError(f"'{name}' is not the name of a file in the workspace: use a plain name without a slash")
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        file = os.open(name, flags, dir_fd=folder_fd)
    except OSError as error:
        return Ingested(_refusal_of(error))
    try:
        return _read(file, max_bytes)
    except OSError:
        return Ingested("unreadable")
    finally:
        os.close(file)


def _refusal_of(error: OSError) -> str:
    return {
        errno.ENOENT: "missing",
        errno.ELOOP: "link",
        errno.ENXIO: "not_regular",  # a socket, or a pipe
    }.get(error.errno or 0, "unreadable")


def _read(file: int, max_bytes: int) -> Ingested:
    told = os.fstat(file)
    if not stat.S_ISREG(told.st_mode):
        return Ingested("not_regular")
    if told.st_nlink != 1:
        return Ingested("hard_link", size=told.st_size)
    if told.st_size > max_bytes:
        return Ingested("too_large", size=told.st_size)
    content = bytearray()
    while chunk := os.read(file, min(CHUNK_BYTES, max_bytes + 1 - len(content))):
        content += chunk
        if len(content) > max_bytes:  # it grew behind our back: some files have no true size
            return Ingested("too_large", size=len(content))
    return Ingested(None, bytes(content), len(content))

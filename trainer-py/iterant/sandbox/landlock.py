"""Which files a process may touch, by the kernel's own rules. Needs no privilege and no namespace.

Knows paths and rights; knows no tier. What this kernel's version cannot restrict is left out, so ask `abi()` first.
Not restricted by any version here: stat of hidden files, chmod of files in reach, UDP.
"""

import os
import stat
import struct
from collections.abc import Iterable

from iterant.sandbox import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
# Rights by the version that brought them; everything handled and not granted is refused.
FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: TRUNCATE, 5: IOCTL_DEVICE}
NETWORK_SINCE, NETWORK_RIGHTS = 4, 0b11
SCOPES_SINCE, SCOPES = 6, 0b11
RIGHTS_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
PATH_BENEATH = 1

abi = kernel.landlock_abi


def restrict(readable: Iterable[str], writable: Iterable[str], has_network: bool) -> None:
    """Leaves this process and its children these files and folders and no others, and signals among themselves.

    readable     may be read, listed and executed
    writable     may also be written, made, renamed and removed; device nodes may not be made
    has_network  it sits in a network of its own, where TCP does no harm; without one it is refused
    Paths that do not exist are left out. Needs no_new_privs. Raises OSError if the kernel has no Landlock.
    """
    version = abi()
    handled = sum(rights for since, rights in FILE_RIGHTS.items() if since <= version)
    attributes = struct.pack("<Q", handled)
    if version >= NETWORK_SINCE:
        attributes += struct.pack("<Q", 0 if has_network else NETWORK_RIGHTS)
    if version >= SCOPES_SINCE:
        attributes += struct.pack("<Q", SCOPES)
    ruleset = kernel.landlock_create(attributes)
    try:
        for path in readable:
            _grant(ruleset, path, (EXECUTE | READ_FILE | READ_DIR) & handled)
        for path in writable:
            _grant(ruleset, path, handled & ~(MAKE_CHAR | MAKE_BLOCK))
        kernel.landlock_restrict(ruleset)
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        granted = rights if stat.S_ISDIR(os.fstat(beneath).st_mode) else rights & RIGHTS_OF_A_FILE
        kernel.landlock_add(ruleset, PATH_BENEATH, struct.pack("<Qi", granted, beneath))
    finally:
        os.close(beneath)

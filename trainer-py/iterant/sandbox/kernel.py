"""System calls that the standard library lacks: namespaces, mounts, prctl, seccomp, Landlock.

Knows no policy. Every failure is an OSError that names the call and its argument. Linux, x86-64 and arm64.
"""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

# The same on both architectures: they came after numbers were unified.
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_ADD_RULE = 445
LANDLOCK_RESTRICT_SELF = 446

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
_libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
_libc.signal.restype = ctypes.c_void_p
_libc.syscall.restype = ctypes.c_long


class SockFprog(ctypes.Structure):
    """struct sock_fprog: a classic BPF program as the kernel takes it."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def machine() -> str:
    """`x86_64` or `aarch64`, or whatever else this is."""
    return os.uname().machine


def unshare(flags: int) -> None:
    """Leaves the parent's namespaces for new ones."""
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2); `source` and `target` are followed if they are links, so hand in what you made yourself."""
    encoded = kind.encode() if kind is not None else None
    done = _libc.mount(os.fsencode(source), os.fsencode(target), encoded, flags, data.encode())
    _check(done, f"mount {source} on {target}")


def umount(target: str) -> None:
    """Takes a mount away at once, whatever is still open in it; its memory goes with the last user."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def prctl(option: int, value: int = 0) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), f"prctl({option})")


def reset_signal(number: int) -> None:
    """Has a signal do to us what it does to anybody; `signal` of the standard library takes 12 ms to import."""
    _libc.signal(number, None)


def load_filter(program: bytes) -> None:
    """Puts this thread, and what it forks and execs, behind a seccomp filter for ever. Needs no_new_privs."""
    fprog = SockFprog(len(program) // 8, program)
    done = _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(fprog), 0, 0)
    _check(done, "prctl(PR_SET_SECCOMP)")


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 without Landlock."""
    version = int(_libc.syscall(ctypes.c_long(LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(1)))
    return max(version, 0)


def landlock_create(attributes: bytes) -> int:
    """A descriptor of a new rule set; `attributes` is a struct landlock_ruleset_attr of any length known here."""
    call = ctypes.c_long(LANDLOCK_CREATE_RULESET)
    ruleset = int(_libc.syscall(call, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)))
    _check(ruleset, "landlock_create_ruleset")
    return ruleset


def landlock_add(ruleset: int, kind: int, attributes: bytes) -> None:
    call = ctypes.c_long(LANDLOCK_ADD_RULE)
    done = _libc.syscall(call, ctypes.c_int(ruleset), ctypes.c_int(kind), attributes, ctypes.c_uint32(0))
    _check(int(done), "landlock_add_rule")


def landlock_restrict(ruleset: int) -> None:
    """Puts this thread, and what it forks and execs, under the rules for ever. Needs no_new_privs."""
    call = ctypes.c_long(LANDLOCK_RESTRICT_SELF)
    _check(int(_libc.syscall(call, ctypes.c_int(ruleset), ctypes.c_uint32(0))), "landlock_restrict_self")


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")

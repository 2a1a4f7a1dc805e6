"""The system calls that an untrusted program is refused, as a classic BPF program made by us.

A deny list with a ceiling: what can reach another process, the kernel's keys, tracing or mounts is refused, and
every call newer than those known here does not exist. Knows neither bubblewrap nor who loads it.
"""

import errno
import struct
from typing import NamedTuple

# AUDIT_ARCH_* of linux/audit.h, and the x86-64 and arm64 numbers of asm/unistd.h. None: no such call there.
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # large, young or privileged parts of the kernel
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "nfsservctl": (180, 42),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # the machine
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
}
SOCKET, SOCKETPAIR, IOCTL = (41, 198), (53, 199), (16, 29)
CLONE, CLONE3 = (56, 220), (435, 435)
NEWEST_KNOWN = 456
X32_BIT = 0x40000000

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
# Input pushed into a terminal, the console's selection, another line discipline, the console's output.
TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS = 0x5412, 0x541C, 0x5423, 0x541D
# CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}; the time bit is a signal number in clone(2) and not tested there.
NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

LOAD, JUMP_EQUAL, JUMP_GREATER, JUMP_SET, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
# struct seccomp_data; an argument's low half comes first on both, which are little-endian.
NUMBER_AT, ARCHITECTURE_AT, FIRST_LOW_AT, SECOND_LOW_AT = 0, 4, 16, 24


class Instruction(NamedTuple):
    """struct sock_filter: jumps are counted from the next instruction."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0

    def encode(self) -> bytes:
        return struct.pack("<HBBI", self.code, self.if_true, self.if_false, self.operand)


def build(machine: str, has_network: bool) -> bytes:
    """The filter for this machine, 8 bytes an instruction.

    has_network  the program sits in a network namespace of its own, so inet sockets are harmless; without one only
                 pairs of unix sockets can be made
    Raises ValueError if the machine is neither `x86_64` nor `aarch64`: a filter for other numbers would filter nothing.
    """
    if machine not in ARCHITECTURES:
        raise ValueError(f"no system call numbers are known for {machine}: it has no filter, and so no sandbox")
    column = list(ARCHITECTURES).index(machine)
    families = (AF_UNIX, AF_INET, AF_INET6) if has_network else ()
    program = [
        Instruction(LOAD, ARCHITECTURE_AT),
        Instruction(JUMP_EQUAL, ARCHITECTURES[machine], 1, 0),
        Instruction(RETURN, KILL_PROCESS),
        Instruction(LOAD, NUMBER_AT),
    ]
    if machine == "x86_64":
        program += _refuse_if(Instruction(JUMP_SET, X32_BIT), errno.ENOSYS)
    program += _refuse_if(Instruction(JUMP_GREATER, NEWEST_KNOWN), errno.ENOSYS)
    for numbers in DENIED.values():
        number = numbers[column]
        if number is not None:
            program += _refuse_if(Instruction(JUMP_EQUAL, number), errno.EPERM)
    program += _refuse_if(
        Instruction(JUMP_EQUAL, CLONE3[column]), errno.ENOSYS
    )  # its flags cannot be read; libc falls back
    program += _when(CLONE[column], FIRST_LOW_AT, _refuse_if(Instruction(JUMP_SET, NEW_NAMESPACES), errno.EPERM))
    terminal = (TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS)
    program += _when(
        IOCTL[column],
        SECOND_LOW_AT,  # the kernel reads 32 bits: a request with high bits set is the same request
        [one for request in terminal for one in _refuse_if(Instruction(JUMP_EQUAL, request), errno.EPERM)],
    )
    program += _only(SOCKET[column], families)
    program += _only(SOCKETPAIR[column], (AF_UNIX,))
    program.append(Instruction(RETURN, ALLOW))
    return b"".join(one.encode() for one in program)


def _refuse_if(test: Instruction, code: int) -> list[Instruction]:
    return [Instruction(test.code, test.operand, 0, 1), Instruction(RETURN, ERRNO | code)]


def _when(number: int, argument_at: int, body: list[Instruction]) -> list[Instruction]:
    """The body with an argument loaded, for one call only; the number is loaded again behind it."""
    inner = [Instruction(LOAD, argument_at), *body, Instruction(LOAD, NUMBER_AT)]
    return [Instruction(JUMP_EQUAL, number, 0, len(inner)), *inner]


def _only(number: int, values: tuple[int, ...]) -> list[Instruction]:
    """The call passes with one of these first arguments, and is EAFNOSUPPORT with any other."""
    tests = [Instruction(JUMP_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)]
    refusal = [Instruction(RETURN, ERRNO | errno.EAFNOSUPPORT)]
    return _when(number, FIRST_LOW_AT, [*tests, *refusal])

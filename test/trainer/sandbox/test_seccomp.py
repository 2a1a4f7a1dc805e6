"""The filter, run by a small interpreter of our own: every call that is refused, and that nothing else is."""

import errno
import struct

import pytest

from iterant.sandbox import seccomp

ALLOWED, KILLED = "allowed", "killed"


def run(program: bytes, number: int, arguments: tuple[int, ...] = (), architecture: int | None = None) -> str | int:
    """What the kernel would do with a call: `allowed`, `killed`, or the error number it would answer."""
    machine = "x86_64" if architecture is None else ""
    architecture = seccomp.ARCHITECTURES[machine] if architecture is None else architecture
    padded = (*arguments, *([0] * (6 - len(arguments))))
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    instructions = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    at, accumulator = 0, 0
    while True:
        code, if_true, if_false, operand = instructions[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            break
        else:
            is_so = {
                0x15: accumulator == operand,
                0x25: accumulator > operand,
                0x45: accumulator & operand != 0,
            }[code]
            at += if_true if is_so else if_false
    if operand & 0xFFFF0000 == 0x00050000:
        return operand & 0xFFFF
    return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}[operand]


@pytest.fixture(params=[True, False], ids=["networked", "alone"])
def program(request: pytest.FixtureRequest) -> bytes:
    return seccomp.build("x86_64", has_network=request.param)


def test_every_call_of_the_list_is_refused_and_every_other_is_not(program: bytes) -> None:
    denied = {numbers[0] for numbers in seccomp.DENIED.values()}
    special = {41, 53, 435}
    for number in range(seccomp.NEWEST_KNOWN + 1):
        expected: str | int = errno.EPERM if number in denied else ALLOWED
        if number not in special:
            assert run(program, number) == expected, number


def test_calls_that_are_not_known_do_not_exist(program: bytes) -> None:
    assert run(program, seccomp.NEWEST_KNOWN + 1) == errno.ENOSYS
    assert run(program, seccomp.X32_BIT | 1) == errno.ENOSYS
    assert run(program, 435) == errno.ENOSYS


def test_a_call_by_another_architecture_kills(program: bytes) -> None:
    assert run(program, 20, architecture=0x40000003) == KILLED


def test_a_clone_is_fine_without_new_namespaces(program: bytes) -> None:
    assert run(program, 56, (17,)) == ALLOWED
    assert run(program, 56, (0x003D0F00,)) == ALLOWED  # a thread
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert run(program, 56, (17 | flag,)) == errno.EPERM


def test_terminal_requests_are_compared_by_their_lower_half(program: bytes) -> None:
    for request in (seccomp.TIOCSTI, seccomp.TIOCLINUX, seccomp.TIOCSETD, seccomp.TIOCCONS):
        assert run(program, 16, (0, request)) == errno.EPERM
        assert run(program, 16, (0, request | 7 << 32)) == errno.EPERM
    assert run(program, 16, (0, 0x5401)) == ALLOWED  # TCGETS


def test_sockets_are_of_the_allowed_families() -> None:
    networked, alone = (seccomp.build("x86_64", has_network=one) for one in (True, False))
    for family in range(50):
        expected = ALLOWED if family in (1, 2, 10) else errno.EAFNOSUPPORT
        assert run(networked, 41, (family,)) == expected
        assert run(networked, 41, (family | 1 << 32,)) == expected
        assert run(alone, 41, (family,)) == errno.EAFNOSUPPORT
        assert run(alone, 53, (family,)) == (ALLOWED if family == 1 else errno.EAFNOSUPPORT)


def test_arm_has_a_filter_of_its_own_and_an_unknown_machine_has_none() -> None:
    arm = seccomp.build("aarch64", has_network=True)
    assert run(arm, 117, architecture=seccomp.ARCHITECTURES["aarch64"]) == errno.EPERM
    assert run(arm, 101, architecture=seccomp.ARCHITECTURES["aarch64"]) == ALLOWED
    with pytest.raises(ValueError, match="riscv64"):
        seccomp.build("riscv64", has_network=True)

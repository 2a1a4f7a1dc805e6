"""An owner's name is alive as long as its process, and never comes back with its number."""

import os
import subprocess
import sys

import pytest

from iterant.sandbox import owner


def test_we_are_alive_and_a_process_that_ended_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = owner.name_of(child.pid)
    assert owner.is_alive(name)
    child.communicate(b"\n")
    assert not owner.is_alive(name)
    assert owner.is_alive(owner.name_of(os.getpid()))


def test_the_same_number_with_another_start_is_somebody_else() -> None:
    namespace, pid, started = owner.name_of(os.getpid()).split("-")
    assert not owner.is_alive(f"{namespace}-{pid}-{int(started) + 1}")


def test_owners_in_other_namespaces_are_left_alone() -> None:
    _, pid, started = owner.name_of(os.getpid()).split("-")
    assert owner.is_alive(f"1-{pid}-{started}")


def test_nobody_has_no_name() -> None:
    with pytest.raises(OSError):
        owner.name_of(2**22 + 1)

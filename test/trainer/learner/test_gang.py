"""Ranks live and die together: nothing waits for one that is gone, and nothing is left running."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from tiny_models import make_model

pytestmark = [
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc"),
]

# Generous: what is waited for is an event, and a slow machine only makes it late.
DEADLINE_S = 120


@contextmanager
def two_ranks(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    model = make_model(tmp_path / "model")
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("hold.py")), str(model), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def has_ended(process: int) -> bool:
    """Waits for a process that is not a child of ours. `process` is its pidfd, which stays good when it is gone."""
    return bool(select.select([process], [], [], DEADLINE_S)[0])


def child_of(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (found := children.read_text().split()):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            pytest.fail("rank 0 ended before it had started another")
    return int(found[0])


def test_a_full_disk_fails_the_checkpoint_only_and_a_rank_that_dies_ends_the_gang_with_one_line(tmp_path: Path) -> None:
    with two_ranks(tmp_path) as rank_0:
        assert rank_0.stdout is not None
        said = json.loads(next((line for line in rank_0.stdout if line.startswith("{")), "{}"))
        assert said, rank_0.communicate()[1]
        assert said["refusal"].startswith(f"the checkpoint {tmp_path}/000001 could not be written: ")
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        assert len(said["norms"]) == 2
        _, other = said["pids"]
        os.kill(other, signal.SIGKILL)
        assert rank_0.wait(DEADLINE_S) == 1
        assert rank_0.stderr is not None
        errors = rank_0.stderr.read()
    assert errors.splitlines()[-1] == (
        f"learner rank 1 of 2 (process {other}) ended with signal 9: all ranks end with it. "
        "The learner is started again from its newest state."
    )


def test_no_rank_outlives_rank_0_even_one_that_is_still_starting(tmp_path: Path) -> None:
    with two_ranks(tmp_path) as rank_0:
        other = child_of(rank_0)
        watched = os.pidfd_open(other)
        os.kill(rank_0.pid, signal.SIGKILL)
        assert has_ended(watched)
        os.close(watched)

"""Ranks live and die together: nothing waits for one that is gone, and nothing is left running."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tiny_models import make_model

pytestmark = [
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc"),
]


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


def wait_for_end(pid: int) -> None:
    """Returns when there is no such process, or only what is left of one until its parent asks. Bounded by pytest."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        os.sched_yield()


def child_of(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        if found := children.read_text().split():
            return int(found[0])
        os.sched_yield()
    pytest.fail(f"rank 0 ended before it had started another: {process.stderr.read() if process.stderr else ''}")


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
        assert rank_0.wait(60) == 1
        assert rank_0.stderr is not None
        errors = rank_0.stderr.read()
    assert errors.splitlines()[-1] == (
        f"learner rank 1 of 2 (process {other}) ended with signal 9: all ranks end with it. "
        "The learner is started again from its newest state."
    )


def test_no_rank_outlives_rank_0_even_one_that_is_still_starting(tmp_path: Path) -> None:
    with two_ranks(tmp_path) as rank_0:
        other = child_of(rank_0)
        os.kill(rank_0.pid, signal.SIGKILL)
        wait_for_end(other)

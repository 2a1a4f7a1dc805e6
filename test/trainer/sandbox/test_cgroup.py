"""A group reads both versions' files alike. These folders are made here; the hostile suite meets the kernel's own."""

from pathlib import Path

from iterant.sandbox.cgroup import Group


def folder_of(tmp_path: Path, name: str, files: dict[str, str]) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def test_version_2_accounts_and_limits(tmp_path: Path) -> None:
    unified = folder_of(
        tmp_path,
        "unified",
        {
            "memory.max": "max\n",
            "memory.swap.max": "max\n",
            "memory.peak": "4096\n",
            "memory.events": "low 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
            "pids.max": "max\n",
            "pids.events": "max 3\n",
            "cpu.stat": "usage_usec 1500\nuser_usec 1000\n",
            "cgroup.freeze": "0\n",
            "cgroup.kill": "",
            "cgroup.procs": "",
        },
    )
    group = Group({"unified": unified})
    assert (group.version, group.holds) == ("v2", ["memory", "pids", "cpu", "freeze", "kill"])
    group.limit(1 << 20, 12)
    assert (unified / "memory.max").read_text() == "1048576"
    assert (unified / "memory.swap.max").read_text() == "0"
    assert (unified / "pids.max").read_text() == "12"
    assert (group.cpu_ms(), group.peak_bytes(), group.oom_kill_count(), group.refused_fork_count()) == (1.5, 4096, 1, 3)
    group.freeze(True)
    assert (unified / "cgroup.freeze").read_text() == "1"


def test_version_1_accounts_and_limits(tmp_path: Path) -> None:
    memory = folder_of(
        tmp_path,
        "memory",
        {
            "memory.limit_in_bytes": "",
            "memory.memsw.limit_in_bytes": "",
            "memory.max_usage_in_bytes": "8192\n",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            "cgroup.procs": "",
        },
    )
    pids = folder_of(tmp_path, "pids", {"pids.max": "", "pids.events": "max 5\n", "cgroup.procs": ""})
    cpuacct = folder_of(tmp_path, "cpuacct", {"cpuacct.usage": "2500000\n", "cgroup.procs": ""})
    group = Group({"memory": memory, "pids": pids, "cpuacct": cpuacct})
    assert (group.version, group.holds) == ("v1", ["memory", "pids", "cpu"])
    group.limit(1 << 20, 12)
    assert (memory / "memory.memsw.limit_in_bytes").read_text() == "1048576"
    assert (group.cpu_ms(), group.peak_bytes(), group.oom_kill_count(), group.refused_fork_count()) == (2.5, 8192, 2, 5)


def test_a_group_without_folders_holds_and_counts_nothing() -> None:
    group = Group()
    assert (group.version, group.holds, group.cpu_ms(), group.peak_bytes()) == ("none", [], None, None)
    assert (group.oom_kill_count(), group.refused_fork_count(), group.pids()) == (0, 0, [])
    group.limit(1, 1)
    group.freeze(True)
    group.remove()

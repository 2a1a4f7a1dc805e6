"""The options of bubblewrap: what a program finds around it. Pure: a list of words, nothing is started here.

Knows paths inside and outside; knows neither limits nor who is run. Deny by default: what is not named is not there.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# Parts of the system that an interpreter needs; each as it is on this machine, a folder or a link to one.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
# Files of /proc that tell of the machine what no program needs.
MASKED = ("/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/modules")
INNER_ID = 1000
PASSWD = f"sandbox:x:{INNER_ID}:{INNER_ID}:sandbox:/work:/bin/sh\n"
GROUP = f"sandbox:x:{INNER_ID}:\n"


class View(NamedTuple):
    """What there is to see, as pairs of outside and inside.

    readable  can only be read
    writable  file systems of their own, sized and private
    """

    readable: tuple[tuple[str, str], ...]
    writable: tuple[tuple[str, str], ...]


def options(view: View, filter_fd: int, passwd_fd: int, group_fd: int) -> list[str]:
    """For `--args`: nothing of it can be read in /proc/1/cmdline."""
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns"),
        *("--die-with-parent", "--new-session"),
        *("--uid", str(INNER_ID), "--gid", str(INNER_ID), "--hostname", "sandbox"),
        *("--cap-drop", "ALL", "--clearenv"),
        *_system(),
        *("--file", str(passwd_fd), "/etc/passwd", "--file", str(group_fd), "/etc/group"),
        *(word for outside, inside in view.readable for word in ("--ro-bind", outside, inside)),
        *("--proc", "/proc", "--dev", "/dev"),
        *_masks(MASKED),
        *(word for outside, inside in view.writable for word in ("--bind", outside, inside)),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/work", "--seccomp", str(filter_fd)),
    ]


def _system() -> Iterable[str]:
    for folder in SYSTEM:
        path = Path(folder)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), folder)
        elif path.is_dir():
            yield from ("--ro-bind", folder, folder)
    for file in SYSTEM_FILES:
        yield from ("--ro-bind-try", file, file)


def _masks(files: Iterable[str]) -> Iterable[str]:
    for file in files:
        if Path(file).exists():
            yield from ("--ro-bind", "/dev/null", file)

"""Mounts of our own, in a mount namespace of our own: the sized workspace, and what the sandbox is to see.

They are gone with this process, however it ends, and nobody else ever sees them. Sources are opened before the first
mount, so that a link swapped meanwhile leads nowhere else, and so that a user who cannot walk there can still be
shown what lies there. Knows no bubblewrap.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from iterant.sandbox import kernel

# Any folder that exists everywhere: only we see what is mounted over it.
ROOT = "/tmp"


class Stage:
    """sources    name to folder: each stands under `path_of(name)`, and so do the mounts beneath it"""

    def __init__(self, sources: Mapping[str, str]) -> None:
        _leave_mount_namespace()
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        opened = {name: os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY) for name, path in sources.items()}
        kernel.mount("stage", ROOT, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,nr_inodes=64,mode=0755")
        for name, source in opened.items():
            target = self.path_of(name)
            Path(target).mkdir()
            kernel.mount(f"/proc/self/fd/{source}", target, None, kernel.MS_BIND | kernel.MS_REC)
            os.close(source)

    @staticmethod
    def path_of(name: str) -> str:
        return f"{ROOT}/{name}"

    def make_folder(self, name: str, size_bytes: int, inode_count: int, uid: int, gid: int) -> str:
        """An empty file system that holds so much and so many files and no more; it belongs to this user."""
        folder = self.path_of(name)
        Path(folder).mkdir()
        # The folder itself takes one inode.
        limits = f"size={size_bytes},nr_inodes={inode_count + 1},mode=0700,uid={uid},gid={gid}"
        kernel.mount(name, folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, limits)
        return folder

    def destroy(self) -> None:
        """Takes all of it away in constant time, whatever is in it."""
        kernel.umount(ROOT)


def is_full(folder: str) -> bool:
    """Whether its file system has no room left, in bytes or in files."""
    told = os.statvfs(folder)
    return told.f_bavail == 0 or (told.f_files > 0 and told.f_favail == 0)


def _leave_mount_namespace() -> None:
    """As root directly, as anybody else inside a user namespace in which we are who we were."""
    if os.geteuid() == 0:
        kernel.unshare(kernel.CLONE_NEWNS)
        return
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes files, subvolumes and units off a machine for good. Whoever calls has made sure that they may go."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterable

from .storage.commands import run
from .undo import SUBVOLUME_INODE, is_subvolume

UNITS = "/etc/systemd/system"
# What protects the machine stays: it may go on without us, and must not stand open. So do the tunnels, by
# which we may have come in; their other end is taken away at REMOTE.
_KEPT = ("ccpp-backup-firewall", "ccpp-backup-reboot", "ccpp-backup-link")
_STORE = "ccpp-backup-store"
_ETC = "/etc/ccpp-backup"
_ETC_KEPT = ("firewall", "links")
_LIBRARY = "/usr/local/lib/ccpp-backup"
_TREES = (
    f"{_LIBRARY}/backup_core",
    "/usr/local/bin/ccpp-backup",
    "/var/cache/ccpp-backup",
    "/var/lib/ccpp-backup*",
)
_BLOCK = 1 << 20


def shred(paths: Iterable[str]) -> int:
    """Overwrite files in place with random bytes and remove them; how many there were.

    On a copy-on-write file system the old bytes stay until their block is used again or discarded.
    """
    count = 0
    for path in paths:
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "r+b") as file:
                left = os.fstat(file.fileno()).st_size
                while left > 0:
                    file.write(os.urandom(min(left, _BLOCK)))
                    left -= _BLOCK
                file.flush()
                os.fsync(file.fileno())
            os.unlink(path)
            count += 1
    return count


def remove(path: str) -> int:
    """Remove a file, or a folder with the subvolumes in it; how many subvolumes went."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    if not os.path.isdir(path):
        return 0
    below = [
        os.path.join(current, name)
        for current, names, _files in os.walk(path, topdown=False)
        for name in names
    ]
    count = 0
    for folder in (*below, path):
        if not os.path.islink(folder) and os.lstat(folder).st_ino == SUBVOLUME_INODE and is_subvolume(folder):
            run("btrfs", "property", "set", "-t", "subvol", folder, "ro", "false")
            _give_up(folder)
            count += 1
    if os.path.isdir(path):
        shutil.rmtree(path)
    return count


def _give_up(subvolume: str) -> None:
    """Delete it, wait until its space is free, and give its quota back."""
    number = run("btrfs", "inspect-internal", "rootid", subvolume).strip()
    above = os.path.dirname(subvolume)
    run("btrfs", "subvolume", "delete", "--commit-after", subvolume)
    run("btrfs", "subvolume", "sync", above, number, timeout=None)
    # Where quotas are off there is none to give back; those of subvolumes may go with them.
    for group in (f"0/{number}", f"1/{number}"):
        run("btrfs", "qgroup", "destroy", group, above, allowed=(0, 1))


def discard(path: str) -> bool:
    """Have the disks under the path let go of what is free; whether they can."""
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    run("sync", "--file-system", path)
    answer = run("fstrim", "--verbose", path, timeout=None, allowed=(0, 1, 32, 64))
    return "trimmed" in answer


def stop_units(store: bool) -> None:
    """Stop and disable our units; those of the store, and with them its mount, only if asked."""
    names = [os.path.basename(path) for path in _units() if os.path.isfile(path)]
    wanted = [one for one in names if (one.startswith(_STORE)) == store]
    # A job that runs is stopped too. Templates have nothing to stop.
    wanted = [one for one in wanted if "@" not in one]
    if wanted:
        run("systemctl", "disable", "--now", *wanted, timeout=None)
    if store:
        run("systemctl", "stop", "srv-backup.mount", allowed=(0, 5))
    elif os.path.exists("/etc/nginx/nginx.conf") and os.path.isdir(f"{_ETC}/repository-server"):
        run("systemctl", "disable", "--now", "nginx.service", allowed=(0, 1, 5))


def _units() -> list[str]:
    found = sorted(glob.glob(os.path.join(UNITS, "ccpp-backup*")))
    return [path for path in found if not os.path.basename(path).startswith(_KEPT)]


def own_paths() -> list[str]:
    """What is ours on this machine and goes with the commune."""
    listed = [os.path.join(_ETC, name) for name in sorted(_names(_ETC)) if name not in _ETC_KEPT]
    return [*listed, *(path for tree in _TREES for path in sorted(glob.glob(tree))), *_units()]


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def forget(state: str | None) -> None:
    """Take everything of ours off the machine but its protection, and what `state` keeps of departures."""
    for path in own_paths():
        if path.startswith(f"{_ETC}/"):
            shred(_files_in(path))
        if state is not None and path == state:
            for name in _names(state):
                if name != "departures":
                    remove(os.path.join(state, name))
        else:
            remove(path)
    # Where there are tunnels, what they run on is still in these.
    for folder in (_ETC, _LIBRARY):
        if os.path.isdir(folder) and not _names(folder):
            os.rmdir(folder)
    run("systemctl", "daemon-reload")


def _files_in(path: str) -> list[str]:
    if os.path.isfile(path):
        return [path]
    return [os.path.join(current, name) for current, _folders, names in os.walk(path) for name in names]

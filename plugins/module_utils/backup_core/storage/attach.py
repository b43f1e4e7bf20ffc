# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has systemd mount the store, so that what looks after the disks needs no right to mount anything itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import BackupError
from .commands import run

UNITS = "/run/systemd/system"
# The What= of the mount unit. Were it a path in /dev, the mount would depend on that one disk: systemd would
# wait for it, and take the mirror away with it.
DISK = "/run/ccpp-backup-store/disk"
SERVICE = "ccpp-backup-store.service"


def unit_text(mount_point: str, options: Sequence[str]) -> str:
    """The mount unit. Pure."""
    return f"""\
[Unit]
Description=The store on this server's own disks: its mount
DefaultDependencies=no
PartOf={SERVICE}
Conflicts=umount.target
Before=umount.target
StartLimitIntervalSec=0

[Mount]
What={DISK}
Where={mount_point}
Type=btrfs
Options={",".join(options)}
TimeoutSec=120
"""


def attach(device: str, mount_point: str, options: Sequence[str]) -> None:
    """Mount the device there, for every process of the machine. BackupError when it does not work."""
    name = run("systemd-escape", "--path", "--suffix=mount", mount_point).strip()
    unit = Path(UNITS, name)
    text = unit_text(mount_point, options)
    os.makedirs(os.path.dirname(DISK), mode=0o755, exist_ok=True)
    link = f"{DISK}.new"
    Path(link).unlink(missing_ok=True)
    os.symlink(device, link)
    os.replace(link, DISK)
    if not unit.exists() or unit.read_text(encoding="utf-8") != text:
        unit.write_text(text, encoding="utf-8")
        run("systemctl", "daemon-reload")
    try:
        run("systemctl", "start", name, timeout=150)
    except BackupError:
        run("systemctl", "reset-failed", name, allowed=(0, 1))
        raise

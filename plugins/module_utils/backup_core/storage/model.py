# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of disks and of the store on them, and what is wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError, shown

MOUNT_POINT = "/srv/backup"
# noatime: verification reads every file. The agent, which is not root, deletes its undo snapshots itself.
# restic compresses: btrfs must not try again.
MOUNT_OPTIONS = ("noatime", "nodev", "nosuid", "noexec", "compress=no", "user_subvol_rm_allowed")
# Kernel names (/dev/sdb) change from one start to the next.
STABLE = re.compile(r"/dev/disk/by-(id|path|partuuid|partlabel)/[^/\0]+")

Kind = Literal["mirror", "single"]
PROFILES: dict[Kind, tuple[str, str]] = {"mirror": ("raid1", "raid1"), "single": ("single", "dup")}


@dataclass(frozen=True)
class Wanted:
    """The store as the commune's file wants it. Sizes here and below are bytes."""

    disks: tuple[str, ...]
    single: bool = False
    label: str = "ccpp-backup"
    mount_point: str = MOUNT_POINT

    @property
    def kind(self) -> Kind:
        return "single" if self.single else "mirror"


@dataclass(frozen=True)
class Disk:
    """One disk that is wanted, as this machine sees it. path is None where there is no such disk."""

    name: str
    path: str | None
    size: int = 0
    kind: str = "disk"
    signatures: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    uuid: str | None = None
    label: str | None = None
    read_only: bool = False
    virtual: str | None = None
    """Why SMART cannot know the disk, or None for a real one."""

    @property
    def present(self) -> bool:
        """Whether it is there and answers: a device that is gone under its users has no size left."""
        return self.path is not None and self.size > 0


@dataclass(frozen=True)
class Member:
    """One disk of the store, as btrfs sees it. path is None where it is missing."""

    devid: int
    path: str | None
    size: int
    allocated: int = 0
    device_size: int | None = None
    """Size of the device itself; 0 when it is gone, None when nobody looked."""

    @property
    def present(self) -> bool:
        return self.path is not None and self.device_size != 0


@dataclass(frozen=True)
class Store:
    """The file system that is mounted as the store."""

    uuid: str
    label: str
    members: tuple[Member, ...]
    profiles: dict[str, dict[str, int]]
    """Data, Metadata, System: profile in small letters to the bytes allocated with it."""
    quota: str | None = None
    """squota, qgroup, or None when quotas are off."""
    activity: str = "none"
    """What occupies the file system as a whole: none, balance, device replace..."""

    @property
    def allocated_data(self) -> int:
        return sum(self.profiles.get("Data", {}).values())

    def stray(self, kind: Kind) -> int:
        """Bytes of chunks that are not as they should be: single ones in a mirror, written while degraded."""
        data, metadata = PROFILES[kind]
        right = {"Data": data, "Metadata": metadata, "System": metadata}
        return sum(
            size
            for block, by_profile in self.profiles.items()
            for profile, size in by_profile.items()
            if block in right and profile != right[block]
        )


def validate(wanted: Wanted, where: str = "") -> None:
    """Raise InputError where the disks asked for cannot be meant; `where` precedes the field."""
    for name in wanted.disks:
        if not STABLE.fullmatch(name):
            raise InputError(
                f"{where}disks: {shown(name)} is not a stable name (write the path in /dev/disk/by-id)"
            )
    repeated = [name for name in wanted.disks if wanted.disks.count(name) > 1]
    if repeated:
        raise InputError(f"{where}disks: {shown(repeated[0])} is there twice")
    if wanted.single and len(wanted.disks) != 1:
        many = "several disks" if wanted.disks else "no disks"
        raise InputError(f"{where}single_disk: true and {many}: take single_disk out, or name one disk alone")
    if not wanted.single and len(wanted.disks) == 1:
        raise InputError(
            f"{where}disks: one disk alone is no mirror (add a second one, or write single_disk: true)"
        )

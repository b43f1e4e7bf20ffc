# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at this machine's disks and at the store on them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from ..errors import BackupError
from . import parse
from .commands import run
from .model import Disk, Member, Store, Wanted
from .plan import Found

SYSFS = Path("/sys/fs/btrfs")
MEND_UNIT = "ccpp-backup-store-mend.service"
_OCTAL = re.compile(r"\\([0-7]{3})")


def disk(name: str) -> Disk:
    """What lies behind the name of a disk. Needs root, and changes nothing."""
    path = os.path.realpath(name)
    if not os.path.exists(path):
        return Disk(name, None)
    if not device_size(path):
        # Gone under its users: it answers no question.
        return Disk(name, path)
    device = parse.block_device(
        run(
            *("lsblk", "--json", "--bytes"),
            *("--output", "PATH,TYPE,SIZE,TRAN,VENDOR,MODEL,RO,MOUNTPOINTS", path),
        )
    )
    found = parse.signatures(run("wipefs", "--no-act", "--json", path))
    btrfs = next((one for one in found if one.get("type") == "btrfs"), {})
    return Disk(
        name,
        path,
        size=int(device.get("size") or 0),
        kind=str(device.get("type")),
        signatures=tuple(dict.fromkeys(_spelled(one) for one in found)),
        used_by=parse.used_by(device),
        uuid=btrfs.get("uuid"),
        label=btrfs.get("label"),
        read_only=bool(device.get("ro")),
        virtual=parse.virtual(device),
    )


def _spelled(signature: dict[str, str]) -> str:
    label = signature.get("label")
    return f"{signature.get('type')} '{label}'" if label else str(signature.get("type"))


def mounted(mount_point: str) -> tuple[str, str] | None:
    """Type and source of what is mounted there, or None."""
    found = None
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _unused, after = line.partition(" - ")
        where = _OCTAL.sub(lambda code: chr(int(code[1], 8)), before.split()[4])
        if where == mount_point:
            kind, source = after.split()[:2]
            found = (kind, source)
    return found


def store(mount_point: str) -> Store | None:
    """The store that is mounted, or None. BackupError where something else is."""
    there = mounted(mount_point)
    if there is None:
        return None
    if there[0] != "btrfs":
        raise BackupError(
            f"{mount_point}: a file system of type {there[0]} is mounted there, not the store's btrfs"
        )
    label, uuid, members = parse.members(run("btrfs", "filesystem", "show", "--raw", mount_point))
    if any(member.path is None for member in members):
        sizes = parse.device_sizes(run("btrfs", "device", "usage", "--raw", mount_point))
        members = [replace(member, size=sizes.get(member.devid, member.size)) for member in members]
    return Store(
        uuid=uuid,
        label=label,
        members=tuple(_looked_at(member) for member in members),
        profiles=parse.profiles(run("btrfs", "--format", "json", "filesystem", "df", "--raw", mount_point)),
        quota=_quota(uuid),
        activity=_attribute(uuid, "exclusive_operation") or "none",
    )


def _looked_at(member: Member) -> Member:
    if member.path is None:
        return member
    path = os.path.realpath(member.path)
    return replace(member, path=path, device_size=device_size(path))


def device_size(path: str) -> int:
    """Bytes of a block device as the kernel has them; 0 when it is gone."""
    try:
        blocks = (Path("/sys/class/block") / os.path.basename(path) / "size").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(blocks) * 512


def _attribute(uuid: str, name: str) -> str | None:
    try:
        return (SYSFS / uuid / name).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _quota(uuid: str) -> str | None:
    if _attribute(uuid, "qgroups/enabled") != "1":
        return None
    return _attribute(uuid, "qgroups/mode") or "qgroup"


def kept(mount_point: str) -> str | None:
    """A name that lies in the folder, which a mount would hide."""
    try:
        return next(iter(sorted(os.listdir(mount_point))), None)
    except FileNotFoundError:
        return None


def busy(found: Store | None, count_mending: bool = True) -> str | None:
    """What already works on the store as a whole, if anything."""
    if found is not None and found.activity != "none":
        return found.activity
    return "mending" if count_mending and mending() else None


def mending() -> bool:
    """Whether the service that does the long steps is at work."""
    return _state_of(MEND_UNIT) == "activating"


def _state_of(unit: str) -> str:
    try:
        return run("systemctl", "show", "--property=ActiveState", "--value", unit).strip()
    except BackupError:
        return ""


def mend_failed() -> bool:
    return _state_of(MEND_UNIT) == "failed"


def look(wanted: Wanted, known: str | None, count_mending: bool = True) -> Found:
    """All that a plan needs to know. The service that mends does not count itself as busy."""
    found = store(wanted.mount_point)
    return Found(
        disks=tuple(disk(name) for name in wanted.disks),
        store=found,
        known=known,
        kept=kept(wanted.mount_point) if found is None else None,
        busy=busy(found, count_mending),
        kernel=parse.kernel(os.uname().release),
    )

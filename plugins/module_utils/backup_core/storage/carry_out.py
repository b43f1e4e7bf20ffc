# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries steps out: the commands of each, and the mount."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

from ..errors import BackupError
from . import probe
from .attach import attach
from .commands import run
from .model import MOUNT_OPTIONS, PROFILES, Wanted
from .plan import (
    Add,
    Convert,
    DropMissing,
    EnableQuotas,
    Grow,
    Long,
    Make,
    Mount,
    Quick,
    Replace,
    Spread,
    Wipe,
)

# A disk that spins up late must not leave the mirror degraded: what is written then is missing on it.
PATIENCE = 60.0
POLL = 3.0
# ioctl numbers of <linux/fs.h>, and the attribute that chattr calls i.
GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10

Command = tuple[str, ...]


def commands(step: Quick | Long, mount_point: str) -> list[Command]:
    """The commands of a step. Pure; Mount has none, because it depends on what answers."""
    if isinstance(step, Wipe):
        return [("wipefs", "--all", "--quiet", _path(step.disk.path))]
    if isinstance(step, Make):
        data, metadata = PROFILES[step.wanted.kind]
        devices = [_path(disk.path) for disk in step.disks]
        options = ("--quiet", "--label", step.wanted.label, "--data", data, "--metadata", metadata)
        return [("mkfs.btrfs", *options, *devices)]
    if isinstance(step, EnableQuotas):
        return [("btrfs", "quota", "enable", "--simple", mount_point)]
    if isinstance(step, Grow):
        return [("btrfs", "filesystem", "resize", f"{step.member.devid}:max", mount_point)]
    if isinstance(step, Replace):
        # -r: a disk that is being replaced is read only where no other has the same.
        devices = [str(step.member.devid), _path(step.disk.path)]
        return [("btrfs", "replace", "start", "-B", "-r", *devices, mount_point)]
    if isinstance(step, Add):
        return [("btrfs", "device", "add", _path(step.disk.path), mount_point)]
    if isinstance(step, DropMissing):
        return [("btrfs", "device", "remove", "missing", mount_point)]
    if isinstance(step, Convert):
        data, metadata = PROFILES[step.wanted.kind]
        filters = [f"-dconvert={data},soft", f"-mconvert={metadata},soft"]
        return [("btrfs", "balance", "start", *filters, mount_point)]
    if isinstance(step, Spread):
        return [("btrfs", "balance", "start", "--full-balance", mount_point)]
    return []


def _path(path: str | None) -> str:
    if path is None:
        raise BackupError("a disk that is not there was planned with")
    return path


def carry_out(step: Quick | Long, wanted: Wanted, uuid: str | None) -> None:
    """Do one step. Long ones return when they are done, which takes hours on real disks."""
    if isinstance(step, Mount):
        mount(wanted, uuid, PATIENCE)
        return
    for command in commands(step, wanted.mount_point):
        run(*command, timeout=None)


def mount(wanted: Wanted, uuid: str | None, patience: float) -> bool:
    """Mount the store; whether it is degraded.

    With all its disks, as long as they come within `patience` seconds; then with those that are there. That
    is why the store is not in fstab: there, systemd waits for every disk of a btrfs and gives up, degraded or
    not; and a mount that may always be degraded would leave a late disk behind at every start.
    """
    if probe.mounted(wanted.mount_point) is not None:
        return False
    deadline = time.monotonic() + patience
    while True:
        devices = _devices(wanted, uuid)
        missing = len(devices) < max(1, len(wanted.disks))
        last_try = time.monotonic() >= deadline
        if devices and not missing and _try_mount(devices, wanted, degraded=False):
            return False
        if last_try:
            break
        time.sleep(POLL)
    if not devices:
        raise BackupError(
            f"{wanted.mount_point}: none of the store's disks is there ({', '.join(wanted.disks)})"
        )
    if _try_mount(devices, wanted, degraded=False):
        return False
    if not _try_mount(devices, wanted, degraded=True):
        raise BackupError(f"{wanted.mount_point}: the store cannot be mounted, not even degraded (see dmesg)")
    return True


def _devices(wanted: Wanted, uuid: str | None) -> list[str]:
    """The disks that are there and belong to the store, made known to the kernel."""
    disks = [probe.disk(name) for name in wanted.disks]
    if uuid is None:
        uuid = next((disk.uuid for disk in disks if disk.uuid and disk.label == wanted.label), None)
    devices = [
        disk.path for disk in disks if disk.path is not None and uuid is not None and disk.uuid == uuid
    ]
    if devices:
        run("btrfs", "device", "scan", *devices)
    return devices


def _try_mount(devices: Sequence[str], wanted: Wanted, degraded: bool) -> bool:
    os.makedirs(wanted.mount_point, mode=0o755, exist_ok=True)
    options = [*MOUNT_OPTIONS, *(["degraded"] if degraded else [])]
    try:
        _forbid_writing(wanted.mount_point)
        attach(devices[0], wanted.mount_point, options)
    except BackupError:
        return False
    return True


def _forbid_writing(folder: str) -> None:
    """While the store is away, nothing must be written where it belongs: it would be lost to view."""
    import fcntl

    # Not every file system knows the attribute; it is a precaution.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            before = int.from_bytes(fcntl.ioctl(descriptor, GET_FLAGS, bytes(8)), "little")
            fcntl.ioctl(descriptor, SET_FLAGS, (before | IMMUTABLE).to_bytes(8, "little"))
        finally:
            os.close(descriptor)

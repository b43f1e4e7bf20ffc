# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lsblk, wipefs and btrfs say, as values. Pure; BackupError where the output is something else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import BackupError, shown
from .model import Member

ERRORS = ("write_io_errs", "read_io_errs", "flush_io_errs", "corruption_errs", "generation_errs")
_DEVICE = re.compile(r"\s*devid\s+(\d+) size (\d+) used (\d+) path (.*)")
_VIRTUAL_MODEL = re.compile(r"qemu|vmware|vbox|virtual|msft|virtio", re.I)
_VIRTUAL_NAME = re.compile(r"/dev/(vd|xvd|loop|nbd|zram|ram|dm-|md)")


def document(text: str, what: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        raise BackupError(f"{what}: not JSON: {shown(text[:60])}") from None
    if not isinstance(value, dict):
        raise BackupError(f"{what}: not an object")
    return value


def block_device(text: str) -> dict[str, Any]:
    """The one device that lsblk --json was asked about."""
    devices = document(text, "lsblk").get("blockdevices") or []
    if len(devices) != 1:
        raise BackupError(f"lsblk: {len(devices)} devices instead of one")
    return dict(devices[0])


def used_by(device: Mapping[str, Any]) -> tuple[str, ...]:
    """What a device is in use by: its mounts, and whatever was made of it or of its partitions."""
    mounts = [one for one in device.get("mountpoints") or [] if one]
    children = device.get("children") or []
    inside = [use for child in children for use in (used_by(child) or (str(child.get("path")),))]
    return tuple(dict.fromkeys([*mounts, *inside]))


def virtual(device: Mapping[str, Any]) -> str | None:
    """Why the device has no SMART data of its own, or None for a real disk."""
    if device.get("type") == "part":
        return "a partition; SMART is that of its disk"
    if device.get("type") != "disk" or _VIRTUAL_NAME.match(str(device.get("path"))):
        return f"a virtual disk ({device.get('type')})"
    named = f"{device.get('vendor') or ''} {device.get('model') or ''}".strip()
    return f"a virtual disk ({named})" if _VIRTUAL_MODEL.search(named) else None


def signatures(text: str) -> list[dict[str, str]]:
    """What wipefs --no-act --json found: type, uuid, label of each signature."""
    if not text.strip():
        return []
    found = document(text, "wipefs").get("signatures") or []
    return [{key: str(value) for key, value in one.items() if value} for one in found]


def members(text: str) -> tuple[str, str, list[Member]]:
    """Label, UUID and disks of one file system, from btrfs filesystem show --raw."""
    head = re.search(r"Label: (?:'(.*)'|none)\s+uuid: (\S+)", text)
    if head is None:
        raise BackupError(f"btrfs filesystem show: {shown(text.strip()[:60])} is no file system")
    found = []
    for line in text.splitlines():
        match = _DEVICE.fullmatch(line)
        if match is not None:
            devid, size, used, path = int(match[1]), int(match[2]), int(match[3]), match[4]
            # A disk that is away is named in words, and followed by MISSING.
            is_there = path.startswith("/") and not path.endswith("MISSING")
            found.append(Member(devid, path.strip() if is_there else None, size, used))
    return head[1] or "", head[2], found


def device_sizes(text: str) -> dict[int, int]:
    """Bytes by devid, from btrfs device usage --raw, which alone tells the size of missing disks too."""
    sizes: dict[int, int] = {}
    devid = None
    for line in text.splitlines():
        head = re.fullmatch(r"\S.*, ID: (\d+)", line)
        entry = re.fullmatch(r"\s+(.+):\s+(\d+)", line)
        if head is not None:
            devid = int(head[1])
            sizes[devid] = 0
        elif entry is not None and devid is not None and not entry[1].startswith("Device "):
            sizes[devid] += int(entry[2])
    return sizes


def profiles(text: str) -> dict[str, dict[str, int]]:
    """Allocated bytes by kind of chunk and profile, from btrfs --format json filesystem df --raw."""
    found: dict[str, dict[str, int]] = {}
    for entry in document(text, "btrfs filesystem df").get("filesystem-df") or []:
        kind, profile = str(entry["bg-type"]), str(entry["bg-profile"]).lower()
        if kind != "GlobalReserve" and int(entry["total"]) > 0:
            found.setdefault(kind, {})[profile] = int(entry["total"])
    return found


def error_counts(text: str) -> dict[int, dict[str, int]]:
    """Errors by devid, those that are not zero, from btrfs --format json device stats."""
    counts: dict[int, dict[str, int]] = {}
    for entry in document(text, "btrfs device stats").get("device-stats") or []:
        counts[int(entry["devid"])] = {
            name.removesuffix("_errs").removesuffix("_io"): int(entry[name])
            for name in ERRORS
            if int(entry.get(name) or 0)
        }
    return counts


def quota_groups(text: str) -> list[dict[str, Any]]:
    """Quota groups with id, path of their subvolume, used, limit (None: none) and parents."""
    entries = document(text, "btrfs qgroup show").get("qgroup-show") or []
    paths = {str(entry["qgroupid"]): str(entry.get("path") or "") for entry in entries}
    return [
        {
            "id": str(entry["qgroupid"]),
            "path": _path_of(str(entry["qgroupid"]), paths),
            "used": int(entry["referenced"]),
            "limit": None if entry.get("max_referenced") == "none" else int(entry["max_referenced"]),
            "parents": [_text_of(parent) for parent in entry.get("parents") or []],
        }
        for entry in entries
    ]


def _path_of(group: str, paths: Mapping[str, str]) -> str:
    """A group of a higher level is numbered after the subvolume that it is about."""
    return paths.get(f"0/{group.partition('/')[2]}", "")


def _text_of(parent: object) -> str:
    return str(parent.get("qgroupid")) if isinstance(parent, dict) else str(parent)


def scrub_counts(text: str) -> dict[str, int]:
    """The numbers of btrfs scrub status -R."""
    pairs = re.findall(r"^\s*(\w+):\s+(\d+)\s*$", text, re.M)
    return {name: int(value) for name, value in pairs}


def kernel(release: str) -> tuple[int, int]:
    """Major and minor number of a kernel release such as 6.12.43+deb13-amd64."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read-only snapshots of a repository's btrfs subvolume: the way back from a removal that was wrong."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import datetime, timedelta

from . import hold
from .errors import BackupError, one_line
from .files import make_folder
from .times import utc_text
from .workplace import Workplace

KEPT = timedelta(days=7)
TIMEOUT = 300.0
# The inode that the root of every btrfs subvolume has.
SUBVOLUME_INODE = 256
_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)Z")


def folder_of(place: Workplace) -> str:
    base = os.path.dirname(os.path.dirname(place.location))
    return os.path.join(base, "undo", f"{place.source.commune}.{place.source.name}")


def is_subvolume(location: str) -> bool:
    """Whether the repository is a btrfs subvolume of its own, so that it can be kept as it is."""
    if os.stat(location).st_ino != SUBVOLUME_INODE:
        return False
    answer = subprocess.run(
        ["stat", "--file-system", "--format=%T", location], capture_output=True, timeout=20, check=False
    )
    return answer.stdout.strip() == b"btrfs"


def keep(place: Workplace) -> str | None:
    """Take an undo snapshot; returns its path, or None where the disk knows no such thing."""
    if not is_subvolume(place.location):
        return None
    folder = folder_of(place)
    make_folder(folder)
    stamp = utc_text(place.clock.now().replace(microsecond=0)).replace(":", "-")
    target = os.path.join(folder, stamp)
    if os.path.exists(target):
        return target
    _btrfs("subvolume", "snapshot", "-r", place.location, target)
    return target


def expire(place: Workplace) -> list[str]:
    """Delete undo snapshots whose time is over: until then they keep the space of what was removed.

    Under a hold none goes: what an incident removed last week may be what its investigation needs.
    """
    if hold.reasons(place):
        return []
    limit = place.clock.now() - KEPT
    try:
        names = sorted(os.listdir(folder_of(place)))
    except FileNotFoundError:
        return []
    gone = []
    for name in names:
        taken = _instant(name)
        if taken is not None and taken < limit:
            path = os.path.join(folder_of(place), name)
            # Whoever is not root may delete a subvolume of its own (mount option user_subvol_rm_allowed), but
            # not while it is read-only.
            _btrfs("property", "set", path, "ro", "false")
            _btrfs("subvolume", "delete", path)
            gone.append(path)
    return gone


def _instant(name: str) -> datetime | None:
    match = _STAMP.fullmatch(name)
    if match is None:
        return None
    day, time = name[:10], name[11:-1].replace("-", ":")
    return datetime.fromisoformat(f"{day}T{time}+00:00")


def _btrfs(*arguments: str) -> None:
    try:
        answer = subprocess.run(["btrfs", *arguments], capture_output=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(f"btrfs {' '.join(arguments[:2])}: {error}") from None
    if answer.returncode != 0:
        reason = one_line(answer.stderr.decode("utf-8", "replace"), 200)
        raise BackupError(f"btrfs {' '.join(arguments[:2])}: {reason}")

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in the store: a subvolume for each repository, and quotas for what belongs together.

A place is the subvolume of a commune (at REMOTE) or of all the repositories (at LOCAL), with a quota group
numbered after it, so that what is made below it counts too. Its parts are the repositories, each with a limit
of its own or none. On a plain folder there are no quotas, and nothing to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BackupError, InputError, RefusedError
from . import parse, probe, settings
from .commands import run
from .model import MOUNT_POINT
from .sizes import human

# The inode that the root of every btrfs subvolume has.
SUBVOLUME_INODE = 256


@dataclass(frozen=True)
class Part:
    path: str
    limit: int | None = None


@dataclass(frozen=True)
class Place:
    path: str
    limit: int | None = None
    parts: tuple[Part, ...] = ()


def ensure(places: Sequence[Place], dedicated: bool | None = None, check: bool = False) -> list[str]:
    """Make the places; what was done, or with `check` would be done, one sentence each.

    `dedicated` says whether this machine has a store on disks of its own; None asks the settings on it.
    """
    for place in places:
        _validate(place)
    known = settings.load()
    mount_point = known.wanted.mount_point if known is not None else MOUNT_POINT
    if dedicated is None:
        dedicated = known is not None and bool(known.wanted.disks)
    there = probe.mounted(mount_point)
    if not dedicated:
        return []
    if there is None or there[0] != "btrfs":
        if check:
            return [sentence for place in places for sentence in _all_of(place)]
        raise BackupError(f"{mount_point}: the store is not mounted (systemctl start ccpp-backup-store)")
    done: list[str] = []
    for place in places:
        done += _ensure(place, mount_point, check)
    return done


def _validate(place: Place) -> None:
    for path in (place.path, *(part.path for part in place.parts)):
        if not os.path.isabs(path) or os.path.normpath(path) != path:
            raise InputError(f"places: {path!r} is not an absolute path in its shortest form")
    for part in place.parts:
        if os.path.dirname(part.path) != place.path:
            raise InputError(f"places: {part.path} does not lie directly in {place.path}")


def _all_of(place: Place) -> Iterator[str]:
    yield f"make the subvolume {place.path}"
    if place.limit is not None:
        yield f"limit {place.path} to {human(place.limit)}"
    for part in place.parts:
        yield f"make the subvolume {part.path}"
        if part.limit is not None:
            yield f"limit {part.path} to {human(part.limit)}"


def _ensure(place: Place, mount_point: str, check: bool) -> list[str]:
    missing = [path for path in (place.path, *(p.path for p in place.parts)) if not _is_subvolume(path)]
    done = []
    for path in missing:
        done.append(f"make the subvolume {path}")
        if not check:
            _make_subvolume(path)
    listing = run("btrfs", "--format", "json", "qgroup", "show", "-pc", "--raw", mount_point)
    groups = {str(group["id"]): group for group in parse.quota_groups(listing)}
    if place.path in missing and check:
        return list(_all_of(place))
    number = _number(place.path)
    for group, path, limit in _limits(place, number, missing if check else ()):
        if groups.get(group, {}).get("limit") != limit:
            done.append(f"limit {path} to {human(limit)}" if limit else f"lift the limit of {path}")
    commands = list(_commands(place, number, groups, mount_point, missing if check else ()))
    if not check:
        for command in commands:
            run(*command)
    if commands and not done:
        done.append(f"count {place.path} and what is in it together")
    return done


def _limits(place: Place, number: int, skipped: Sequence[str]) -> Iterator[tuple[str, str, int | None]]:
    """Quota groups with the path that they are about, and the limit wanted."""
    yield f"1/{number}", place.path, place.limit
    for part in place.parts:
        if part.path not in skipped:
            yield f"0/{_number(part.path)}", part.path, part.limit


def _commands(
    place: Place, number: int, groups: dict[str, dict[str, Any]], mount_point: str, skipped: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    whole = f"1/{number}"
    if whole not in groups:
        yield ("btrfs", "qgroup", "create", whole, mount_point)
    for path in (place.path, *(part.path for part in place.parts)):
        if path in skipped:
            continue
        own = f"0/{_number(path)}"
        if whole not in groups.get(own, {}).get("parents", ()):
            yield ("btrfs", "qgroup", "assign", "--no-rescan", own, whole, mount_point)
    for group, _unused, limit in _limits(place, number, skipped):
        if groups.get(group, {}).get("limit") != limit:
            yield ("btrfs", "qgroup", "limit", "none" if limit is None else str(limit), group, mount_point)


def _is_subvolume(path: str) -> bool:
    try:
        return os.lstat(path).st_ino == SUBVOLUME_INODE
    except FileNotFoundError:
        return False


def _make_subvolume(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        raise RefusedError(
            f"{path}: is a plain folder with something in it: move it aside, run again, move its content back"
        ) from None
    run("btrfs", "subvolume", "create", path)


def _number(path: str) -> int:
    return int(run("btrfs", "inspect-internal", "rootid", path))

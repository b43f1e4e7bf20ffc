# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep: what does not belong into a repository is moved out of it, never deleted.

With the HTTP password alone, a client of rest-server can post eight bytes into snapshots/ or locks/, and
every restic command panics from then on, restore included. So the server looks at every object it has not
seen: one too short for the format, one that is not what its name says, one that the server's own key does
not authenticate, a key that nobody registered, a lock that no honest client makes. Single objects are read
with `restic cat --no-lock` and the server's own key named, which works while everything else panics.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import restic
from .commands import is_snapshot_id
from .errors import BackupError, InputError, one_line
from .files import make_folder, write_durably
from .ledger import Ledger
from .times import parse_instant
from .verify import hash_of
from .workplace import Workplace, registered_keys

ACT = "quarantined"
RETURNED_ACT = "returned"
# 16 bytes of nonce, 16 of MAC, and content: anything shorter is no object of restic's.
SMALLEST = 33
# The module that adds a key writes it into the ledger a few seconds later.
KEY_GRACE = 30.0
LOCK_AHEAD = timedelta(minutes=15)
LOCK_REFRESHED = 1800.0
CAT_TIMEOUT = 120.0


@dataclass(frozen=True)
class Foreign:
    """An object that does not belong where it lies."""

    kind: str
    name: str
    why: str


def folder_of(place: Workplace) -> str:
    """Beside the repositories, on their disk, and out of rest-server's reach."""
    base = os.path.dirname(os.path.dirname(place.location))
    return os.path.join(base, "quarantine", f"{place.source.commune}.{place.source.name}")


def sweep(place: Workplace) -> list[dict[str, object]]:
    """Move out what does not belong into keys/, locks/ and index/, and what is no snapshot at all.

    The caller holds the source's lock. Returns the fields of the entries written into the ledger.
    """
    ledger = place.ledger()
    moved = _record_forgotten(place, ledger)
    returned = {entry.fields.get("name") for entry in ledger.entries if entry.act == RETURNED_ACT}
    suspects = [*foreign_keys(place.location, ledger), *malformed(place.location, ledger)]
    moved += set_aside(place, [one for one in suspects if one.name not in returned])
    seen = Authentic(place)
    unknown = [
        (kind, name)
        for kind in ("lock", "index")
        for name in _names(place.location, kind)
        if name not in seen.ids and name not in returned
    ]
    if unknown:
        foreign, authentic = _authenticate(place, ledger, unknown)
        moved += set_aside(place, foreign)
        seen.ids.update(authentic)
    seen.save()
    return moved


def foreign_keys(location: str, ledger: Ledger) -> list[Foreign]:
    """Keys that nobody registered. Without a single registered one the ledger cannot tell, and all stay."""
    registered = registered_keys(ledger)
    if not registered:
        return []
    found = []
    for name in _names(location, "key"):
        if name in registered:
            continue
        path = os.path.join(location, "keys", name)
        with contextlib.suppress(FileNotFoundError):
            if not _is_key(path):
                found.append(Foreign("key", name, "not a key"))
            elif time.time() - os.stat(path).st_mtime > KEY_GRACE:
                found.append(Foreign("key", name, "a key that nobody registered"))
    return found


def _is_key(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(64 * 1024))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"kdf", "salt", "data"} <= set(value)


def malformed(location: str, ledger: Ledger) -> Iterator[Foreign]:
    """Objects too short, or whose content is not what their name says, that no receipt vouches for.

    A snapshot with a receipt was sound once: if it no longer is, that is damage, for verify to report.
    """
    vouched = {receipt.snapshot for receipt in ledger.live()}
    for kind in ("lock", "index", "snapshot"):
        for name in _names(location, kind):
            if name in vouched:
                continue
            path = os.path.join(location, FOLDERS[kind], name)
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_size < SMALLEST:
                    yield Foreign(kind, name, "too short to be an object")
                elif kind != "index" and hash_of(path)[0] != name:
                    yield Foreign(kind, name, "content is not what its name says")


FOLDERS = {"key": "keys", "lock": "locks", "index": "index", "snapshot": "snapshots"}


def _names(location: str, kind: str) -> list[str]:
    try:
        listed = os.listdir(os.path.join(location, FOLDERS[kind]))
    except FileNotFoundError:
        return []
    # Other names are rest-server's files in the making, which restic passes over.
    return sorted(name for name in listed if is_snapshot_id(name))


def _authenticate(
    place: Workplace, ledger: Ledger, unknown: Iterable[tuple[str, str]]
) -> tuple[list[Foreign], list[str]]:
    """Which of these objects are foreign, and which are authentic; those that cannot be told are neither."""
    repository = place.repository(ledger)

    def look(one: tuple[str, str]) -> tuple[str, str, restic.Result]:
        kind, name = one
        return kind, name, restic.run(repository.cat(kind, name), CAT_TIMEOUT)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        looked = list(pool.map(look, unknown))
    foreign: list[Foreign] = []
    authentic: list[str] = []
    for kind, name, result in looked:
        if result.code != restic.OK:
            foreign.append(Foreign(kind, name, f"not authentic: {result.stderr}"))
        elif kind == "index":
            authentic.append(name)
        else:
            # A lock is looked at again while it lies there: it may turn out to be one of the future.
            why = _lock_fault(place, name, result.stdout)
            if why is not None:
                foreign.append(Foreign(kind, name, why))
    return proven(place, ledger, foreign), authentic


def _lock_fault(place: Workplace, name: str, body: bytes) -> str | None:
    try:
        age = time.time() - os.stat(os.path.join(place.location, "locks", name)).st_mtime
    except FileNotFoundError:
        return None
    return dishonest_lock(body, place.clock.now(), socket.gethostname(), age)


def proven(place: Workplace, ledger: Ledger, suspects: list[Foreign]) -> list[Foreign]:
    """The suspects, if the fault is truly theirs: our key works, and each object is whole on disk.

    A wrong password or a failing disk must never empty a repository into quarantine.
    """
    if not suspects:
        return []
    config = restic.run(place.repository(ledger).cat_config(), CAT_TIMEOUT)
    if config.code != restic.OK:
        raise BackupError(
            f"objects cannot be authenticated, because the server's own key does not work: {config.stderr}"
        )
    found = []
    for one in suspects:
        path = os.path.join(place.location, FOLDERS[one.kind], one.name)
        try:
            whole = hash_of(path)[0] == one.name
        except OSError:
            continue
        if whole:
            found.append(one)
    return found


def dishonest_lock(body: bytes, now: datetime, own_host: str, age: float) -> str | None:
    """Why no honest client made this lock, or None. It would block retention for as long as it lies there.

    age: seconds since the file came. A client whose clock is wrong makes locks of the future too, but
    replaces them every five minutes.
    """
    try:
        lock: Mapping[str, Any] = json.loads(body)
        made = parse_instant(lock["time"], "time")
    except (ValueError, KeyError, TypeError, RecursionError, InputError):
        return "a lock that says nothing"
    if made > now + LOCK_AHEAD and age > LOCK_REFRESHED:
        return f"a lock dated in the future ({lock['time']})"
    if lock.get("exclusive") and lock.get("hostname") != own_host:
        return f"an exclusive lock of {one_line(str(lock.get('hostname')), 60)}, which may only add"
    return None


def set_aside(place: Workplace, foreign: Iterable[Foreign]) -> list[dict[str, object]]:
    """Move the objects out and put that into the ledger."""
    moved = []
    for one in foreign:
        source = os.path.join(place.location, FOLDERS[one.kind], one.name)
        try:
            digest, size = hash_of(source)
            target = _move(source, folder_of(place), f"{one.kind}-{one.name}")
        except FileNotFoundError:
            continue
        moved.append(
            {
                "object": one.kind,
                "name": one.name,
                "size": size,
                "sha256": digest,
                "kept": os.path.basename(target),
                "reason": one.why,
            }
        )
    _record(place, moved)
    return moved


def _record(place: Workplace, moved: Iterable[dict[str, object]]) -> None:
    drafts = [
        place.draft(ACT, {k: v for k, v in one.items() if k != "reason"}, str(one["reason"])) for one in moved
    ]
    if drafts:
        place.append(drafts)


def _move(source: str, folder: str, name: str) -> str:
    make_folder(folder)
    target = os.path.join(folder, name)
    number = 1
    while os.path.lexists(target):
        number += 1
        target = os.path.join(folder, f"{name}-{number}")
    try:
        os.rename(source, target)
    except OSError:
        # A repository that is a subvolume of its own is another file system to rename.
        with open(source, "rb") as file:
            body = file.read()
        write_durably(target, body)
        os.unlink(source)
    return target


def _record_forgotten(place: Workplace, ledger: Ledger) -> list[dict[str, object]]:
    """Objects that an interrupted sweep moved and did not live to record."""
    try:
        kept = os.listdir(folder_of(place))
    except FileNotFoundError:
        return []
    known = {entry.fields.get("kept") for entry in ledger.entries if entry.act == ACT}
    forgotten: list[dict[str, object]] = []
    for name in sorted(set(kept) - known):
        kind, _unused, rest = name.partition("-")
        if kind not in FOLDERS or name.endswith(".new"):
            continue
        digest, size = hash_of(os.path.join(folder_of(place), name))
        fields = {"object": kind, "name": rest[:64], "size": size, "sha256": digest, "kept": name}
        forgotten.append({**fields, "reason": "moved by a sweep that was interrupted"})
    _record(place, forgotten)
    return forgotten


def put_back(place: Workplace, kept: str, who: str) -> str:
    """Move an object back into the repository, because a person says that it is honest."""
    source = os.path.join(folder_of(place), kept)
    kind, _unused, rest = kept.partition("-")
    name = rest[:64]
    if (
        os.path.basename(kept) != kept
        or kind not in FOLDERS
        or not is_snapshot_id(name)
        or not os.path.isfile(source)
    ):
        raise InputError(f"{kept}: no such object in quarantine (see ccpp-backup quarantine list)")
    target = os.path.join(place.location, FOLDERS[kind], name)
    if os.path.lexists(target):
        raise InputError(f"{target}: is there already")
    shutil.copyfile(source, target + ".back")
    os.replace(target + ".back", target)
    os.unlink(source)
    place.append([place.draft(RETURNED_ACT, {"object": kind, "name": name, "kept": kept, "by": who})])
    return target


class Authentic:
    """Objects of index/ already authenticated: a name is a hash, so once is enough."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        name = f"{place.source.commune}.{place.source.name}.json"
        self._path = os.path.join(place.config.state_directory, "authentic", name)
        self._before = self._load()
        self.ids = set(self._before)

    def _load(self) -> set[str]:
        try:
            with open(self._path, "rb") as file:
                value = json.load(file)
        except (OSError, ValueError, RecursionError):
            # Only saves time: everything is looked at again.
            return set()
        return {one for one in value if is_snapshot_id(one)} if isinstance(value, list) else set()

    def save(self) -> None:
        self.ids &= set(_names(self._place.location, "index"))
        if self.ids != self._before:
            make_folder(os.path.dirname(self._path))
            write_durably(self._path, json.dumps(sorted(self.ids)).encode())

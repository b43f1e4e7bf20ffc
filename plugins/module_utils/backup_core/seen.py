# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sweep remembers from one run to the next, so that it reads no object twice."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from .aside import Foreign, names, path_of
from .commands import is_snapshot_id
from .errors import InputError
from .files import make_folder, write_durably
from .times import parse_instant
from .workplace import Workplace

LOCK_AHEAD = timedelta(minutes=15)
LOCK_REFRESHED = 1800.0


def overdue(made: datetime | None, now: datetime, age: float) -> bool:
    """Whether a lock is one of the future: it would block retention for as long as it lies there.

    age: seconds since the file came. A client whose clock is wrong makes such locks too, but replaces them
    every five minutes.
    """
    return made is not None and made > now + LOCK_AHEAD and age > LOCK_REFRESHED


class Seen:
    """Objects that were authenticated, by kind and name; of locks, also when they say that they were made.

    Names are hashes of contents, so once is enough.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        name = f"{place.source.commune}.{place.source.name}.json"
        self._path = os.path.join(place.config.state_directory, "authentic", name)
        self._before = self._load()
        self._ids = {kind: dict(known) for kind, known in self._before.items()}

    def _load(self) -> dict[str, dict[str, str | None]]:
        kinds: dict[str, dict[str, str | None]] = {"index": {}, "lock": {}, "snapshot": {}}
        try:
            with open(self._path, "rb") as file:
                value = json.load(file)
        except (OSError, ValueError, RecursionError):
            # Only saves time: everything is looked at again.
            return kinds
        for kind, known in kinds.items():
            one = value.get(kind) if isinstance(value, dict) else None
            for name, made in one.items() if isinstance(one, dict) else ():
                if is_snapshot_id(name) and (made is None or isinstance(made, str)):
                    known[name] = made
        return kinds

    def knows(self, kind: str, name: str) -> bool:
        return name in self._ids[kind]

    def remember(self, kind: str, name: str, made: datetime | None = None) -> None:
        self._ids[kind][name] = None if made is None else made.isoformat()

    def overdue_locks(self) -> Iterator[Foreign]:
        """The locks of the future among them: what is honest today may have stayed too long tomorrow."""
        now = self._place.clock.now()
        for name, made in list(self._ids["lock"].items()):
            with contextlib.suppress(InputError, FileNotFoundError):
                age = time.time() - os.stat(path_of(self._place, "lock", name)).st_mtime
                if made is not None and overdue(parse_instant(made, "made"), now, age):
                    yield Foreign("lock", name, "a lock dated in the future")

    def save(self) -> None:
        """Of what is still there. Without this file everything would be looked at again, no more."""
        for kind, known in self._ids.items():
            there = set(names(self._place.location, kind))
            self._ids[kind] = {name: made for name, made in known.items() if name in there}
        if self._ids != self._before:
            make_folder(os.path.dirname(self._path))
            write_durably(self._path, json.dumps(self._ids).encode())

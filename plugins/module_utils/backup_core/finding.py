# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of a file there are: for "the secretary deleted a file on Tuesday".

By the ledger's order and days; what the client claims only tells versions apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from . import restic
from .errors import InputError, shown
from .restore import Candidate, candidates
from .workplace import Workplace

TIMEOUT = 3600.0
LONGEST = 1000


@dataclass
class Version:
    """One state of a path: first and last day and snapshot in which it is so. gone: the day of the first
    snapshot after it in which the path is not there at all, if the next one is such."""

    path: str
    kind: str
    size: int
    modified: str
    first: date
    last: date
    snapshot: str
    gone: date | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "kind": self.kind,
            "bytes": self.size,
            "modified": self.modified,
            "first_day": str(self.first),
            "last_day": str(self.last),
            "snapshot": self.snapshot,
            "gone_day": None if self.gone is None else str(self.gone),
        }


def pattern(text: str) -> str:
    """What restic looks for: the text anywhere in a name, a pattern as it is, or a full path."""
    if not text or len(text) > LONGEST or "\0" in text:
        raise InputError(f"what to find: {shown(text)} is not usable (a name, a part of one, or a pattern)")
    return text if any(one in text for one in "*?[") or text.startswith("/") else f"*{text}*"


def find(place: Workplace, text: str) -> list[Version]:
    """The versions of every path that matches, by path and then the newest first."""
    wanted = pattern(text)
    known = candidates(place)
    if not known:
        return []
    ledger = place.ledger() if place.source.ledger is not None else None
    command = place.repository(ledger).find(wanted, [one.id for one in known])
    done = restic.checked(restic.run(command, TIMEOUT), f"{place.source.series}: searching")
    value = done.json() if done.stdout.strip() else []
    return versions(known, value if isinstance(value, list) else [])


def versions(known: Sequence[Candidate], found: Iterable[Mapping[str, Any]]) -> list[Version]:
    """Versions from what `restic find --json` printed of these snapshots, given oldest first."""
    matches: dict[str, dict[str, Mapping[str, Any]]] = {}
    for one in found:
        rows = one.get("matches")
        for match in rows if isinstance(rows, list) else []:
            path = match.get("path")
            if isinstance(path, str):
                matches.setdefault(path, {})[str(one.get("snapshot"))] = match
    return [version for path in sorted(matches) for version in _of_path(path, known, matches[path])]


def _of_path(path: str, known: Sequence[Candidate], seen: Mapping[str, Mapping[str, Any]]) -> list[Version]:
    found: list[Version] = []
    current: Version | None = None
    for one in known:
        match = seen.get(one.id)
        if match is None:
            if current is not None:
                current.gone, current = one.day, None
            continue
        size = match.get("size")
        state = (
            str(match.get("type") or "?"),
            size if isinstance(size, int) else 0,
            str(match.get("mtime") or "?")[:40],
        )
        if current is not None and (current.kind, current.size, current.modified) == state:
            current.last, current.snapshot = one.day, one.id
            continue
        current = Version(path, *state, one.day, one.day, one.id)
        found.append(current)
    return found[::-1]

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots as restic describes them, and the receipts made of them.

What a snapshot says was written by the client: sizes, times, names and paths are claims, never trusted
further than the rule that uses them.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import restic
from .commands import Repository, is_snapshot_id
from .errors import BackupError, InputError, one_line
from .times import parse_instant, utc_text

# Reading one by one costs a key derivation each (half a second); by hundreds, argv stays short.
BATCH = 500
READ_TIMEOUT = 600.0
MOST_PATHS = 50
LONGEST = 1000
LARGEST_NUMBER = 2**63


@dataclass(frozen=True)
class Snapshot:
    """What the snapshot object itself says, bounded."""

    id: str
    claimed_at: str
    tree: str
    host: str
    user: str
    paths: tuple[str, ...]
    parent: str | None
    original: str | None
    size: int
    files: int
    added: int

    @property
    def kind(self) -> str:
        """A snapshot made without looking at an earlier one read every file again."""
        return "full" if self.parent is None else "incremental"

    @property
    def claimed_instant(self) -> datetime | None:
        try:
            return parse_instant(self.claimed_at, "time")
        except InputError:
            return None

    def same_backup(self, other: Snapshot) -> bool:
        """Whether both are one backup, seen in two repositories: same tree, time and origin.

        The field `original` alone proves nothing: a client can write there what it likes.
        """
        mine = (self.tree, self.claimed_instant, self.host, self.user, self.paths)
        theirs = (other.tree, other.claimed_instant, other.host, other.user, other.paths)
        return mine == theirs


def from_json(value: Mapping[str, Any]) -> Snapshot:
    """A snapshot from restic's JSON; ValueError if it is not of that form."""
    snapshot = value.get("id")
    paths = value.get("paths") or []
    if not restic.is_snapshot_id(snapshot) or not isinstance(paths, list):
        raise ValueError("not a snapshot")
    summary = value.get("summary")
    numbers = summary if isinstance(summary, dict) else {}
    return Snapshot(
        id=str(snapshot),
        claimed_at=_text(value.get("time"))[:64],
        tree=_text(value.get("tree")),
        host=_text(value.get("hostname")),
        user=_text(value.get("username")),
        paths=tuple(_text(path) for path in paths[:MOST_PATHS]),
        parent=_text(value.get("parent")) or None,
        original=_text(value.get("original")) or None,
        size=_number(numbers.get("total_bytes_processed")),
        files=_number(numbers.get("total_files_processed")),
        added=_number(numbers.get("data_added_packed")),
    )


def _text(value: object) -> str:
    """Bounded, and without the lone surrogates that no encoder takes."""
    return value[:LONGEST].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _number(value: object) -> int:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_NUMBER
    return int(value) if good and isinstance(value, int) else 0


def receipt_fields(
    snapshot: Snapshot, series: str, received_at: datetime, outcome: str, **more: Any
) -> dict[str, Any]:
    """The fields of a receipt (see ledger.py) for this snapshot."""
    return {
        "snapshot": snapshot.id,
        "series": series,
        "received_at": utc_text(received_at),
        "claimed_at": snapshot.claimed_at,
        "kind": snapshot.kind,
        "outcome": outcome,
        "size": snapshot.size,
        "files": snapshot.files,
        "added": snapshot.added,
        "paths": list(snapshot.paths),
        "host": snapshot.host,
        **more,
    }


def listed(values: object) -> list[Snapshot]:
    """The well-formed snapshots of restic's list."""
    found = []
    for value in values if isinstance(values, list) else []:
        try:
            found.append(from_json(value))
        except (ValueError, AttributeError):
            continue
    return found


def read_all(repository: Repository, keep_open: Iterable[int] = ()) -> list[Snapshot]:
    """Every snapshot of the repository, as restic lists them."""
    result = restic.run(repository.snapshots(), READ_TIMEOUT, keep_open=keep_open)
    return listed(restic.checked(result, "listing the snapshots").json())


def read(
    repository: Repository,
    ids: Sequence[str],
    longest: float | None = None,
    timeout: float = READ_TIMEOUT,
) -> tuple[dict[str, Snapshot], dict[str, str]]:
    """These snapshots, and for those that cannot be read the reason. One bad object stops no other.

    After `longest` seconds no further one is begun: those that are in neither answer are for the next time.
    `timeout` seconds are what one call of restic may take.
    """
    found: dict[str, Snapshot] = {}
    deadline = math.inf if longest is None else time.monotonic() + longest
    asked: list[str] = []
    for start in range(0, len(ids), BATCH):
        if time.monotonic() > deadline:
            break
        batch = list(ids[start : start + BATCH])
        asked += batch
        result = restic.run(repository.snapshots(batch), timeout)
        if result.code == restic.OK:
            found.update(
                (snapshot.id, snapshot) for snapshot in listed(result.json()) if snapshot.id in batch
            )
    unread: dict[str, str] = {}
    for one in asked:
        if one in found:
            continue
        if time.monotonic() > deadline:
            break
        try:
            found[one] = read_one(repository, one, timeout)
        except BackupError as error:
            unread[one] = one_line(str(error), 300)
    return found, unread


def read_one(repository: Repository, snapshot: str, timeout: float = READ_TIMEOUT) -> Snapshot:
    result = restic.checked(
        restic.run(repository.cat("snapshot", snapshot), timeout), f"reading snapshot {snapshot[:8]}"
    )
    value = result.json()
    try:
        return from_json({**value, "id": snapshot})
    except (ValueError, TypeError):
        raise BackupError(f"snapshot {snapshot[:8]} is not of the form restic writes") from None


def on_disk(location: str) -> dict[str, datetime]:
    """The snapshots that lie in the repository, with the time each arrived (the file's own)."""
    found: dict[str, datetime] = {}
    try:
        with os.scandir(os.path.join(location, "snapshots")) as entries:
            for entry in entries:
                if is_snapshot_id(entry.name):
                    try:
                        found[entry.name] = _instant(entry.stat(follow_symlinks=False).st_mtime)
                    except FileNotFoundError:
                        continue
    except FileNotFoundError:
        raise BackupError(
            f"{location}: there is no repository (run the playbook site, or see its disk)"
        ) from None
    return found


def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run reports: how a workstation tells the server that some of its files could not be read.

restic's snapshot does not say it. The server treats a report as hostile input: bounded, checked, and able
to say something about its own snapshot only.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .commands import is_snapshot_id
from .ledger import LATE_REPORT

LARGEST = 64 * 1024
MOST_PATHS = 100
LONGEST_PATH = 400
SUFFIX = ".json"
# Nobody waits for a report any longer (seconds): see ledger.LATE_REPORT.
KEPT = LATE_REPORT.total_seconds()
# Reports that lie in one source's folder at most, and their bytes.
MOST_REPORTS = 200
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Report:
    snapshot: str
    outcome: str
    unreadable: tuple[str, ...]
    exit_code: int


def written(snapshot: str, unreadable: Sequence[str], exit_code: int) -> bytes:
    """The report as it is sent: always below LARGEST, whatever the names of the files."""
    paths = [path.encode("utf-8", "replace").decode()[:LONGEST_PATH] for path in unreadable[:MOST_PATHS]]
    outcome = "partial" if unreadable or exit_code else "ok"
    while True:
        body = json.dumps(
            {"snapshot": snapshot, "outcome": outcome, "unreadable": paths, "exit_code": exit_code}
        ).encode()
        if len(body) < LARGEST:
            return body
        paths = paths[: len(paths) // 2]


def parsed(body: bytes, snapshot: str) -> Report | None:
    """The report if it is a well-formed one about this snapshot, else None."""
    if len(body) >= LARGEST:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or set(value) != {"snapshot", "outcome", "unreadable", "exit_code"}:
        return None
    paths = value["unreadable"]
    well_formed = (
        is_snapshot_id(value["snapshot"])
        and value["snapshot"] == snapshot
        and value["outcome"] in ("ok", "partial")
        and value["exit_code"] in (0, 3)
        and not isinstance(value["exit_code"], bool)
        and isinstance(paths, list)
        and len(paths) <= MOST_PATHS
        and all(isinstance(path, str) for path in paths)
    )
    if not well_formed or (value["outcome"] == "ok" and (paths or value["exit_code"])):
        return None
    return Report(snapshot, value["outcome"], tuple(paths), value["exit_code"])


def ids(folder: str) -> set[str]:
    """The snapshots on which a report lies in the folder, whatever is in it."""
    return {name.removesuffix(SUFFIX) for name in _names(folder) if is_snapshot_id(name.removesuffix(SUFFIX))}


def tidy(folder: str, done: Collection[str], expected: Collection[str], now: float) -> None:
    """Take away the reports that have been used (`done`), those that came too long ago, and what is too much.

    A client sets a file's mtime by a header of its own; its ctime is our clock's. expected: snapshots that
    wait for their receipt, whose reports are the last to go.
    """
    left = []
    for name in _names(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):  # a report that stays is no reason to stop receiving
            found = os.stat(path, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                continue
            if name.removesuffix(SUFFIX) in done or found.st_ctime < now - KEPT:
                os.unlink(path)
            else:
                left.append((name.removesuffix(SUFFIX) in expected, found.st_ctime, found.st_size, path))
    room = MOST_BYTES
    for number, (_waits, _came, size, path) in enumerate(sorted(left, reverse=True)):
        room -= size
        if number >= MOST_REPORTS or room < 0:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def read(folder: str, snapshot: str) -> Report | None:
    """The report on this snapshot that lies in the folder, if there is a good one."""
    path = os.path.join(folder, f"{snapshot}{SUFFIX}")
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return parsed(file.read(LARGEST), snapshot)

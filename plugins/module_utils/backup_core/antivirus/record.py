# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of scans beside the ledger: how far one has come, what each found, and what went wrong.

All of it can be made again: where it is missing or damaged, more is scanned, never less.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..commands import is_snapshot_id
from ..config import Config, Source
from ..errors import InputError, one_line
from ..files import make_folder, write_durably
from ..times import parse_instant, utc_text
from .clamd import Database
from .verdicts import Tally, tally_from

_DATABASE = "database.json"
_PROBLEM = "problem.json"
_PROGRESS = "progress.json"


@dataclass
class Progress:
    """A scan under way: the first `done` of the snapshot's files have their verdicts."""

    snapshot: str
    since: str | None
    done: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Problem:
    """Why the last attempt came to nothing, and since when none has come to anything."""

    since: datetime
    text: str


@dataclass(frozen=True)
class Checked:
    """When clamd last proved that it finds something, and how old its signatures were made."""

    at: datetime
    version: str
    database_at: datetime


class Records:
    """The records of one source."""

    def __init__(self, config: Config, source: Source) -> None:
        self._folder = os.path.join(folder_of(config), f"{source.commune}.{source.name}")

    def progress(self, snapshot: str) -> Progress | None:
        """How far the scan of this very snapshot has come."""
        value = _read(self._path(_PROGRESS))
        try:
            since, done, tally = value["since"], value["done"], tally_from(value["tally"])
            fits = value["snapshot"] == snapshot and (since is None or is_snapshot_id(since))
            if not fits or type(done) is not int or done != tally.seen:
                return None
            return Progress(snapshot, since, done, float(value["seconds"]), tally)
        except (KeyError, TypeError, ValueError):
            return None

    def write_progress(self, progress: Progress) -> None:
        value = {"snapshot": progress.snapshot, "since": progress.since, "done": progress.done}
        tally = progress.tally.as_json()
        _write(self._path(_PROGRESS), {**value, "seconds": round(progress.seconds, 3), "tally": tally})

    def finish(self, snapshot: str, tally: Tally) -> None:
        """Keep what the scan found; its progress is no longer needed once the ledger knows."""
        _write(self._path(f"{snapshot}.json"), tally.as_json())

    def forget_progress(self) -> None:
        if os.path.exists(self._path(_PROGRESS)):
            os.unlink(self._path(_PROGRESS))

    def findings(self, snapshot: str) -> Tally | None:
        """What the scan of a snapshot found; None where that cannot be known any more."""
        try:
            return tally_from(_read(self._path(f"{snapshot}.json")))
        except (KeyError, TypeError, ValueError):
            return None

    def tidy(self, live: Collection[str]) -> None:
        """Forget the findings on snapshots that are no more."""
        for name in os.listdir(self._folder) if os.path.isdir(self._folder) else ():
            snapshot = name.removesuffix(".json")
            if is_snapshot_id(snapshot) and snapshot not in live:
                os.unlink(self._path(name))

    def problem(self) -> Problem | None:
        value = _read(self._path(_PROBLEM))
        try:
            return Problem(parse_instant(value["since"], "since"), str(value["text"]))
        except (KeyError, TypeError, InputError):
            return None

    def failed(self, text: str, now: datetime) -> None:
        before = self.problem()
        since = utc_text(before.since if before is not None else now)
        _write(self._path(_PROBLEM), {"since": since, "text": one_line(text, 300)})

    def went_well(self) -> None:
        if os.path.exists(self._path(_PROBLEM)):
            os.unlink(self._path(_PROBLEM))

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)


def folder_of(config: Config) -> str:
    return os.path.join(config.state_directory, "scans")


def write_checked(config: Config, database: Database, now: datetime) -> None:
    """Remember when clamd was last seen to find something, and with which signatures."""
    value = {"at": utc_text(now), "version": database.version, "database_at": utc_text(database.at)}
    _write(os.path.join(folder_of(config), _DATABASE), value)


def checked(config: Config) -> Checked | None:
    value = _read(os.path.join(folder_of(config), _DATABASE))
    try:
        at, database_at = (parse_instant(value[name], name) for name in ("at", "database_at"))
        return Checked(at, str(value["version"]), database_at)
    except (KeyError, TypeError, InputError):
        return None


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(path: str, value: object) -> None:
    make_folder(os.path.dirname(path))
    write_durably(path, json.dumps(value).encode())

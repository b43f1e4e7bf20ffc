# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the last pulls of a source went, for its status and for the next pull. No ground for any removal.

Written before a pull and after it: one that was killed, for its memory or at its time limit, has not ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from .config import Config, Source
from .errors import BackupError, InputError, one_line
from .files import make_folder, write_durably
from .replicate import Replicated
from .shipping import ORDERLY
from .times import parse_instant, utc_text
from .workplace import Workplace

MOST_FAILED = 200


@dataclass(frozen=True)
class Pull:
    """`problem` is why the last pull was no good one, `since` when the first of `failures` such ones in a row
    began; `partial`: all but some snapshots came. `left` wait for the next one. Times are ISO 8601 in UTC."""

    began: str | None = None
    ended: str | None = None
    good: str | None = None
    since: str | None = None
    failures: int = 0
    problem: str | None = None
    partial: bool = False
    out_of_time: bool = False
    left: int = 0
    failed: tuple[str, ...] = ()


def problem_of(result: Replicated) -> str | None:
    """What of LOCAL's doing, or of the way there, kept this pull from being a good one."""
    if result.ledger not in ORDERLY:
        return f"LOCAL's ledger is {result.ledger}"
    if result.out_of_time:
        return f"the time for one pull was up, {result.pending} snapshots are missing"
    if result.failed:
        return f"{len(result.failed)} snapshots could not be copied: {next(iter(result.failed.values()))}"
    if result.absent:
        return f"{len(result.absent)} snapshots of LOCAL's ledger are not in its repository"
    return None


def judged(before: Pull, result: Replicated, now: datetime) -> Pull:
    """The record of a pull that came to its end."""
    problem = problem_of(result)
    partial = result.ledger in ORDERLY and not result.out_of_time
    after = replace(before, partial=partial, out_of_time=result.out_of_time, left=result.left)
    after = replace(after, failed=tuple(result.failed)[:MOST_FAILED])
    return _ended(after, problem, now)


def _ended(before: Pull, problem: str | None, now: datetime) -> Pull:
    at = utc_text(now)
    if problem is None:
        return replace(before, ended=at, good=at, since=None, failures=0, problem=None, partial=False)
    return replace(
        before,
        ended=at,
        since=before.since or before.began,
        failures=before.failures + 1,
        problem=one_line(problem, 300),
    )


def begun(before: Pull, now: datetime) -> Pull:
    """The record while a pull is under way."""
    if before.began is not None and before.ended is None:
        before = _ended(replace(before, partial=False), "the pull was cut off before its end", now)
    return replace(before, began=utc_text(now), ended=None)


@contextmanager
def recorded(place: Workplace) -> Iterator[list[Replicated]]:
    """Record the pull inside, which appends its result to what it is given. The source is locked."""
    path = _path(place.config, place.source)
    make_folder(os.path.dirname(path))
    record = begun(read(place.config, place.source), place.clock.now())
    _write(path, record)
    results: list[Replicated] = []
    try:
        yield results
    except (BackupError, OSError) as error:
        _write(path, _ended(replace(record, partial=False), str(error), place.clock.now()))
        raise
    for result in results:
        _write(path, judged(record, result, place.clock.now()))


def read(config: Config, source: Source) -> Pull:
    """The record; an empty one where there is none that can be read."""
    try:
        with open(_path(config, source), "rb") as file:
            value = json.load(file)
        return _pull(value)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, InputError):
        return Pull()


def _pull(value: Mapping[str, Any]) -> Pull:
    record = Pull(**{**value, "failed": tuple(value["failed"])})
    for name in ("began", "ended", "good", "since"):
        if getattr(record, name) is not None:
            parse_instant(getattr(record, name), name)
    if not isinstance(record.failures, int) or not isinstance(record.problem, str | None):
        raise TypeError
    return record


def _write(path: str, record: Pull) -> None:
    write_durably(path, json.dumps(asdict(record), indent=1).encode())


def _path(config: Config, source: Source) -> str:
    return os.path.join(config.state_directory, "pulls", f"{source.commune}.{source.name}.json")

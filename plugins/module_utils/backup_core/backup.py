# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: decide whether a backup is due today and of which kind, make it, tell the server how it went."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any

from . import restic, snapshots, web
from .commands import Backup
from .errors import BackupError
from .ledger import Ledger
from .memory import Memory
from .opening import OpeningCalendar
from .snapshots import Snapshot
from .times import paris_day
from .workplace import Workplace

# The first full of 10 TB over a town hall's network takes days; a run that never ends must end all the same.
TIMEOUT = 6 * 24 * 3600.0
# restic asks a server that is full, or gone, again and again.
STALL = 1800.0
MOST_UNREADABLE = 1000


@dataclass(frozen=True)
class Past:
    """One earlier backup, as far as the decision needs it. outcome is None where nobody told."""

    day: date
    full: bool
    outcome: str | None


@dataclass(frozen=True)
class Decision:
    action: str  # "none", "full" or "incremental"
    why: str


@dataclass
class Done:
    """What a run did."""

    decision: Decision
    snapshot: str | None = None
    outcome: str | None = None
    unreadable: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0
    added: int = 0
    seconds: float = 0.0
    reported: bool | None = None
    report_problem: str | None = None


def decide(
    today: date,
    calendar: OpeningCalendar,
    past: Sequence[Past],
    today_anyway: bool = False,
    full: bool = False,
) -> Decision:
    """Whether today needs a backup and of which kind (requirements: one on every open day, the month's
    first one on an open day is the full one)."""
    is_open = calendar.is_open(today)
    if not is_open and not today_anyway:
        return Decision("none", f"{today} is not an open day")
    if any(one.day == today for one in past) and not today_anyway:
        return Decision("none", f"{today} already has its backup")
    if full:
        return Decision("full", "asked for")
    this_month = [one for one in past if (one.day.year, one.day.month) == (today.year, today.month)]
    has_full = any(one.full and one.outcome != "partial" and calendar.is_open(one.day) for one in this_month)
    if has_full:
        return Decision("incremental", "the month has its full backup")
    if not past:
        return Decision("full", "the first backup")
    if is_open:
        return Decision("full", "the month's first backup on an open day")
    return Decision("incremental", "a closed day cannot give the month's full backup")


def past_of_ledger(ledger: Ledger) -> list[Past]:
    """What the server itself knows; the day is that of the time claimed, else of arrival."""
    return [Past(r.day, r.kind == "full", r.outcome) for r in ledger.live()]


def past_of_list(listed: Sequence[Snapshot], outcomes: dict[str, str]) -> list[Past]:
    """What a workstation sees in its own repository, with the outcomes that it remembers."""
    found = []
    for one in listed:
        instant = one.claimed_instant
        if instant is not None:
            found.append(Past(paris_day(instant), one.kind == "full", outcomes.get(one.id)))
    return found


def run(
    place: Workplace,
    today_anyway: bool = False,
    full: bool = False,
    progress: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
) -> Done:
    """Make today's backup of the source if it is due. The caller holds the source's lock."""
    source = place.source
    if place.config.site != "workstation" and not source.read_by_server:
        raise BackupError(f"{source.series} is backed up by its workstation, not by this server")
    calendar = OpeningCalendar.from_mapping(
        dict(place.config.communes[source.commune].opening), f"{source.commune}: opening"
    )
    if source.repository.location_file is not None:
        web.probe(source.repository.location_file, source.repository.cacert)
    memory = Memory(place)
    past = _past(place, memory)
    _deliver(place, memory)
    decision = decide(place.clock.today(), calendar, past, today_anyway, full)
    if decision.action == "none":
        return Done(decision)
    done = _back_up(place, decision, progress, keep_open)
    _finish(place, memory, done)
    return done


def _past(place: Workplace, memory: Memory) -> list[Past]:
    if place.source.ledger is not None:
        return past_of_ledger(place.ledger())
    return past_of_list(snapshots.read_all(place.repository()), memory.outcomes())


def present_paths(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """The paths that are there, and those that are not (restic 0.18 passes over these with exit code 0)."""
    there = [path for path in paths if os.path.lexists(path)]
    return there, [path for path in paths if path not in there]


def _back_up(
    place: Workplace,
    decision: Decision,
    progress: Callable[[str], None] | None,
    keep_open: Iterable[int],
) -> Done:
    source = place.source
    there, absent = present_paths(source.paths)
    if not there:
        raise BackupError(f"{source.series}: none of its paths exists: {', '.join(source.paths)}")
    injected = place.clock.injected
    what = Backup(
        paths=tuple(there),
        host=source.name,
        full=decision.action == "full",
        exclude=source.exclude,
        time=injected.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if injected is not None else None,
        volume_snapshot=sys.platform == "win32",
    )
    unreadable = list(absent)

    def on_message(message: dict[str, Any]) -> None:
        if message.get("message_type") == "error" and len(unreadable) < MOST_UNREADABLE:
            unreadable.append(str(message.get("item") or "?"))
        elif message.get("message_type") == "status" and progress is not None:
            progress(progress_text(source.series, message))

    ledger = place.ledger() if source.ledger is not None else None
    command = place.repository(ledger).backup(what)
    result = restic.run(command, TIMEOUT, on_message=on_message, keep_open=keep_open, stall=STALL)
    restic.checked(result, f"{source.series}: backup", accept=(restic.OK, restic.PARTIAL))
    summary = next((m for m in result.json_lines() if m.get("message_type") == "summary"), None)
    if summary is None or not restic.is_snapshot_id(summary.get("snapshot_id")):
        raise BackupError(f"{source.series}: restic made no snapshot, and did not say why")
    files = int(summary.get("total_files_processed", 0))
    if not files:
        # An unmounted share looks like an empty folder, and restic is content with it.
        unreadable.append("no file at all was found")
    if result.code == restic.PARTIAL and not unreadable:
        unreadable.append("?")
    return Done(
        decision=decision,
        snapshot=str(summary["snapshot_id"]),
        outcome="partial" if unreadable else "ok",
        unreadable=unreadable,
        files=files,
        size=int(summary.get("total_bytes_processed", 0)),
        added=int(summary.get("data_added_packed", 0)),
        seconds=float(summary.get("total_duration", 0.0)),
    )


def progress_text(what: str, status: dict[str, Any]) -> str:
    """restic's status message as one line for a person who waits."""
    percent = 100 * float(status.get("percent_done") or 0)
    text = f"{what}: {percent:3.0f} %"
    total = int(status.get("total_bytes") or 0)
    if total:
        done = int(status.get("bytes_done") or status.get("bytes_restored") or 0)
        text += f" of {total / 1e6:.0f} MB, {done / 1e6:.0f} MB done"
    remaining = status.get("seconds_remaining")
    return f"{text}, {remaining} s left" if remaining else text


def _finish(place: Workplace, memory: Memory, done: Done) -> None:
    """Make the outcome known: into the ledger where we keep it, else as a report to the server."""
    assert done.snapshot is not None
    assert done.outcome is not None
    if place.source.ledger is not None:
        snapshot = snapshots.read_one(place.repository(place.ledger()), done.snapshot)
        fields = snapshots.receipt_fields(snapshot, place.source.series, place.clock.now(), done.outcome)
        why = f"could not be read: {', '.join(done.unreadable[:3])}"[:500] if done.unreadable else None
        place.append([place.draft("receipt", fields, why)])
        return
    memory.remember(done.snapshot, done.outcome, done.unreadable)
    if place.source.report_url is not None:
        done.report_problem = _deliver(place, memory)
        done.reported = done.snapshot not in memory.undelivered()


def _deliver(place: Workplace, memory: Memory) -> str | None:
    """Send the reports that the server has not got yet; returns what went wrong.

    A failure here is no failure of the backup: the next run tries again, and meanwhile the server counts a
    backup without a report as partial.
    """
    url, location_file = place.source.report_url, place.source.repository.location_file
    if url is None or location_file is None:
        return None
    problem = None
    for snapshot, body in memory.undelivered().items():
        credentials = web.credentials_of(location_file)
        try:
            web.put(f"{url}{snapshot}.json", body.encode(), credentials, place.source.repository.cacert)
        except web.HttpError as error:
            problem = str(error)
        except BackupError as error:
            return str(error)
        else:
            memory.delivered(snapshot)
    return problem

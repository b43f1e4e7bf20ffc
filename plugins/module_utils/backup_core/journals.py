# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the system journals of the communes' servers to REMOTE, out of reach of whoever takes one over.

REMOTE pulls, as it does backups: systemd-journal-gatewayd(8) shows LOCAL's journal behind nginx, and
systemd-journal-remote(8) writes what came into files that journalctl reads. LOCAL's word is taken for nothing
but its own journal, and for no more than there is room for.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.parse
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from . import web
from .budget import Budget
from .config import Commune, Config
from .errors import BackupError, one_line
from .files import make_folder, write_durably
from .locking import FileLock
from .times import paris

WRITER = "/usr/lib/systemd/systemd-journal-remote"
FORMAT = "application/vnd.fdo.journal"
# Entries asked for at a time; one has a kilobyte, a talkative one some hundred.
BATCH = 5000
LARGEST_ANSWER = 16 * 1024 * 1024
# The bytes of one commune in one month: an attacker's flood must neither fill the disk nor wash away what was
# there before. A town hall's server writes some tens of megabytes.
LARGEST_MONTH = 1024 * 1024 * 1024
KEPT = timedelta(days=366)
# Seconds for one answer.
PATIENCE = 60.0
# A server is down, or moves, for a day without anybody having to know.
SILENCE = timedelta(hours=24)
_BINARY_LENGTH = 8


class NotAJournalError(BackupError):
    """What came is no journal."""


@dataclass(frozen=True)
class Batch:
    """Entries as they came (the one already known left out), how many, and the cursor of the last."""

    body: bytes
    count: int
    cursor: str | None


@dataclass
class Brought:
    """What was done for one commune. silent: its server has had no journal for us for too long."""

    entries: int = 0
    problem: str | None = None
    silent: bool = False


def parse(body: bytes, known: str | None) -> Batch:
    """Read the journal export format (systemd.io/JOURNAL_EXPORT_FORMATS). Pure.

    The cursor of the last entry is what the next question begins with; it must not be found inside a field,
    where whoever may write to the journal could have put one. NotAJournalError for anything else.
    """
    at, begin, count = 0, 0, 0
    cursor: str | None = None
    last: str | None = None
    while at < len(body):
        end = body.find(b"\n", at)
        if end < 0:
            raise NotAJournalError("the journal ends in the middle of a line")
        line = body[at:end]
        at = end + 1
        if not line:
            if cursor is not None:
                if count == 0 and cursor == known and last is None:
                    begin = at
                else:
                    count += 1
                last, cursor = cursor, None
        elif b"=" not in line:
            size = int.from_bytes(body[at : at + _BINARY_LENGTH], "little")
            at += _BINARY_LENGTH + size + 1
            if at > len(body) or body[at - 1 : at] != b"\n":
                raise NotAJournalError("the journal ends in the middle of a field")
        elif line.startswith(b"__CURSOR="):
            cursor = line.removeprefix(b"__CURSOR=").decode("ascii", "replace")
    if cursor is not None:
        raise NotAJournalError("the journal ends in the middle of an entry")
    if last is not None and (len(last) > 500 or not last.isprintable() or ":" in last):
        raise NotAJournalError("the journal's cursor is none")
    return Batch(body[begin:], count, last)


def folder_of(config: Config, slug: str) -> str:
    return os.path.join(config.state_directory, "journals", slug)


def bring(config: Config, commune: Commune, budget: Budget) -> Brought:
    """Fetch what is new of a commune's journal, let go of what is too old. Tells of failures, raises none."""
    folder = folder_of(config, commune.slug)
    mark = os.path.join(folder, "cursor")
    done = Brought()
    try:
        make_folder(folder)
        with FileLock(os.path.join(folder, ".lock"), f"the journal of {commune.slug}"):
            if not os.path.exists(mark):
                write_durably(mark, b"")
            _expire(folder)
            while _one_batch(commune, folder, mark, budget, done) and not budget.spent:
                pass
    except (BackupError, OSError) as error:
        done.problem = one_line(str(error))
        done.silent = _silent(mark)
    return done


def _one_batch(commune: Commune, folder: str, mark: str, budget: Budget, done: Brought) -> bool:
    """Fetch and write some entries; whether there may be more."""
    upstream = next((one.upstream for one in commune.sources.values() if one.upstream is not None), None)
    if upstream is None or upstream.access.location_file is None:
        return False
    url, credentials = address_of(upstream.ledger_url), web.credentials_of(upstream.access.location_file)
    known = Path(mark).read_text(encoding="ascii").strip() or None
    size = BATCH
    while True:
        headers = {"Accept": FORMAT, "Range": f"entries={known or ''}:0:{size}"}
        try:
            body = web.get(
                url, credentials, upstream.access.cacert, LARGEST_ANSWER, budget.left(PATIENCE), headers
            )
            break
        except web.TooLargeError:
            if size <= 2:
                raise
            size = max(2, size // 10)
    batch = parse(body, known)
    if batch.count:
        used = _size(folder)
        if used + len(batch.body) > LARGEST_MONTH:
            raise BackupError(f"its journal of this month takes {used} bytes here already: no more is taken")
        _write(folder, batch.body)
    write_durably(mark, (batch.cursor or known or "").encode())
    done.entries += batch.count
    return batch.count >= size - 1


def address_of(ledger_url: str) -> str:
    """Where LOCAL shows its journal: on the server that shows its ledgers."""
    parts = urllib.parse.urlsplit(ledger_url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, "/journal/entries", "", ""))


def _month() -> str:
    return datetime.now(paris()).strftime("%Y-%m")


def _write(folder: str, body: bytes) -> None:
    path = os.path.join(folder, f"{_month()}.journal")
    try:
        wrote = subprocess.run(
            [WRITER, f"--output={path}", "-"], input=body, capture_output=True, timeout=300, check=False
        )
    except FileNotFoundError:
        raise BackupError(f"{WRITER}: no such program (role ccpp.backup.journal installs it)") from None
    except subprocess.TimeoutExpired:
        raise BackupError(f"{path}: could not be written within 300 s") from None
    said = wrote.stderr.decode("utf-8", "replace")
    if wrote.returncode != 0 or "Premature EOF" in said:
        raise BackupError(f"{path}: {one_line(said, 300)}")


def _size(folder: str) -> int:
    """What this month's files really take on the disk: a journal file is made larger than what it holds."""
    prefix = _month()
    with os.scandir(folder) as entries:
        return sum(one.stat().st_blocks * 512 for one in entries if one.name.startswith(prefix))


def _expire(folder: str) -> None:
    oldest = time.time() - KEPT.total_seconds()
    with os.scandir(folder) as entries:
        for one in entries:
            if ".journal" in one.name and one.stat().st_mtime < oldest:
                os.unlink(one.path)


def _silent(mark: str) -> bool:
    """Whether the commune's server has not answered for too long, since it was first asked."""
    try:
        return time.time() - os.stat(mark).st_mtime > SILENCE.total_seconds()
    except OSError:
        return True

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where objects lie that were taken out of a repository: nothing is deleted, and all of it can be put back.

One folder for each batch, beside the repositories, with a list of what was to go there. The list comes first
and the entry in the ledger last, so that a kill in between leaves a folder that the next run records.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .commands import is_snapshot_id
from .errors import InputError, one_line
from .files import give_to_folder_owner, make_folder, write_durably
from .ledger import Ledger
from .times import utc_text
from .workplace import Workplace

ACT = "quarantined"
RETURNED_ACT = "returned"
FOLDERS = {"key": "keys", "lock": "locks", "index": "index", "snapshot": "snapshots"}
LIST = "list.jsonl"
# Of a batch, what the ledger's entry itself names; all of it stands in the batch's list.
NAMED = 10
ONE_BY_ONE = 10
REASONS = 8
_BATCH = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(?:\.\d+)?", re.ASCII)
_KEPT = re.compile(rf"({_BATCH.pattern})/([a-z]+)-([0-9a-f]{{64}})", re.ASCII)


@dataclass(frozen=True)
class Foreign:
    """An object that does not belong where it lies. why: the same words for all that have the same fault."""

    kind: str
    name: str
    why: str

    @property
    def file(self) -> str:
        return f"{self.kind}-{self.name}"


def path_of(place: Workplace, kind: str, name: str) -> str:
    return os.path.join(place.location, FOLDERS[kind], name)


def folder_of(place: Workplace) -> str:
    """Beside the repositories, on their disk, and out of rest-server's reach."""
    base = os.path.dirname(os.path.dirname(place.location))
    return os.path.join(base, "quarantine", f"{place.source.commune}.{place.source.name}")


def move(place: Workplace, foreign: Sequence[Foreign]) -> list[dict[str, Any]]:
    """Take the objects out of the repository, in one batch with one entry in the ledger.

    The caller holds the source's lock. Returns the entry's fields; an empty list where nothing was there.
    """
    rows: list[dict[str, Any]] = []
    for one in foreign:
        try:
            size = os.stat(path_of(place, one.kind, one.name)).st_size
        except FileNotFoundError:
            continue
        rows.append({"object": one.kind, "name": one.name, "size": size, "reason": one.why})
    if not rows:
        return []
    batch = _new_batch(place)
    folder = os.path.join(folder_of(place), batch)
    make_folder(folder)
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    write_durably(os.path.join(folder, LIST), body)
    copied = []
    for row in rows:
        source = path_of(place, row["object"], row["name"])
        target = os.path.join(folder, f"{row['object']}-{row['name']}")
        try:
            os.rename(source, target)
        except FileNotFoundError:
            continue
        except OSError as error:
            # A repository that is a subvolume of its own is another file system to rename.
            if error.errno != errno.EXDEV:
                raise
            _copy(source, target)
            copied.append((source, target))
    _flush([target for _source, target in copied])
    for source, _target in copied:
        os.unlink(source)
    return _record(place, batch)


def _new_batch(place: Workplace) -> str:
    stamp = utc_text(place.clock.now().replace(microsecond=0)).replace(":", "-")
    batch, number = stamp, 1
    while os.path.lexists(os.path.join(folder_of(place), batch)):
        number += 1
        batch = f"{stamp}.{number}"
    return batch


def _copy(source: str, target: str) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        raise
    give_to_folder_owner(target)


def _flush(paths: Sequence[str]) -> None:
    """Onto the platter. One by one, ten thousand small files take minutes; all at once, seconds."""
    if len(paths) > ONE_BY_ONE:
        os.sync()
        return
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def recover(place: Workplace, ledger: Ledger) -> list[dict[str, Any]]:
    """Record the batches of runs that did not live to do so; returns the fields of their entries."""
    known = {entry.fields.get("batch") for entry in ledger.entries if entry.act == ACT}
    try:
        batches = sorted(name for name in os.listdir(folder_of(place)) if _BATCH.fullmatch(name))
    except FileNotFoundError:
        return []
    return [
        fields
        for batch in batches
        if batch not in known
        for fields in _record(place, batch, " (by a run that was interrupted)")
    ]


def _record(place: Workplace, batch: str, remark: str = "") -> list[dict[str, Any]]:
    """The ledger's entry on what lies in the batch's folder; one in which nothing lies is taken away."""
    folder = os.path.join(folder_of(place), batch)
    rows = list(_rows(place, batch))
    if not rows:
        shutil.rmtree(folder)
        return []
    reasons = Counter(f"{row['object']}: {row['reason']}" for row in rows).most_common(REASONS)
    with open(os.path.join(folder, LIST), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    fields = {
        "batch": batch,
        "count": len(rows),
        "bytes": sum(row["size"] for row in rows),
        "reasons": dict(reasons),
        "objects": [{name: row[name] for name in ("object", "name", "size")} for row in rows[:NAMED]],
        "list_sha256": digest,
    }
    place.append([place.draft(ACT, fields, told(fields) + remark)])
    return [fields]


def told(fields: dict[str, Any]) -> str:
    """A batch in one line for a person."""
    reasons = "; ".join(f"{count} {reason}" for reason, count in fields["reasons"].items())
    return one_line(f"{fields['count']} objects set aside in {fields['batch']}: {reasons}", 500)


def _rows(place: Workplace, batch: str) -> Iterator[dict[str, Any]]:
    """Of the batch's list, what lies in its folder."""
    folder = os.path.join(folder_of(place), batch)
    there = set(os.listdir(folder))
    if LIST not in there:
        return
    with open(os.path.join(folder, LIST), "rb") as file:
        for line in file:
            row = json.loads(line)
            if f"{row['object']}-{row['name']}" in there:
                yield row


def listed(place: Workplace) -> Iterator[dict[str, Any]]:
    """All that lies in quarantine: object, name, size (bytes), reason; `kept` is what it is put back by."""
    for batch in sorted(os.listdir(folder_of(place))) if os.path.isdir(folder_of(place)) else ():
        if _BATCH.fullmatch(batch):
            for row in _rows(place, batch):
                yield {**row, "kept": f"{batch}/{row['object']}-{row['name']}"}


def put_back(place: Workplace, kept: str, who: str) -> str:
    """Move an object back into the repository, because a person says that it is honest; returns its path."""
    match = _KEPT.fullmatch(kept)
    source = os.path.join(folder_of(place), kept)
    if match is None or match[2] not in FOLDERS or not os.path.isfile(source):
        raise InputError(f"{kept}: no such object in quarantine (see ccpp-backup quarantine list)")
    batch, kind, name = match.groups()
    target = path_of(place, kind, name)
    if os.path.lexists(target):
        raise InputError(f"{target}: is there already")
    shutil.copyfile(source, target + ".back")
    os.replace(target + ".back", target)
    os.unlink(source)
    fields = {"object": kind, "name": name, "kept": kept, "batch": batch, "by": who}
    place.append([place.draft(RETURNED_ACT, fields)])
    return target


def returned(ledger: Ledger) -> set[str]:
    """Names of the objects that a person put back."""
    return {str(entry.fields.get("name")) for entry in ledger.entries if entry.act == RETURNED_ACT}


def names(location: str, kind: str) -> list[str]:
    try:
        there = os.listdir(os.path.join(location, FOLDERS[kind]))
    except FileNotFoundError:
        return []
    # Other names are rest-server's files in the making, which restic passes over.
    return sorted(name for name in there if is_snapshot_id(name))

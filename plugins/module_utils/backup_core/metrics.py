# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server knows of its backups, as Prometheus reads it (text format 0.0.4).

From the document of `ccpp-backup status --json`, so that an alert and a person's question have one answer.
What is not known has no sample, rather than one that looks like a fact. Pure, but for `write`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from .errors import InputError
from .files import write_durably
from .times import paris, parse_instant

PREFIX = "ccpp_backup"
LEVELS = ("ok", "attention", "alarm")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True)
class Sample:
    """One value of a metric, with its labels."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


# Name and meaning of each metric; those ending in _seconds are seconds since 1970, in _bytes bytes.
HELP = {
    "status_level": "1 for the level that a source, or the store, is at",
    "last_backup_timestamp_seconds": "when the newest backup was received",
    "last_complete_day_timestamp_seconds": "end of the newest day with a complete backup",
    "next_backup_deadline_timestamp_seconds": "end of the open day on which the next backup is due",
    "missed_days": "open days without a backup, of the last 60 days",
    "snapshots": "snapshots that can be restored",
    "pending_replication_snapshots": "snapshots at LOCAL that REMOTE has no copy of",
    "last_verified_timestamp_seconds": "when the repository was verified last",
    "verified_sound": "1 if the last verification found nothing wrong",
    "holds": "holds in force, which stop every removal",
    "quarantined_objects": "objects and snapshots set aside",
    "store_size_bytes": "size of the file system under the repository",
    "store_free_bytes": "what is free of it",
    "place_limit_bytes": "what a place in the store may fill",
    "place_used_bytes": "what it fills",
    "written_timestamp_seconds": "when this was written",
}


def write(path: str, status: Mapping[str, Any]) -> None:
    """Replace the file at `path`, which node-exporter's textfile collector reads, whole or not at all."""
    if not path.endswith(".prom"):
        raise InputError(f"--metrics: {path!r} does not end in .prom (node-exporter reads no other files)")
    try:
        write_durably(path, exposition(list(samples(status))).encode())
        os.chmod(path, 0o644)  # nothing in it is secret, and node-exporter has a user of its own
    except OSError as error:
        raise InputError(
            f"--metrics: {path}: {error.strerror} (name a file in a folder that is there)"
        ) from None


def samples(status: Mapping[str, Any]) -> Iterator[Sample]:
    """The samples of a status document. KeyError or ValueError where it is no such document."""
    at = parse_instant(status["at"], "at")
    yield Sample("written_timestamp_seconds", at.timestamp())
    for source in status["sources"]:
        commune, _slash, name = str(source["source"]).partition("/")
        yield from _source(source, (("commune", commune), ("source", name)))
    store = status["store"]
    yield from _level(store["level"], (("commune", ""), ("source", "store")))
    for place in store.get("places") or []:
        labels = (("path", str(place["path"])),)
        yield Sample("place_limit_bytes", float(place["limit"]), labels)
        yield Sample("place_used_bytes", float(place["used"]), labels)


def _source(source: Mapping[str, Any], labels: tuple[tuple[str, str], ...]) -> Iterator[Sample]:
    yield from _level(source["level"], labels)
    last = source["last_backup"]
    numbers: dict[str, float | None] = {
        "last_backup_timestamp_seconds": _instant(last and last["received_at"]),
        "last_complete_day_timestamp_seconds": _day_ends(source["last_ok_day"]),
        "next_backup_deadline_timestamp_seconds": _day_ends(source["due"]),
        "missed_days": len(source["missed_days"]),
        "snapshots": source["snapshots"],
        "pending_replication_snapshots": source["pending_replication"],
        "last_verified_timestamp_seconds": _instant(source["verified_at"]),
        "verified_sound": source["verified_sound"],
        "holds": len(source["held"]),
        "quarantined_objects": source["quarantined"],
        "store_size_bytes": source["bytes"],
        "store_free_bytes": source["free_bytes"],
    }
    for name, value in numbers.items():
        if value is not None:
            yield Sample(name, float(value), labels)


def _level(level: str, labels: tuple[tuple[str, str], ...]) -> Iterator[Sample]:
    if level not in LEVELS:
        raise ValueError(f"level: {level!r} is none of {', '.join(LEVELS)}")
    for one in LEVELS:
        yield Sample("status_level", float(one == level), (*labels, ("level", one)))


def _instant(text: str | None) -> float | None:
    return None if text is None else parse_instant(text, "status").timestamp()


def _day_ends(text: str | None) -> float | None:
    """The last second of a town hall's day."""
    if text is None:
        return None
    return datetime.combine(date.fromisoformat(text), time(23, 59, 59), paris()).timestamp()


def exposition(found: Sequence[Sample]) -> str:
    """The text that node-exporter's textfile collector reads: each metric together, with its help."""
    lines = []
    for name, meaning in HELP.items():
        mine = [sample for sample in found if sample.name == name]
        if mine:
            lines += [f"# HELP {PREFIX}_{name} {meaning}", f"# TYPE {PREFIX}_{name} gauge", *map(_line, mine)]
    return "".join(f"{line}\n" for line in lines)


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in sample.labels)
    return f"{PREFIX}_{sample.name}{f'{{{labels}}}' if labels else ''} {sample.value!r}"

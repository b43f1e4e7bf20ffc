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
ATTACK_LEVELS = ("clean", "suspect", "attacked")
LEVELS = ("ok", "attention", "alarm")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True)
class Sample:
    """One value of a metric, with its labels."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


# Name and meaning of each metric. _timestamp_seconds: seconds since 1970; _duration_seconds: seconds; _bytes:
# bytes; _ratio: a share from 0 to 1; _total: counters, all others are gauges.
HELP = {
    "commune_info": "1; the labels say whom to call in the commune",
    "contract_end_timestamp_seconds": "end of the last day of the commune's contract",
    "server_life_end_timestamp_seconds": "end of the last day of the life of the commune's server",
    "status_level": "1 for the level that a source, or the store, is at",
    "last_backup_timestamp_seconds": "when the newest backup was received",
    "last_complete_day_timestamp_seconds": "end of the newest day with a complete backup",
    "next_backup_deadline_timestamp_seconds": "end of the first open day that no complete backup covers yet",
    "missed_days": "open days without a backup, of the last 60 days",
    "snapshots": "snapshots that can be restored",
    "pending_replication_snapshots": "snapshots at LOCAL that REMOTE has no copy of",
    "oldest_pending_timestamp_seconds": "when the oldest of them was received",
    "replication_lag_duration_seconds": "how long the oldest of them has been waiting, 0 when all are copied",
    "last_pull_timestamp_seconds": "when REMOTE last pulled without a problem",
    "pull_failing_since_timestamp_seconds": "when the first of the pulls began that have failed since",
    "last_verified_timestamp_seconds": "when the repository was verified last",
    "verified_sound": "1 if the last verification found nothing wrong",
    "verified_month_ratio": "share of the repository's bytes that was read this month",
    "all_read_since_timestamp_seconds": "since when every byte of the repository has been read",
    "last_drill_timestamp_seconds": "when a restore was last measured as a drill",
    "last_drill_duration_seconds": "how long it took",
    "drill_whole_duration_seconds": "how long all of the source would take by the last drill",
    "last_full_drill_timestamp_seconds": "when all of the source was restored as a drill last",
    "last_drill_sound": "1 if all was there",
    "attack_level": "0 clean, 1 suspect, 2 attacked: the gravest finding that nobody has cleared",
    "uninspected_snapshots": "snapshots that nobody has looked at for an attack yet",
    "ledger_chain_intact": "1 if each entry of the ledger continues the one before",
    "holds": "holds in force, which stop every removal",
    "quarantined_objects": "objects and snapshots set aside",
    "last_scanned_timestamp_seconds": "when a snapshot was scanned for viruses last",
    "unscanned_snapshots": "snapshots that wait for the antivirus",
    "infected_files": "infected files in the newest snapshot that was scanned",
    "infected_snapshots": "snapshots still kept in which something infected was found",
    "not_scanned_files": "files of the newest scanned snapshot that the antivirus could not look into",
    "antivirus_database_timestamp_seconds": "when the antivirus' signatures were made",
    "antivirus_checked_timestamp_seconds": "when the antivirus last found what it must find",
    "store_size_bytes": "size of the file system under the repository",
    "store_free_bytes": "what is free of it",
    "place_limit_bytes": "what a place in the store may fill (a commune's quota)",
    "place_used_bytes": "what it fills",
    "place_full_timestamp_seconds": "when it will be full if it goes on growing as it did",
    "disk_healthy": "1 if the disk is there, answers and does not announce its end",
    "disk_errors": "errors of the disk since the last clean scrub",
    "mirror_intact": "1 if every byte of the store is on two disks",
    "scrub_timestamp_seconds": "when all disks were last read",
    "scrub_uncorrectable_errors": "errors that no copy mended then",
    "refused_requests_total": "requests that the commune's server refused to its workstations, by kind",
    "link_up": "1 if the path is alive",
    "link_carries_traffic": "1 if the commune's traffic takes this path",
    "link_paid": "1 if the path's volume is paid for or limited",
    "link_since_timestamp_seconds": "since when the path is as it is",
    "link_loss_ratio": "share of the last pings inside the tunnel without an answer",
    "link_delay_duration_seconds": "how long the others took there and back, on average",
    "link_received_bytes": "what came through the tunnel since it was set up, with what encrypts it",
    "link_sent_bytes": "what went through it since then",
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
    communes = status.get("communes") or []
    for commune in communes:
        yield from _commune(commune)
    for source in status["sources"]:
        commune, _slash, name = str(source["source"]).partition("/")
        yield from _source(source, (("commune", commune), ("source", name)), at)
    for kind, count in (status.get("refused") or {}).items():
        yield Sample("refused_requests_total", float(count), (("kind", str(kind)),))
    for path in (status.get("links") or {}).get("paths") or []:
        yield from _path(path)
    if status.get("antivirus") is not None:
        yield from _antivirus(status["antivirus"])
    yield from _store(status["store"], [str(one["commune"]) for one in communes], status.get("full_on") or {})


def _path(path: Mapping[str, Any]) -> Iterator[Sample]:
    labels = tuple((name, str(path[field])) for name, field in _PATH_LABELS)
    seen = path["seen"]
    numbers: dict[str, float | None] = {
        "link_up": path["state"] == "up",
        "link_carries_traffic": seen["carries"],
        "link_paid": path["paid"],
        "link_since_timestamp_seconds": _instant(path["since"]),
        "link_loss_ratio": None if seen["loss"] is None else seen["loss"] / 100,
        "link_delay_duration_seconds": None if seen["delay"] is None else seen["delay"] / 1000,
        "link_received_bytes": seen["received"],
        "link_sent_bytes": seen["sent"],
    }
    for name, value in numbers.items():
        if value is not None:
            yield Sample(name, float(value), labels)


_PATH_LABELS = (("commune", "commune"), ("path", "number"), ("kind", "kind"), ("interface", "name"))


def _commune(commune: Mapping[str, Any]) -> Iterator[Sample]:
    slug = (("commune", str(commune["commune"])),)
    contacts = commune.get("contacts") or {}
    named = [("name", str(commune["name"])), ("contact", str(contacts.get("name") or ""))]
    reached = [(one, str(contacts.get(one) or "")) for one in ("phone", "mail")]
    yield Sample("commune_info", 1.0, (*slug, *named, *reached))
    term = commune.get("term") or {}
    for name, field in (("contract_end", "end"), ("server_life_end", "server_end")):
        ends = _day_ends(term.get(field))
        if ends is not None:
            yield Sample(f"{name}_timestamp_seconds", ends, slug)


def _antivirus(antivirus: Mapping[str, Any]) -> Iterator[Sample]:
    yield from _level(antivirus["level"], (("commune", ""), ("source", "antivirus")))
    for name, field in (("database", "database_at"), ("checked", "checked_at")):
        at = _instant(antivirus[field])
        if at is not None:
            yield Sample(f"antivirus_{name}_timestamp_seconds", at)


def _store(store: Mapping[str, Any], communes: Sequence[str], full_on: Mapping[str, str]) -> Iterator[Sample]:
    yield from _level(store["level"], (("commune", ""), ("source", "store")))
    for place in store.get("places") or []:
        path = str(place["path"])
        labels = (("commune", _commune_of(path, communes)), ("path", path))
        yield Sample("place_limit_bytes", float(place["limit"]), labels)
        yield Sample("place_used_bytes", float(place["used"]), labels)
        ends = _day_ends(full_on.get(path))
        if ends is not None:
            yield Sample("place_full_timestamp_seconds", ends, labels)
    disks = store.get("disks") or []
    for disk in disks:
        name = (("disk", str(disk["name"])),)
        smart = (disk.get("smart") or {}).get("state")
        healthy = disk["state"] in ("ok", "there") and smart != "failing"
        yield Sample("disk_healthy", float(healthy), name)
        yield Sample("disk_errors", float(sum((disk.get("errors") or {}).values())), name)
    if len(disks) > 1:
        yield Sample("mirror_intact", float(not store.get("degraded") and not store.get("stray_bytes")))
    scrub = store.get("scrub") or {}
    if scrub.get("at"):
        yield Sample("scrub_timestamp_seconds", parse_instant(scrub["at"], "scrub").timestamp())
        yield Sample("scrub_uncorrectable_errors", float(scrub.get("uncorrectable") or 0))


def _commune_of(path: str, communes: Sequence[str]) -> str:
    """A LOCAL server holds one commune; at REMOTE each has a folder of its own, at any depth of the store."""
    if len(communes) == 1:
        return communes[0]
    return next((slug for slug in communes if slug in path.split("/")), "")


def _source(
    source: Mapping[str, Any], labels: tuple[tuple[str, str], ...], now: datetime
) -> Iterator[Sample]:
    yield from _level(source["level"], labels)
    last, drill = source["last_backup"], source.get("drill") or {}
    pending, oldest = source["pending_replication"], _instant(source.get("oldest_pending_at"))
    lag = None if pending is None else 0.0 if oldest is None else max(0.0, now.timestamp() - oldest)
    attack = source.get("attack")
    numbers: dict[str, float | None] = {
        "last_backup_timestamp_seconds": _instant(last and last["received_at"]),
        "last_complete_day_timestamp_seconds": _day_ends(source["last_ok_day"]),
        "next_backup_deadline_timestamp_seconds": _day_ends(source["owed_day"]),
        "missed_days": len(source["missed_days"]),
        "snapshots": source["snapshots"],
        "pending_replication_snapshots": pending,
        "oldest_pending_timestamp_seconds": oldest,
        "replication_lag_duration_seconds": lag,
        "last_pull_timestamp_seconds": _instant(source.get("pulled_at")),
        "pull_failing_since_timestamp_seconds": _instant(source.get("pull_fails_since")),
        "last_verified_timestamp_seconds": _instant(source["verified_at"]),
        "verified_sound": source["verified_sound"],
        "verified_month_ratio": source.get("read_share"),
        "all_read_since_timestamp_seconds": _instant(source.get("read_since")),
        "last_drill_timestamp_seconds": _instant(drill.get("at")),
        "last_drill_duration_seconds": drill.get("seconds"),
        "drill_whole_duration_seconds": drill.get("whole_seconds"),
        "last_full_drill_timestamp_seconds": _instant(drill.get("full_at")),
        "last_drill_sound": drill.get("sound"),
        "attack_level": None if attack is None else float(ATTACK_LEVELS.index(attack["level"])),
        "uninspected_snapshots": None if attack is None else attack["waiting"],
        "ledger_chain_intact": source["chain_intact"],
        "holds": len(source["held"]),
        "quarantined_objects": source["quarantined"],
        "store_size_bytes": source["bytes"],
        "store_free_bytes": source["free_bytes"],
    }
    scans = source.get("antivirus")
    if scans is not None:
        numbers["last_scanned_timestamp_seconds"] = _instant(scans["last_scanned"])
        numbers["unscanned_snapshots"] = scans["pending"]
        for name in ("infected_files", "infected_snapshots", "not_scanned_files"):
            numbers[name] = scans[name]
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
        kind = "counter" if name.endswith("_total") else "gauge"
        mine = [sample for sample in found if sample.name == name]
        if mine:
            lines += [
                f"# HELP {PREFIX}_{name} {meaning}",
                f"# TYPE {PREFIX}_{name} {kind}",
                *map(_line, mine),
            ]
    return "".join(f"{line}\n" for line in lines)


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in sample.labels)
    return f"{PREFIX}_{sample.name}{f'{{{labels}}}' if labels else ''} {sample.value!r}"

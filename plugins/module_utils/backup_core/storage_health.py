# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of the disks means for a server's status. Pure, from the facts of storage/health.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from .storage.sizes import human
from .times import parse_instant

Level = Literal["ok", "attention", "alarm"]
ORDER: dict[str, int] = {"alarm": 0, "attention": 1, "ok": 2}

NAME = "storage.json"
# The disks are looked at every quarter of an hour.
STALE = timedelta(hours=2)
SCRUB_EVERY = timedelta(days=45)
# Shares of a limit that are used.
NEARLY_FULL = 0.90
FULL = 0.97


@dataclass
class Health:
    """One line for people, and the reasons for the level, worst first."""

    level: Level = "ok"
    summary: str = "nothing is known of the disks"
    reasons: list[str] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level, "summary": self.summary, "reasons": self.reasons, **self.facts}


def folder_of(state_directory: str) -> str:
    """Root writes here: in the agent's own folder, a link that the agent left could lead root anywhere."""
    return f"{state_directory}-store"


def read(state_directory: str) -> dict[str, Any]:
    """What the last look found; empty when there was none, or it cannot be read."""
    try:
        value = json.loads(Path(folder_of(state_directory), NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def judge(facts: Mapping[str, Any], now: datetime) -> Health:
    """The health of the store that the facts tell of; a machine without the role has no facts."""
    if not facts:
        return Health()
    if facts.get("kind") == "folder":
        return Health(
            summary=f"a plain folder, {facts['mount_point']}, without disks of its own", facts=facts
        )
    found = sorted(_reasons(facts, now), key=lambda one: ORDER[one[0]])
    level: Level = found[0][0] if found else "ok"
    return Health(level, _summary(facts), [one[1] for one in found], facts)


def _summary(facts: Mapping[str, Any]) -> str:
    held = f" for {human(facts['capacity'])}" if facts.get("capacity") else ""
    if facts.get("kind") != "mirror":
        return f"a single disk{held}"
    disks = [disk for disk in facts.get("disks") or [] if disk.get("state") != "waiting"]
    return f"a mirror of {len(disks)} disks{held}"


def _reasons(facts: Mapping[str, Any], now: datetime) -> Iterator[tuple[Level, str]]:
    looked = parse_instant(facts.get("at"), "storage.json: at")
    if now - looked > STALE:
        yield "attention", f"nobody has looked at the disks since {facts['at']}"
    if not facts.get("mounted"):
        yield "alarm", f"not mounted: {facts.get('problem') or 'its disks are not there'}"
        return
    yield from _disks(facts)
    yield from _work(facts)
    yield from _scrub(facts, now)
    yield from _places(facts)


def _disks(facts: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    for disk in facts.get("disks") or []:
        name = disk.get("name")
        if disk.get("state") in ("missing", "failing"):
            what = "is missing" if disk["state"] == "missing" else "no longer answers"
            rest = (
                "backups go on with one copy of each byte; put in a new disk, name it in the file, run site"
            )
            yield "attention", f"degraded: {name} {what}; {rest}"
        elif disk.get("state") == "waiting":
            yield "attention", f"{name} is not yet part of the store"
        if disk.get("errors"):
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(disk["errors"].items()))
            yield "attention", f"{name}: errors since the last clean scrub: {counts}"
        if (disk.get("smart") or {}).get("state") == "failing":
            yield "attention", f"{name}: SMART says that it is failing: replace it soon"


def _work(facts: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    busy = facts.get("activity") not in (None, "none")
    progress = f" ({facts['progress']})" if facts.get("progress") else ""
    if busy and facts["activity"] != "balance":
        yield "attention", f"under way: {facts['activity']}{progress}"
    if facts.get("stray_bytes"):
        what = "being brought onto a second disk" if busy else "on one disk alone"
        yield "attention", f"{human(facts['stray_bytes'])} are {what}{progress if busy else ''}"
    if facts.get("mend_failed"):
        yield "attention", "the repair failed: journalctl -u ccpp-backup-store-mend says why"


def _scrub(facts: Mapping[str, Any], now: datetime) -> Iterator[tuple[Level, str]]:
    scrub = facts.get("scrub") or {}
    if scrub.get("uncorrectable"):
        yield (
            "alarm",
            f"the scrub of {scrub['at'][:10]} found {scrub['uncorrectable']} errors that no copy mends",
        )
    if facts.get("scrub_owed") and not facts.get("degraded"):
        yield "attention", "a disk was away or is new: what is on it is yet to be compared (scrub)"
    last = parse_instant(scrub.get("at") or facts.get("since"), "storage.json: scrub")
    if now - last > SCRUB_EVERY:
        yield "attention", f"not scrubbed since {str(scrub.get('at') or facts.get('since'))[:10]}"


def _places(facts: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    for place in facts.get("places") or []:
        share = place["used"] / place["limit"]
        if share >= NEARLY_FULL:
            text = f"{place['path']}: {human(place['used'])} of {human(place['limit'])} are used"
            yield ("alarm" if share >= FULL else "attention"), text
    promised = sum(place["limit"] for place in _whole_places(facts))
    if facts.get("capacity") and promised > facts["capacity"]:
        yield "attention", f"{human(promised)} are promised, the disks hold {human(facts['capacity'])}"


def _whole_places(facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The places themselves, without the parts that count towards them."""
    for place in facts.get("places") or []:
        if not str(place["group"]).startswith("0/"):
            yield place


def room(facts: Mapping[str, Any], location: str, added: int = 0) -> str | None:
    """Why not so many bytes more should be brought to a repository, or None.

    A repository that is full to the brim cannot even be locked, and so never be pruned: what copies data
    stops before. Reads the use as it is now, and takes what the last look found where it cannot.
    """
    for place in facts.get("places") or []:
        path, limit = str(place["path"]), int(place["limit"])
        if location != path and not location.startswith(f"{path}/"):
            continue
        used = _used_now(str(facts.get("uuid")), str(place["group"]), int(place["used"]))
        if used + added >= FULL * limit:
            more = f", and {human(added)} more would come" if added else ""
            return f"{path}: {human(used)} of {human(limit)} are used{more}: it needs a larger tier, or time"
    return None


def _used_now(uuid: str, group: str, otherwise: int) -> int:
    try:
        path = Path("/sys/fs/btrfs", uuid, "qgroups", group.replace("/", "_"), "referenced")
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return otherwise

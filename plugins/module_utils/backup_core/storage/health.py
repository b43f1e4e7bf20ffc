# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the store is, as facts for status: gathered as root, written where the agent can read it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .. import config
from ..clock import Clock
from ..errors import BackupError
from ..files import write_durably
from ..storage_health import NAME, folder_of, read
from ..times import utc_text
from . import parse, probe
from .commands import run
from .model import Disk, Member, Store
from .settings import Settings, load
from .sizes import capacity


def collect(settings: Settings, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The facts. `before` is what the last look found; and remembers the last scrub and what is owed."""
    wanted = settings.wanted
    facts: dict[str, Any] = {
        "at": utc_text(now),
        "since": before.get("since") or utc_text(now),
        "kind": wanted.kind if wanted.disks else "folder",
        "mount_point": wanted.mount_point,
        "scrub": before.get("scrub"),
        "scrub_owed": bool(before.get("scrub_owed")),
    }
    if not wanted.disks:
        return facts
    disks = [probe.disk(name) for name in wanted.disks]
    try:
        store = probe.store(wanted.mount_point)
    except BackupError as error:
        return {**facts, "mounted": False, "problem": str(error), "disks": [_unused(one) for one in disks]}
    if store is None:
        return {**facts, "mounted": False, "disks": [_unused(one) for one in disks]}
    facts["mounted"] = True
    facts["uuid"] = store.uuid
    facts["disks"] = _disks(store, disks, wanted.mount_point)
    degraded = any(one["state"] in ("missing", "failing") for one in facts["disks"])
    facts["degraded"] = degraded
    facts["scrub_owed"] = facts["scrub_owed"] or degraded
    facts["stray_bytes"] = store.stray(wanted.kind)
    facts["activity"] = store.activity
    facts["progress"] = _progress(store.activity, wanted.mount_point)
    facts["mend_failed"] = probe.mend_failed()
    facts["capacity"] = capacity([member.size for member in store.members], mirror=not wanted.single)
    facts["places"] = _places(wanted.mount_point) if store.quota is not None else []
    return facts


def _unused(disk: Disk) -> dict[str, Any]:
    return {"name": disk.name, "state": "there" if disk.present else "missing"}


def _disks(store: Store, disks: list[Disk], mount_point: str) -> list[dict[str, Any]]:
    errors = parse.error_counts(
        run("btrfs", "--format", "json", "device", "stats", mount_point, allowed=(0, 64))
    )
    named = {disk.path: disk for disk in disks if disk.path is not None}
    members = {member.path for member in store.members}
    unmatched = [disk.name for disk in disks if not disk.present and disk.path not in members]
    found = []
    for member in store.members:
        disk = named.get(member.path or "")
        name = disk.name if disk is not None else member.path
        if name is None:
            # The disk that is not found is the one that is missing.
            name = unmatched.pop(0) if unmatched else f"disk {member.devid}"
        found.append(
            {
                "name": name,
                "devid": member.devid,
                "device": member.path,
                "size": member.size,
                "state": _state(member),
                "errors": errors.get(member.devid, {}),
                "smart": _smart(disk) if member.present else None,
            }
        )
    waiting = [disk for disk in disks if disk.present and disk.path not in members]
    return [*found, *({"name": disk.name, "device": disk.path, "state": "waiting"} for disk in waiting)]


def _state(member: Member) -> str:
    if member.path is None:
        return "missing"
    return "ok" if member.present else "failing"


def _smart(disk: Disk | None) -> dict[str, str]:
    """What the disk says of itself: passed, failing, asleep, or unknown and why."""
    if disk is None or disk.path is None:
        return {"state": "unknown", "reason": "not among the disks that are named"}
    if disk.virtual is not None:
        return {"state": "unknown", "reason": disk.virtual}
    try:
        # A sleeping disk is left asleep: smartctl then ends with 2 (as when a disk cannot be opened).
        text = run(
            "smartctl", "--json", "--nocheck=standby", "--health", disk.path, allowed=tuple(range(256))
        )
        value = parse.document(text, "smartctl")
    except BackupError as error:
        return {"state": "unknown", "reason": str(error)}
    passed = (value.get("smart_status") or {}).get("passed")
    if passed is None:
        said = [one.get("string", "") for one in (value.get("smartctl") or {}).get("messages") or []]
        return {"state": "unknown", "reason": "; ".join(said) or "the disk does not say"}
    return {"state": "passed" if passed else "failing"}


def _progress(activity: str, mount_point: str) -> str | None:
    """How far a replacement or a balance is, in percent, as btrfs says it."""
    if activity == "device replace":
        said = run("btrfs", "replace", "status", "-1", mount_point, allowed=(0, 1))
    elif activity.startswith("balance"):
        said = run("btrfs", "balance", "status", mount_point, allowed=(0, 1))
    else:
        return None
    match = re.search(r"(\d+(\.\d+)?)%( left)?", said)
    if match is None:
        return None
    share = float(match[1])
    return f"{100 - share if match[3] else share:.0f} %"


def _places(mount_point: str) -> list[dict[str, Any]]:
    """What has a limit: path, limit and use in bytes."""
    listing = run("btrfs", "--format", "json", "qgroup", "show", "-pc", "--raw", mount_point)
    return [
        {
            "path": os.path.join(mount_point, group["path"]),
            "group": group["id"],
            "limit": group["limit"],
            "used": group["used"],
        }
        for group in parse.quota_groups(listing)
        if group["limit"] is not None and group["path"]
    ]


def scrub(mount_point: str, explained: bool = False) -> dict[str, Any]:
    """Read everything on every disk and repair what can be; the result. Takes hours on real disks.

    A scrub that finds nothing at all settles the counters of errors: they told of what is repaired. Where the
    errors are explained, because a disk was away, a second scrub after the repair may do so at once.
    """
    first = _scrub_once(mount_point)
    if explained and not first["clean"] and not first["uncorrectable"]:
        return {**_scrub_once(mount_point), "errors": first["errors"], "corrected": first["corrected"]}
    return first


def _scrub_once(mount_point: str) -> dict[str, Any]:
    run("btrfs", "scrub", "start", "-B", "-R", mount_point, timeout=None, allowed=(0, 3))
    counts = parse.scrub_counts(run("btrfs", "scrub", "status", "-R", mount_point))
    if not counts:
        raise BackupError(f"{mount_point}: the scrub left no result")
    errors = {name: counts.get(f"{name}_errors", 0) for name in ("read", "csum", "verify", "super")}
    clean = not any(errors.values())
    if clean:
        run("btrfs", "device", "stats", "--reset", mount_point)
    return {
        "clean": clean,
        "bytes": counts.get("data_bytes_scrubbed", 0) + counts.get("tree_bytes_scrubbed", 0),
        "errors": {name: count for name, count in errors.items() if count},
        "corrected": counts.get("corrected_errors", 0),
        "uncorrectable": counts.get("uncorrectable_errors", 0),
    }


def refresh(scrubbed: Mapping[str, Any] | None = None, clock: Clock | None = None) -> dict[str, Any]:
    """Look now, and note it for status; the facts. Nothing where this machine has no store or no agent."""
    found = load()
    if found is None:
        return {}
    state_directory = config.load().state_directory
    before = read(state_directory)
    if scrubbed is not None:
        before = {**before, "scrub": scrubbed, "scrub_owed": False}
    facts = collect(found, before, (clock or Clock()).now())
    write(state_directory, facts)
    return facts


def write(state_directory: str, facts: Mapping[str, Any]) -> None:
    folder = folder_of(state_directory)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    path = os.path.join(folder, NAME)
    write_durably(path, (json.dumps(facts, indent=1) + "\n").encode())
    os.chmod(path, 0o644)

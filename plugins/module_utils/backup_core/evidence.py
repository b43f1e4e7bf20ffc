# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledgers that were refused, kept as evidence within a bound: whoever sends them must not fill the disk.

The first and the last few are kept, each up to a size; of the others the SHA-256, the size and the time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .files import write_durably
from .ledger import Ledger
from .times import utc_text

KEPT_FIRST = 2
KEPT_LAST = 2
# Larger than any honest ledger of ten years; of a larger one the beginning is kept.
LARGEST_KEPT = 8 * 1024 * 1024
LISTED = 200
# How many new ones go into the ledger in a day, one entry each.
TOLD_A_DAY = 5


@dataclass(frozen=True)
class Refusal:
    """What was refused: its SHA-256, the file it is kept in (None: no longer), and how many different ones
    there were so far, this one included."""

    sha256: str
    kept: str | None
    count: int

    def fields(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "kept": self.kept, "count": self.count}


def keep(path: str, body: bytes, now: datetime) -> Refusal:
    """Keep what came in the place of the file at `path`, and forget the oldest but the first."""
    digest = hashlib.sha256(body).hexdigest()
    listed = _read(path)
    rows = listed["refused"]
    known = next((row for row in rows if row["sha256"] == digest), None)
    if known is not None:
        return Refusal(digest, known["kept"], listed["count"])
    name = f"{os.path.basename(path)}.evidence-{digest[:16]}"
    write_durably(os.path.join(os.path.dirname(path), name), body[:LARGEST_KEPT])
    rows.append({"sha256": digest, "bytes": len(body), "at": utc_text(now), "kept": name})
    listed["count"] += 1
    for row in rows[KEPT_FIRST:-KEPT_LAST]:
        if row["kept"] is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(os.path.dirname(path), row["kept"]))
            row["kept"] = None
    del rows[KEPT_FIRST : -max(LISTED - KEPT_FIRST, KEPT_LAST)]
    write_durably(_list_of(path), json.dumps(listed, indent=1).encode())
    return Refusal(digest, name, listed["count"])


def count(path: str) -> int:
    """How many different ones were refused in the place of the file at `path`."""
    return int(_read(path)["count"])


def to_be_told(ledger: Ledger, acts: tuple[str, ...], refused: str, digest: str, now: datetime) -> bool:
    """Whether a refusal goes into the ledger: when the last of `acts` was none, and else when what was
    refused is new and the day has not seen too many."""
    last = next((entry.act for entry in reversed(ledger.entries) if entry.act in acts), None)
    if last != refused:
        return True
    told = [entry for entry in ledger.entries if entry.act == refused]
    recent = [entry for entry in told if now - entry.at < timedelta(days=1)]
    return all(entry.fields.get("sha256") != digest for entry in told) and len(recent) < TOLD_A_DAY


def _list_of(path: str) -> str:
    return f"{path}.refused.json"


def _read(path: str) -> dict[str, Any]:
    """The list of what was refused; an empty one where there is none that can be used."""
    try:
        with open(_list_of(path), "rb") as file:
            value = json.load(file)
        rows = [{name: row[name] for name in ("sha256", "bytes", "at", "kept")} for row in value["refused"]]
        return {"count": int(value["count"]), "refused": rows}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {"count": 0, "refused": []}

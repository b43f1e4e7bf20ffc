# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that a commune's server refused to its workstations, counted from nginx's lines in the journal.

Nothing that belongs to the service deletes or overwrites there: who tries has a workstation's credentials and
means ill, or runs a command of restic's that is not for clients.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from .files import write_durably

NAME = "refusals.json"
KINDS = ("deletion", "write", "login")
# Of nginx's combined format: the request and the status.
_LINE = re.compile(r'"(?P<method>[A-Z]{3,8}) [^"]* HTTP/[0-9.]+" (?P<status>[0-9]{3}) ')
_REFUSED = ("403", "405")
# A flood of refused requests is one anyway; the rest is counted by the next look.
MOST = 100_000
TIMEOUT = 60.0


def kind_of(line: str) -> str | None:
    """What was refused by this line of nginx's, or None."""
    found = _LINE.search(line)
    if found is None:
        return None
    if found["status"] == "401":
        return "login"
    if found["status"] not in _REFUSED:
        return None
    return "deletion" if found["method"] == "DELETE" else "write"


def counted(before: Mapping[str, int], lines: Iterable[str]) -> dict[str, int]:
    """The counts, which only grow, with those of new lines."""
    after = {kind: int(before.get(kind, 0)) for kind in KINDS}
    for line in lines:
        kind = kind_of(line)
        if kind is not None:
            after[kind] += 1
    return after


def look(state_directory: str) -> dict[str, int] | None:
    """Count what is new in the journal; None where it cannot be read, so that nobody takes it for zero."""
    path = os.path.join(state_directory, NAME)
    before = _read(path)
    command = ["journalctl", "--quiet", "--identifier=nginx", "--output=json", "--output-fields=MESSAGE"]
    cursor = before.get("cursor")
    command += [f"--after-cursor={cursor}"] if isinstance(cursor, str) else ["--boot"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        if cursor is not None:
            # The journal has turned over what the cursor pointed at: begin with this start of the machine.
            write_durably(path, json.dumps({**before, "cursor": None}).encode())
        return None
    entries = [_entry(line) for line in done.stdout.splitlines()[:MOST]]
    counts = counted(before["counts"], (str(entry.get("MESSAGE", "")) for entry in entries))
    newest = entries[-1].get("__CURSOR") if entries else cursor
    write_durably(path, json.dumps({"counts": counts, "cursor": newest}).encode())
    return counts


def _entry(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            value = json.load(file)
        counts = {kind: int(value["counts"].get(kind, 0)) for kind in KINDS}
        return {"counts": counts, "cursor": value.get("cursor")}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {"counts": {}, "cursor": None}

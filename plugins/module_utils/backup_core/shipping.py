# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""REMOTE's own ledger, shipped to LOCAL: a second place that knows what the CCPP said it holds.

REMOTE puts it where LOCAL's nginx takes it. LOCAL compares it with the copy it holds, which only ever grows.
"""

from __future__ import annotations

import os

from . import web
from .errors import BackupError
from .files import keep_evidence, write_durably
from .ledger import Comparison, Ledger, compare, whole_lines
from .workplace import Workplace

LARGEST_LEDGER = 256 * 1024 * 1024
REFUSED_ACT = "remote-ledger-refused"
ACCEPTED_ACT = "remote-ledger-accepted"
ORDERLY: tuple[Comparison, ...] = ("equal", "behind")


def ship(place: Workplace) -> str | None:
    """Put REMOTE's ledger where LOCAL takes it, if it grew since; returns what went wrong.

    The copies are made by then: a ledger that has to wait for the next pull is no reason to fail this one.
    """
    upstream = place.source.upstream
    if upstream is None or upstream.ship_url is None or upstream.access.location_file is None:
        return None
    file = place.ledger_file()
    mark = f"{file.path}.shipped"
    head = file.read().head.encode()
    if _read(mark, len(head)) == head:
        return None
    try:
        credentials = web.credentials_of(upstream.access.location_file)
        body = whole_lines(_read(file.path, LARGEST_LEDGER))
        web.put(upstream.ship_url, body, credentials, upstream.access.cacert)
    except BackupError as error:
        return f"the ledger was not shipped to LOCAL: {error}"
    write_durably(mark, head)
    return None


def take(place: Workplace) -> Comparison | None:
    """Compare what REMOTE shipped with the copy held at LOCAL; None where nothing came yet.

    The caller holds the source's lock. What does not continue the copy is kept aside as evidence, once.
    """
    shipped, ledger_path = place.source.shipped, place.source.ledger
    if shipped is None or ledger_path is None or not os.path.exists(shipped):
        return None
    path = ledger_path.removesuffix(".jsonl") + ".remote.jsonl"
    held, body = _read(path, LARGEST_LEDGER), whole_lines(_read(shipped, LARGEST_LEDGER))
    comparison = compare(held, body)
    ledger = place.ledger()
    if comparison in ORDERLY:
        if comparison == "behind":
            write_durably(path, body)
        if refused(ledger):
            place.append([place.draft(ACCEPTED_ACT, {"comparison": comparison})])
        return comparison
    digest, evidence = keep_evidence(path, body)
    if not any(entry.act == REFUSED_ACT and entry.fields.get("sha256") == digest for entry in ledger.entries):
        why = f"REMOTE's ledger does not continue the one held: {comparison}"
        fields = {"sha256": digest, "comparison": comparison, "kept": evidence}
        place.append([place.draft(REFUSED_ACT, fields, why)])
    return comparison


def refused(ledger: Ledger) -> bool:
    """Whether the last thing known at LOCAL of REMOTE's ledger is that it was refused."""
    acts = (REFUSED_ACT, ACCEPTED_ACT)
    return next((e.act for e in reversed(ledger.entries) if e.act in acts), None) == REFUSED_ACT


def _read(path: str, limit: int) -> bytes:
    """The file's content, empty where there is none. A file over the limit is cut, and then no chain."""
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        return b""

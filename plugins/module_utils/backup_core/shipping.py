# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""REMOTE's own ledger, shipped to LOCAL: a second place that knows what the CCPP said it holds.

REMOTE puts it where LOCAL's nginx takes it. LOCAL compares it with the copy it holds, which only ever grows.
"""

from __future__ import annotations

import os

from . import evidence, web
from .budget import Budget
from .errors import BackupError
from .files import write_durably
from .ledger import Comparison, Ledger, LedgerBroken, compare, parse, whole_lines
from .workplace import Workplace

# Of either server: a megabyte a year is much.
LARGEST_LEDGER = 64 * 1024 * 1024
REFUSED_ACT = "remote-ledger-refused"
ACCEPTED_ACT = "remote-ledger-accepted"
ACTS = (REFUSED_ACT, ACCEPTED_ACT)
ORDERLY: tuple[Comparison, ...] = ("equal", "behind")


def ship(place: Workplace, budget: Budget | None = None) -> str | None:
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
        patience = (budget or Budget()).left(web.DEADLINE)
        web.put(upstream.ship_url, body, credentials, upstream.access.cacert, patience)
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
    path = held_path(ledger_path)
    held, body = _read(path, LARGEST_LEDGER), whole_lines(_read(shipped, LARGEST_LEDGER))
    comparison = compare(held, body)
    ledger = place.ledger()
    if comparison in ORDERLY:
        if comparison == "behind":
            write_durably(path, body)
        if refused(ledger):
            place.append([place.draft(ACCEPTED_ACT, {"comparison": comparison})])
        return comparison
    now = place.clock.now()
    refusal = evidence.keep(path, body, now)
    if evidence.to_be_told(ledger, ACTS, REFUSED_ACT, refusal.sha256, now):
        why = f"REMOTE's ledger does not continue the one held: {comparison}"
        place.append([place.draft(REFUSED_ACT, {**refusal.fields(), "comparison": comparison}, why)])
    return comparison


def shipped_ledger(place: Workplace, ledger: Ledger) -> Ledger | None:
    """REMOTE's ledger as LOCAL holds it; None where none came, or none that continues those before."""
    if place.source.shipped is None or place.source.ledger is None or refused(ledger):
        return None
    try:
        found = parse(_read(held_path(place.source.ledger), LARGEST_LEDGER), "REMOTE's ledger")
    except (LedgerBroken, OSError):
        return None
    return found if found.entries else None


def held_path(ledger_path: str) -> str:
    """Where REMOTE's ledger is kept at LOCAL, next to LOCAL's own."""
    return ledger_path.removesuffix(".jsonl") + ".remote.jsonl"


def refused(ledger: Ledger) -> bool:
    """Whether the last thing known at LOCAL of REMOTE's ledger is that it was refused."""
    return next((e.act for e in reversed(ledger.entries) if e.act in ACTS), None) == REFUSED_ACT


def _read(path: str, limit: int) -> bytes:
    """The file's content, empty where there is none. A file over the limit is cut, and then no chain."""
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        return b""

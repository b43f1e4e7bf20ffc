# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of interventions for a commune: a ledger of its own, which the statement of fees counts. Pure.

`intervention` has the fields day, minutes and what; `corrected` has entry (the intervention's number) and
the minutes that take the place of its own: 0 takes it back. Nothing is ever rewritten.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from .errors import InputError, shown
from .fees import Contract, Intervention
from .ledger import Draft, Ledger
from .times import paris_day, parse_day

LONGEST_MINUTES = 24 * 60
LONGEST_TEXT = 500


def done(ledger: Ledger, name: str) -> list[Intervention]:
    """The interventions as corrected, in their order. InputError names log, entry and field."""
    found: dict[int, Intervention] = {}
    for entry in ledger.entries:
        where = f"{name}: entry {entry.seq}"
        if entry.act == "intervention":
            day = parse_day(entry.fields.get("day"), f"{where}: day")
            minutes = _minutes(entry.fields.get("minutes"), 1, f"{where}: minutes")
            found[entry.seq] = Intervention(entry.seq, day, entry.who, minutes, str(entry.fields.get("what")))
        elif entry.act == "corrected":
            number = entry.fields.get("entry")
            if not isinstance(number, int) or number not in found:
                raise InputError(f"{where}: entry: {shown(number)} is no intervention of this log")
            minutes = _minutes(entry.fields.get("minutes"), 0, f"{where}: minutes")
            found[number] = replace(found[number], minutes=minutes)
        elif entry.act != "recovered":
            raise InputError(f"{where}: act: {shown(entry.act)} does not belong in a log of interventions")
    return list(found.values())


def added(contract: Contract, day: date, who: str, minutes: int, what: str, now: datetime) -> Draft:
    """The entry of a new intervention. InputError names the option that cannot be."""
    if day > paris_day(now):
        raise InputError(f"--day: '{day}' has not come yet (log what was done)")
    if not contract.first_day <= day <= contract.last_day:
        term = f"{contract.first_day} to {contract.last_day}"
        raise InputError(f"--day: '{day}' is outside the contract of {contract.slug}, {term}")
    fields = {
        "day": day.isoformat(),
        "minutes": _minutes(minutes, 1, "--minutes"),
        "what": _text(what, "--what"),
    }
    return Draft("intervention", _text(who, "--who"), now, None, fields)


def corrected(log: list[Intervention], entry: int, minutes: int, who: str, why: str, now: datetime) -> Draft:
    """The entry that corrects another one. InputError names the option that cannot be."""
    if not any(one.entry == entry for one in log):
        known = ", ".join(str(one.entry) for one in log) or "none"
        raise InputError(f"--entry: '{entry}' is no intervention of this log (there are: {known})")
    fields = {"entry": entry, "minutes": _minutes(minutes, 0, "--minutes")}
    return Draft("corrected", _text(who, "--who"), now, _text(why, "--why"), fields)


def _minutes(value: Any, least: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LONGEST_MINUTES:
        raise InputError(
            f"{where}: {shown(value)} is not a number of minutes from {least} to {LONGEST_MINUTES}"
            " (log a longer work day by day)"
        )
    return value


def _text(value: str, where: str) -> str:
    text = " ".join(value.split())
    if not text or len(text) > LONGEST_TEXT or not text.isprintable():
        raise InputError(
            f"{where}: {shown(value)} is not one line of 1 to {LONGEST_TEXT} printable characters"
        )
    return text

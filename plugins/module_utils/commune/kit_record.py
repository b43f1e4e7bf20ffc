# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recovery kits of a commune were made, for whom and when. No secret stands in the record."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from ..backup_core.errors import InputError, shown
from . import document

LONGEST_RECIPIENT = 80
_FIELDS = ("fingerprint", "for", "on")
_FINGERPRINT = re.compile(r"[0-9A-F]{4}( [0-9A-F]{4}){3}")
_RESTORE = "restore the file from version control"
_HEADER = """\
# Paper recovery kits of this commune: what was made, for whom and when. Keep this file under version control.
# A kit whose fingerprint is not the last one here for its recipient is out of date: destroy it.
"""


class Made(NamedTuple):
    """One kit: the fingerprint printed on it, for whom it is, and the day."""

    fingerprint: str
    recipient: str
    on: date


def load(content: bytes | None) -> tuple[Made, ...]:
    """The record in this file, None being no file yet. InputError names the place and the cure."""
    if content is None:
        return ()
    value = document.load(content).value
    if not isinstance(value, list):
        raise InputError(f"does not hold a list of kits; {_RESTORE}")
    return tuple(_made(entry, f"[{number}]") for number, entry in enumerate(value))


def _made(entry: Any, where: str) -> Made:
    if not isinstance(entry, dict) or set(entry) != set(_FIELDS):
        raise InputError(f"{where}: must have {', '.join(_FIELDS)}; {_RESTORE}")
    fingerprint, recipient, on = (entry[name] for name in _FIELDS)
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        raise InputError(f"{where}.fingerprint: {shown(fingerprint)} is not a fingerprint; {_RESTORE}")
    try:
        return Made(fingerprint, checked_recipient(recipient), date.fromisoformat(on))
    except (TypeError, ValueError):
        raise InputError(f"{where}.on: {shown(on)} is not a day; {_RESTORE}") from None


def checked_recipient(name: object) -> str:
    """For whom a kit is, as it is printed on it. InputError where that would not fit on a line."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InputError(f"for: {shown(name)} is not a name; say for whom the kit is, on one line")
    if len(name) > LONGEST_RECIPIENT:
        raise InputError(f"for: {shown(name)} is too long; use at most {LONGEST_RECIPIENT} characters")
    return name.strip()


def is_current(record: Sequence[Made], recipient: str, fingerprint: str) -> bool:
    """Whether the last kit made for the recipient is this one."""
    last = next((made for made in reversed(record) if made.recipient == recipient), None)
    return last is not None and last.fingerprint == fingerprint


def text(record: Sequence[Made]) -> str:
    """The file's content."""
    lines = [
        f"- {{fingerprint: {made.fingerprint}, for: {json.dumps(made.recipient, ensure_ascii=False)},"
        f' on: "{made.on}"}}'
        for made in record
    ]
    return _HEADER + "\n".join(lines) + "\n"

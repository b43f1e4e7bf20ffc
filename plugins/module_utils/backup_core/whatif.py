# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of what-if questions: receipts (JSON lines), open days (a JSON list), policy (a JSON object).

Such a file may come from anyone: it is read a bounded line at a time, and the first mistake ends the reading
with one line that names file, line, field, value and cure.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from .acts import KINDS, OUTCOMES
from .errors import InputError, shown
from .opening import FixedOpenDays
from .policy import Policy
from .retention import Snapshot
from .serialise import decode
from .times import parse_clock, parse_day, parse_instant

RECEIPT_FIELDS = ("id", "series", "received_at", "claimed_at", "kind", "outcome")
LONGEST_LINE = 65536
LONGEST_NAME = 200
LARGEST_DOCUMENT = 16 * 1024 * 1024
STANDARD_INPUT = "-"

_FIELDS = frozenset(RECEIPT_FIELDS)
# open(2) waits for the other end of a FIFO unless told not to. Windows knows these flags in part.
_AT_ONCE = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
# What a shell calls the pipes that it makes for a command.
_HANDED_OVER = re.compile(r"-|/dev/stdin|(?:/dev|/proc/self)/fd/\d+", re.ASCII)


class Receipts:
    """The receipts of an open file; `line` is the number of the one read last.

    The order of the lines is the ledger's. received_at may go back from one line to the next: that is how a
    ledger looks after a clock was put right, and the rules count by the ledger's order for that reason.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self.line = 0

    @property
    def where(self) -> str:
        return f"{self._name}: line {self.line}"

    def __iter__(self) -> Iterator[Snapshot]:
        series: dict[str, str] = {}
        for line in self._lines():
            try:
                yield _snapshot(line, series)
            except InputError as error:
                raise InputError(f"{self.where}: {error}") from None

    def _lines(self) -> Iterator[bytes]:
        """The lines that are not blank."""
        while True:
            try:
                line = self._file.readline(LONGEST_LINE + 1)
            except OSError as error:
                raise InputError(f"{self._name}: cannot be read: {error.strerror}") from None
            if not line:
                return
            self.line += 1
            if len(line) > LONGEST_LINE:
                raise InputError(f"{self.where}: longer than {LONGEST_LINE} bytes (write one receipt a line)")
            if not line.isspace():
                yield line


def _snapshot(line: bytes, series: dict[str, str]) -> Snapshot:
    """One receipt. `series` holds the names seen so far, so that each is kept in memory once."""
    record = decode(line, "receipt")
    if not isinstance(record, dict) or record.keys() != _FIELDS:
        raise InputError(_wrong_fields(record))
    name = _name(record["series"], "series")
    kind, outcome = record["kind"], record["outcome"]
    if kind not in KINDS:
        raise InputError(f"kind: {shown(kind)} is not known (use {', '.join(KINDS)})")
    if outcome not in OUTCOMES:
        raise InputError(f"outcome: {shown(outcome)} is not known (use {', '.join(OUTCOMES)})")
    return Snapshot(
        _name(record["id"], "id"),
        series.setdefault(name, name),
        parse_clock(record["received_at"], "received_at"),
        parse_instant(record["claimed_at"], "claimed_at"),
        outcome,
    )


def _wrong_fields(record: object) -> str:
    if not isinstance(record, dict):
        return f"{shown(record)} is not a receipt (write a JSON object with {', '.join(RECEIPT_FIELDS)})"
    for name in RECEIPT_FIELDS:
        if name not in record:
            return f"{name}: missing (a receipt has {', '.join(RECEIPT_FIELDS)})"
    unknown = next(name for name in record if name not in _FIELDS)
    return f"{shown(unknown)} is not a field of a receipt (use {', '.join(RECEIPT_FIELDS)})"


def _name(value: object, field: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
        cure = f"write 1 to {LONGEST_NAME} printable characters"
        raise InputError(f"{field}: {shown(value)} is not a name ({cure})")
    return value


def opened(path: str) -> BinaryIO:
    """The plain file, or what a pipe hands over (STANDARD_INPUT, /dev/stdin, /dev/fd/N), for reading.

    InputError where there is none, none that may be read, or a thing that could keep its reader waiting for
    ever: a FIFO with a name of its own, a terminal, a device.
    """
    try:
        descriptor = os.dup(0) if path == STANDARD_INPUT else os.open(path, _AT_ONCE)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{shown(path)}: is not the name of a file ({error})") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    if (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)) and _HANDED_OVER.fullmatch(path):
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise InputError(f"{path}: is not a plain file (save it as one, or hand it over by a pipe as -)")


def read_document(file: BinaryIO, name: str) -> Any:
    """One JSON document of bounded size."""
    try:
        data = file.read(LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    if len(data) > LARGEST_DOCUMENT:
        raise InputError(f"{name}: larger than {LARGEST_DOCUMENT} bytes (give a shorter document)")
    return decode(data, name)


def open_days_from(document: object, name: str) -> FixedOpenDays:
    """Open days from a list of dates in any order, each once."""
    if not isinstance(document, list):
        raise InputError(f"{name}: {shown(document)} is not a list (write a JSON list of dates)")
    days: dict[date, int] = {}
    for index, item in enumerate(document):
        day = parse_day(item, f"{name}: [{index}]")
        if day in days:
            raise InputError(
                f"{name}: [{index}]: {shown(item)} is there twice, first as [{days[day]}] (keep one)"
            )
        days[day] = index
    return FixedOpenDays(days)


def policy_from(document: object, name: str) -> Policy:
    """The policy's defaults with what a JSON object overrides."""
    return Policy.from_mapping(document, where=name)

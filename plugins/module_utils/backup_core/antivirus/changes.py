# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a snapshot are to be scanned, and in which portions. Pure.

Paths and sizes come from restic, which has them from the client: a size is only ever a reason not to unpack.
restic's JSON has U+FFFD for each byte of a name that is no UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..commands import literal_pattern
from ..ledger import Entry, Ledger, Receipt

ACT = "scanned"
NO_UTF8 = "\ufffd"
# Arguments of one command have room for 2 MiB in all, 128 KiB each (execve(2)).
MOST_FILES = 1000
LONGEST_ARGUMENTS = 512 * 1024


@dataclass(frozen=True, slots=True)
class File:
    path: str
    size: int


def files_in(messages: Iterable[Mapping[str, Any]]) -> Iterator[File]:
    """The regular files of what `restic ls --json` printed. Nothing else has contents."""
    for node in messages:
        path, size = node.get("path"), node.get("size", 0)
        if node.get("struct_type", node.get("message_type")) == "node" and node.get("type") == "file":
            if not isinstance(path, str) or not path.startswith("/"):
                raise ValueError("a file without a path")
            yield File(path, size if type(size) is int and size >= 0 else 0)


def changed_in(messages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The paths that `restic diff --json` calls new or changed: in content or kind, not in metadata alone.

    A folder's own path, which ends with a slash, is no file's.
    """
    for change in messages:
        path, how = change.get("path"), change.get("modifier")
        told = change.get("message_type") == "change" and isinstance(path, str) and isinstance(how, str)
        if told and how not in ("-", "U"):
            yield str(path)


def portions(files: Iterable[File], room: int, largest: int) -> Iterator[list[File]]:
    """The files in their order, in portions of at most `room` bytes (or one file).

    Those larger than `largest` take no room, for they are not unpacked.
    """
    portion: list[File] = []
    size = length = 0
    for file in files:
        weight = file.size if file.size <= largest else 0
        letters = len(file.path.encode("utf-8", "replace")) + 32
        full = size + weight > room or len(portion) >= MOST_FILES or length + letters > LONGEST_ARGUMENTS
        if portion and full:
            yield portion
            portion, size, length = [], 0, 0
        portion.append(file)
        size, length = size + weight, length + letters
    if portion:
        yield portion


def pattern_of(path: str) -> str:
    """The pattern by which restic finds the file; bytes that its JSON does not tell match any."""
    return literal_pattern(path).replace(NO_UTF8, "?")


def as_told(name: bytes) -> str:
    """A file's path as restic's JSON tells it."""
    text = ""
    while name:
        try:
            return text + name.decode()
        except UnicodeDecodeError as error:
            text += name[: error.start].decode() + NO_UTF8 * (error.end - error.start)
            name = name[error.end :]
    return text


def scans(ledger: Ledger) -> dict[str, Entry]:
    """The last scan of each snapshot."""
    return {e.fields["snapshot"]: e for e in ledger.entries if e.act == ACT}


def to_scan(ledger: Ledger, present: Iterable[str]) -> list[Receipt]:
    """What is here and was never scanned, in ledger order."""
    there, done = set(present), scans(ledger)
    return [one for one in ledger.live() if one.snapshot in there and one.snapshot not in done]


def baseline(
    receipt: Receipt, ledger: Ledger, present: Iterable[str], usable: Callable[[str], bool]
) -> str | None:
    """The scanned snapshot to compare this one with; None where all of it is to be scanned.

    The whole is scanned when the client read the whole, and once in each calendar month at least, whatever
    the client says: signatures learn.
    """
    if receipt.kind == "full" or not _whole_this_month(receipt, ledger):
        return None
    scanned = set(present) & scans(ledger).keys()
    earlier = [one.snapshot for one in ledger.live() if one.seq < receipt.seq]
    return next((one for one in reversed(earlier) if one in scanned and usable(one)), None)


def _whole_this_month(receipt: Receipt, ledger: Ledger) -> bool:
    days = {one.snapshot: one.day for one in ledger.receipts()}
    mine = receipt.day
    whole = [e.fields["snapshot"] for e in ledger.entries if e.act == ACT and e.fields["since"] is None]
    scanned = [days[one] for one in whole if one in days]
    return any((day.year, day.month) == (mine.year, mine.month) for day in scanned)

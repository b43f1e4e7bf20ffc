# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of one repository: JSON lines, each with the hash of the one before.

Pure: bytes in, decisions out. Writing is done by ledger_file. A line is
`{"seq", "at", "act", "who", "why", ...fields of the act..., "prev"}`; its hash is the SHA-256 of its exact
bytes without the newline; `prev` of the first line is 64 zeros. What follows the last newline is a torn line:
a write that a crash cut short, never acknowledged to anyone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from . import acts
from .errors import REFUSED, BackupError, InputError, shown
from .serialise import decode, encode
from .times import paris_day, parse_clock, parse_instant, utc_text

NO_HASH = "0" * 64
# A report that could not be delivered on a Friday comes with the next run, after a long weekend.
LATE_REPORT = timedelta(days=4)
# A person says that the clock is right now, whatever later time earlier entries carry.
CLOCK_ACT = "clock-trusted"

_ACT = re.compile(r"[a-z][a-z-]{1,30}", re.ASCII)
_FRAME = ("seq", "at", "act", "who", "why", "prev")

Comparison = Literal["equal", "behind", "ahead", "forked", "truncated", "rewritten"]


class LedgerBroken(BackupError):  # noqa: N818 - a state of the ledger, named as the design names it
    """The chain does not hold at `line` (1 is the first): such a ledger is no ground to remove anything."""

    exit_code = REFUSED

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(
            f"{name}: line {line}: the ledger's chain is broken: {reason}"
            " (nothing will be removed; compare it with the copy on the other server)"
        )
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to append: what was done, by whom, why, at which instant of the server's clock."""

    act: str
    who: str
    at: datetime
    why: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger. `digest` is the hash of its bytes; `fields` are those of the act."""

    seq: int
    at: datetime
    act: str
    who: str
    why: str | None
    fields: Mapping[str, Any]
    prev: str
    digest: str

    @property
    def snapshots(self) -> tuple[str, ...]:
        """The snapshot ids the act is about: its field `snapshot`, or its list `snapshots`."""
        one = self.fields.get("snapshot")
        many = self.fields.get("snapshots")
        return tuple(many) if isinstance(many, list) else () if one is None else (one,)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a snapshot arrived. `claimed_at` is None where the client's time cannot be read at all.

    reported: False where the outcome is partial for want of a report from the workstation.
    """

    seq: int
    snapshot: str
    series: str
    received_at: datetime
    claimed_at: datetime | None
    kind: str
    outcome: str
    size: int
    files: int
    added: int
    paths: tuple[str, ...]
    host: str
    reported: bool = True

    @property
    def day(self) -> date:
        """The day in Paris that the backup is of: by the time claimed, else by that of its arrival."""
        return paris_day(self.claimed_at or self.received_at)


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in force. `scope` is as written by the act (`source:x`, `commune:x` or `everything`)."""

    scope: str
    who: str
    why: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """A verified chain. `size` is the length in bytes of its whole lines, `torn` what follows them."""

    entries: tuple[Entry, ...] = ()
    size: int = 0
    torn: bytes = b""

    @property
    def head(self) -> str:
        return self.entries[-1].digest if self.entries else NO_HASH

    @property
    def newest_at(self) -> datetime | None:
        """The latest time of an entry of any kind. Not the last line's: clocks jump back.

        Entries before a person's word that the clock is right have no say in it any more.
        """
        newest: datetime | None = None
        for entry in self.entries:
            if newest is None or entry.at > newest or entry.act == CLOCK_ACT:
                newest = entry.at
        return newest

    def receipts(self) -> list[Receipt]:
        """Every receipt ever written, in ledger order."""
        return [_receipt(entry) for entry in self.entries if entry.act == "receipt"]

    def live(self) -> list[Receipt]:
        """The receipts of what should be in the repository, in ledger order: the first one of each snapshot,
        without the snapshots removed since, with the outcome that a late report has amended."""
        alive: dict[str, Receipt] = {}
        for entry in self.entries:
            if entry.act == "receipt" and entry.fields["snapshot"] not in alive:
                alive[entry.fields["snapshot"]] = _receipt(entry)
            elif entry.act == "removed":
                for snapshot in entry.snapshots:
                    alive.pop(snapshot, None)
            elif entry.act == "amended":
                _amend(alive, entry)
        return list(alive.values())

    def removed_ids(self) -> set[str]:
        """Snapshots removed and not received again since."""
        removed: set[str] = set()
        for entry in self.entries:
            if entry.act == "removed":
                removed.update(entry.snapshots)
            elif entry.act == "receipt":
                removed.discard(entry.fields["snapshot"])
        return removed

    def quarantined_ids(self) -> set[str]:
        """Snapshots that an act put into quarantine (implausible receipts are the plan's own finding)."""
        return {snapshot for e in self.entries if e.act == "quarantined" for snapshot in e.snapshots}

    def holds(self) -> list[Hold]:
        """The holds in force, oldest first."""
        held: dict[str, Hold] = {}
        for entry in self.entries:
            if entry.act == "held":
                held.setdefault(
                    entry.fields["scope"], Hold(entry.fields["scope"], entry.who, entry.why, entry.at)
                )
            elif entry.act == "released":
                held.pop(entry.fields["scope"], None)
        return list(held.values())

    def extended(self, drafts: Iterable[Draft]) -> tuple[Ledger, bytes]:
        """The ledger with the drafts appended, and the bytes to append. Ignores (and drops) a torn line."""
        entries = list(self.entries)
        data = b""
        for draft in drafts:
            prev = entries[-1].digest if entries else NO_HASH
            frame: dict[str, Any] = {
                "seq": len(entries) + 1,
                "at": utc_text(draft.at),
                "act": draft.act,
                "who": draft.who,
                "why": draft.why,
            }
            overlap = sorted(frame.keys() & draft.fields.keys() | {"prev"} & draft.fields.keys())
            if overlap:
                raise InputError(f"ledger act {draft.act}: the field {overlap[0]} is the ledger's own")
            line = encode({**frame, **draft.fields, "prev": prev})
            try:
                entries.append(_entry(line, len(entries) + 1, prev))
            except _BadLineError as error:
                raise InputError(f"ledger act {shown(draft.act)}: {error}") from None
            data += line + b"\n"
        return Ledger(tuple(entries), self.size + len(data)), data


class _BadLineError(ValueError):
    """Why a line is no link of the chain."""


def amendable(receipt: Receipt, reported_at: datetime) -> bool:
    """Whether a report that came at that instant may still say how the receipt's backup went.

    Only where nobody has said so yet, and not for long: who has stolen a workstation's credentials must not
    make complete what was partial last month. The receipt's place in the ledger's order stays.
    """
    return not receipt.reported and reported_at <= receipt.received_at + LATE_REPORT


def _amend(alive: dict[str, Receipt], entry: Entry) -> None:
    snapshot = entry.fields["snapshot"]
    receipt = alive.get(snapshot)
    if receipt is not None and amendable(receipt, parse_clock(entry.fields["reported_at"], "reported_at")):
        alive[snapshot] = replace(receipt, outcome=entry.fields["outcome"], reported=True)


def parse(data: bytes, name: str = "ledger") -> Ledger:
    """The verified ledger in these bytes. LedgerBroken names the first line that does not hold, and why."""
    whole, newline, torn = data.rpartition(b"\n")
    entries: list[Entry] = []
    prev = NO_HASH
    for number, line in enumerate(whole.split(b"\n") if newline else (), start=1):
        try:
            entry = _entry(line, number, prev)
        except _BadLineError as error:
            raise LedgerBroken(name, number, str(error)) from None
        entries.append(entry)
        prev = entry.digest
    return Ledger(tuple(entries), len(whole) + len(newline), torn)


def whole_lines(body: bytes) -> bytes:
    """Without the line that its server was writing while we read."""
    return body[: body.rfind(b"\n") + 1]


def compare(mine: bytes, theirs: bytes, writer: Literal["mine", "theirs"] = "theirs") -> Comparison:
    """How two copies of one ledger stand to each other. `writer` is the one its entries are written to.

    equal: the same entries. behind: mine lacks the newest ones. ahead: theirs does. truncated: the copy has
    entries at its end that the writer lost. forked: a common beginning, then different entries.
    rewritten: theirs is no chain, or not even the first entries agree. LedgerBroken if mine is no chain.
    """
    ours = parse(mine, "own copy of the ledger")
    try:
        return standing(ours, parse(theirs, "their ledger"), writer)
    except LedgerBroken:
        return "rewritten"


def standing(mine: Ledger, theirs: Ledger, writer: Literal["mine", "theirs"] = "theirs") -> Comparison:
    """What `compare` says, of two ledgers that have been read already."""
    ours, others = mine.entries, theirs.entries
    common = min(len(ours), len(others))
    # Each hash covers all lines before it: equal at `common` means equal up to there.
    if common and ours[common - 1].digest != others[common - 1].digest:
        return "forked" if ours[0].digest == others[0].digest else "rewritten"
    if len(ours) == len(others):
        return "equal"
    if len(ours) < len(others):
        return "behind" if writer == "theirs" else "truncated"
    return "truncated" if writer == "theirs" else "ahead"


def _entry(line: bytes, number: int, prev: str) -> Entry:
    try:
        record = decode(line, "entry")
    except InputError as error:
        raise _BadLineError(str(error)) from None
    if not isinstance(record, dict):
        raise _BadLineError(f"{shown(record)} is not an entry")
    missing = [name for name in _FRAME if name not in record]
    if missing:
        raise _BadLineError(f"the field {missing[0]} is missing")
    if record["prev"] != prev:
        raise _BadLineError(
            "it does not continue the line before it (a line was changed, added or taken away)"
        )
    if type(record["seq"]) is not int or record["seq"] != number:
        raise _BadLineError(f"seq is {shown(record['seq'])}, not {number}")
    if not isinstance(record["act"], str) or _ACT.fullmatch(record["act"]) is None:
        raise _BadLineError(f"act {shown(record['act'])} is not a word")
    if not isinstance(record["who"], str) or not record["who"]:
        raise _BadLineError(f"who {shown(record['who'])} is not a name")
    if record["why"] is not None and not isinstance(record["why"], str):
        raise _BadLineError(f"why {shown(record['why'])} is not text")
    fields = {name: value for name, value in record.items() if name not in _FRAME}
    try:
        at = parse_clock(record["at"], "at")
        acts.check(record["act"], fields)
    except InputError as error:
        raise _BadLineError(str(error)) from None
    digest = hashlib.sha256(line).hexdigest()
    return Entry(number, at, record["act"], record["who"], record["why"], fields, prev, digest)


def _receipt(entry: Entry) -> Receipt:
    fields = entry.fields
    try:
        claimed_at = parse_instant(fields["claimed_at"], "claimed_at")
    except InputError:
        claimed_at = None
    return Receipt(
        seq=entry.seq,
        snapshot=fields["snapshot"],
        series=fields["series"],
        received_at=parse_clock(fields["received_at"], "received_at"),
        claimed_at=claimed_at,
        kind=fields["kind"],
        outcome=fields["outcome"],
        size=fields["size"],
        files=fields["files"],
        added=fields["added"],
        paths=tuple(fields["paths"]),
        host=fields["host"],
        reported=fields.get("reported") is not False,
    )

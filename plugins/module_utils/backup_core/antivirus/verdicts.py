# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clamd's answers mean, and what a scan's verdicts add up to. Pure.

Clean is only what clamd has looked into as far as there is anything. An archive under a password, one that is
larger or deeper than the limits, and what could not be read are "not scanned".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["clean", "infected", "not-scanned"]

ENCRYPTED = "encrypted"
LIMITS = "limits"
TOO_LARGE = "too-large"
UNREADABLE = "unreadable"
ERROR = "error"
REASONS = (ENCRYPTED, LIMITS, TOO_LARGE, UNREADABLE, ERROR)

# How many findings of a kind are kept by name; a list that was cut is no basis for the next scan.
MOST_NAMED = 50_000
_LIMITS = "Heuristics.Limits.Exceeded"
_ENCRYPTED = "Heuristics.Encrypted"
_FOUND = re.compile(r"stream: (\S{1,200}) FOUND", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verdict:
    """detail: the signature of what is infected, the reason (one of REASONS) of what is not scanned."""

    kind: Kind
    detail: str = ""


CLEAN = Verdict("clean")


def not_scanned(reason: str) -> Verdict:
    return Verdict("not-scanned", reason)


def verdict_of(answer: str) -> Verdict:
    """What clamd's answer to one stream says (clamd(8), INSTREAM); anything unknown is never clean."""
    if answer == "stream: OK":
        return CLEAN
    found = _FOUND.fullmatch(answer)
    if found is not None:
        name = found[1]
        # AlertEncrypted and AlertExceedsMax have clamd say so in the form of a find.
        if name.startswith(_LIMITS):
            return not_scanned(LIMITS)
        return not_scanned(ENCRYPTED) if name.startswith(_ENCRYPTED) else Verdict("infected", name)
    if answer == "INSTREAM size limit exceeded. ERROR":
        return not_scanned(TOO_LARGE)
    return not_scanned(ERROR)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of several verdicts that can not be told apart; of none, that nothing was scanned."""
    order: tuple[Kind, ...] = ("infected", "not-scanned", "clean")
    return min(verdicts, key=lambda one: order.index(one.kind), default=not_scanned(ERROR))


@dataclass
class Tally:
    """Counts of files, and the findings by path: infected ones with their signature, others with the reason.

    seen: files that got a verdict. Those that were carried over from an earlier scan are among the findings
    only.
    """

    seen: int = 0
    clean: int = 0
    size: int = 0
    infected: dict[str, str] = field(default_factory=dict)
    not_scanned: dict[str, str] = field(default_factory=dict)
    carried: int = 0
    cut: bool = False

    def add(self, path: str, verdict: Verdict, size: int = 0) -> None:
        self.seen += 1
        self.size += size
        if verdict.kind == "clean":
            self.clean += 1
        else:
            findings = self.infected if verdict.kind == "infected" else self.not_scanned
            self._name(findings, path, verdict.detail)

    def added(self, other: Tally) -> Tally:
        """Both scans as one."""
        return Tally(
            self.seen + other.seen,
            self.clean + other.clean,
            self.size + other.size,
            {**self.infected, **other.infected},
            {**self.not_scanned, **other.not_scanned},
            self.carried + other.carried,
            self.cut or other.cut,
        )

    def carry(self, earlier: Tally, unchanged: Iterable[str]) -> None:
        """Take over the findings on files that are still there as they were: nothing made them clean."""
        for path in unchanged:
            for mine, theirs in ((self.infected, earlier.infected), (self.not_scanned, earlier.not_scanned)):
                if path in theirs:
                    self.carried += 1
                    self._name(mine, path, theirs[path])

    def _name(self, findings: dict[str, str], path: str, detail: str) -> None:
        # What is infected is always named; of the others there can be as many as there are files.
        if findings is self.infected or len(findings) < MOST_NAMED:
            findings[path] = detail
        else:
            self.cut = True

    @property
    def outcome(self) -> str:
        """infected, incomplete (something was not scanned) or clean."""
        return "infected" if self.infected else "incomplete" if self.not_scanned else "clean"

    def reasons(self) -> dict[str, int]:
        """How many files were not scanned, by reason; reasons without any are left out."""
        found = list(self.not_scanned.values())
        return {reason: found.count(reason) for reason in REASONS if reason in found}

    def as_json(self) -> dict[str, Any]:
        return {
            "seen": self.seen,
            "clean": self.clean,
            "size": self.size,
            "infected": self.infected,
            "not_scanned": self.not_scanned,
            "carried": self.carried,
            "cut": self.cut,
        }


def tally_from(value: Mapping[str, Any]) -> Tally:
    """What as_json gave. ValueError, KeyError or TypeError if it is not of that form."""
    numbers = [value[name] for name in ("seen", "clean", "size", "carried")]
    if not all(type(number) is int and number >= 0 for number in numbers) or type(value["cut"]) is not bool:
        raise ValueError("counts")
    findings = [dict(value[name]) for name in ("infected", "not_scanned")]
    for one in findings:
        if not all(isinstance(path, str) and isinstance(detail, str) for path, detail in one.items()):
            raise ValueError("findings")
    seen, clean, size, carried = numbers
    return Tally(seen, clean, size, findings[0], findings[1], carried, value["cut"])

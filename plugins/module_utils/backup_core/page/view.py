# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages show of a commune, worked out from its ledgers and its status. Pure from `Facts` on.

Nothing here comes from the history of jobs: what counts is what lies in the repository, what the ledger says
of it, and what a verification has found sound since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from ..ledger import Ledger, Receipt
from ..opening import OpenDays
from ..policy import Policy
from ..retention import Plan, Snapshot, plan
from ..status import Facts, Level, Status
from ..times import paris_day

# Weeks that the calendar of a commune shows.
WEEKS = 53
INCIDENTS = timedelta(days=90)
MOST_ROWS = 400

DayState = Literal["closed", "ok", "partial", "missed", "due", "before"]

# What the acts of a ledger mean to people; others tell nothing that they need to know.
_ACTS = {
    "held": "suppressions gelées",
    "released": "gel des suppressions levé",
    "quarantined": "mise en quarantaine",
    "remote-ledger-refused": "registre de la CCPP refusé par le serveur de la commune",
    "ledger-refused": "registre refusé : il ne continuait pas celui que la CCPP détient",
    "missing": "sauvegardes disparues du dépôt",
    "drilled": "exercice de restauration",
    "restored": "restauration",
}
_WHY = (
    ("the full of", "première sauvegarde du mois, gardée douze mois"),
    ("kept ", "gardée quatorze jours"),
    ("floor", "parmi les trois dernières complètes"),
    ("hold", "suppressions gelées"),
    ("stalled", "suppressions suspendues : plus de sauvegarde récente"),
    ("clock", "suppressions suspendues : l'horloge est incertaine"),
)


@dataclass(frozen=True)
class Kept:
    """A snapshot that can be restored. `until` is its last day, None where no date ends it."""

    day: date
    received_at: datetime
    kind: str
    outcome: str
    size: int
    files: int
    why: tuple[str, ...]
    until: date | None
    verified: bool


@dataclass(frozen=True)
class Restore:
    """A measured restore or drill."""

    at: datetime
    drill: bool
    seconds: float
    size: int
    sound: bool


@dataclass(frozen=True)
class Incident:
    at: datetime
    source: str
    what: str
    why: str


@dataclass(frozen=True)
class SourceView:
    """One workstation or share. `safe_day` is the newest day that a sound verification covers."""

    name: str
    status: Status
    kept: Sequence[Kept]
    restores: Sequence[Restore]
    incidents: Sequence[Incident]
    days: Mapping[date, DayState]
    safe_day: date | None
    safe_since: datetime | None


@dataclass(frozen=True)
class Link:
    name: str
    up: bool


@dataclass(frozen=True)
class CommuneView:
    """Everything on a commune's page. `used` and `limit` in bytes; what is None is not known."""

    slug: str
    name: str
    contacts: Mapping[str, str]
    sources: Sequence[SourceView]
    used: int | None = None
    limit: int | None = None
    full_on: date | None = None
    links: Sequence[Link] = ()
    antivirus_at: datetime | None = None
    term_end: date | None = None
    server_end: date | None = None
    tier: int | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def level(self) -> Level:
        levels = {source.status.level for source in self.sources}
        return next((one for one in ("alarm", "attention") if one in levels), "ok" if levels else "attention")

    @property
    def safe(self) -> tuple[date, datetime] | None:
        """The day of which every source can be restored, and when the oldest of these proofs was made."""
        found = [(one.safe_day, one.safe_since) for one in self.sources]
        if not found or any(day is None or since is None for day, since in found):
            return None
        return min(day for day, _since in found if day), min(since for _day, since in found if since)

    @property
    def last_day(self) -> date | None:
        """The newest day of which all sources have a complete backup."""
        days = [one.status.last_ok_day for one in self.sources]
        return None if not days or None in days else min(day for day in days if day is not None)

    @property
    def pending(self) -> int | None:
        known = [one.status.pending for one in self.sources if one.status.pending is not None]
        return sum(known) if known else None

    @property
    def drill(self) -> Restore | None:
        drills = [one for source in self.sources for one in source.restores if one.drill]
        return max(drills, key=lambda one: one.at, default=None)


def source_view(
    name: str, facts: Facts, status: Status, calendar: OpenDays, policy: Policy, now: datetime
) -> SourceView:
    """What is shown of a source: only what its repository holds counts as kept."""
    live = facts.ledger.live()
    there = [one for one in live if facts.present is None or one.snapshot in facts.present]
    covered, since = _covered(facts.ledger)
    decided = plan(
        [Snapshot(r.snapshot, r.series, r.received_at, r.claimed_at, r.outcome) for r in live],
        calendar,
        policy,
        now,
        newest_entry=facts.ledger.newest_at,
        holds={facts.series: facts.held[0]} if facts.held else {},
        present=facts.present,
        quarantined=facts.ledger.quarantined_ids(),
    )
    kept = _kept(there, decided, covered)
    safe = [one for one in kept if one.verified and one.outcome == "ok"]
    doubtful = facts.ledger.quarantined_ids() | set(decided.quarantined())
    believed = [r for r in (*facts.ledger.receipts(), *there) if r.snapshot not in doubtful]
    return SourceView(
        name,
        status,
        kept,
        _restores(facts.ledger),
        _incidents(name, facts.ledger, now),
        days_of(believed, facts.ledger, calendar, now),
        max((one.day for one in safe), default=None),
        since if safe else None,
    )


def _covered(ledger: Ledger) -> tuple[int, datetime | None]:
    """Up to which entry the last verification looked, if it found all sound, and when it did."""
    last = next((entry for entry in reversed(ledger.entries) if entry.act == "verified"), None)
    if last is None or last.fields.get("sound") is not True:
        return 0, None
    entries = last.fields.get("entries")
    return (entries if isinstance(entries, int) else 0), last.at


def _kept(there: Sequence[Receipt], decided: Plan, covered: int) -> list[Kept]:
    """The newest first. What is in quarantine is kept too, but nobody shall count on it."""
    decisions = {one.id: one for one in decided.decisions()}
    kept = []
    for receipt in there:
        decision = decisions.get(receipt.snapshot)
        if decision is None or decision.action == "quarantine":
            continue
        why = tuple(french_reason(reason) for reason in decision.reasons) or ("gardée",)
        if decision.action == "remove":
            why = ("sa durée est écoulée : partira au prochain passage",)
        kept.append(
            Kept(
                receipt.day,
                receipt.received_at,
                receipt.kind,
                receipt.outcome,
                receipt.size,
                receipt.files,
                why,
                decision.until,
                receipt.seq <= covered,
            )
        )
    return kept[::-1][:MOST_ROWS]


def french_reason(reason: str) -> str:
    """A reason of the retention plan in French; what is not known here is shown as it is."""
    return next((french for english, french in _WHY if reason.startswith(english)), reason)


def days_of(
    believed: Sequence[Receipt], ledger: Ledger, calendar: OpenDays, now: datetime
) -> dict[date, DayState]:
    """What became of each day of the last year, also where retention has removed the backup since."""
    today = paris_day(now)
    outcomes: dict[date, set[str]] = {}
    for receipt in believed:
        outcomes.setdefault(receipt.day, set()).add(receipt.outcome)
    begun = paris_day(ledger.entries[0].at) if ledger.entries else today
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    states: dict[date, DayState] = {}
    for number in range((today - first).days + 1):
        day = first + timedelta(days=number)
        made = outcomes.get(day, set())
        if "ok" in made:
            states[day] = "ok"
        elif made:
            states[day] = "partial"
        elif not calendar.is_open(day):
            states[day] = "closed"
        elif day <= begun:
            states[day] = "before"
        else:
            states[day] = "due" if day == today else "missed"
    return states


def worst(states: Sequence[Mapping[date, DayState]]) -> dict[date, DayState]:
    """The days of several sources in one calendar: each day as bad as its worst."""
    order: tuple[DayState, ...] = ("missed", "partial", "due", "ok", "before", "closed")
    merged: dict[date, DayState] = {}
    for days in states:
        for day, state in days.items():
            merged[day] = min(merged.get(day, state), state, key=order.index)
    return merged


def _restores(ledger: Ledger) -> list[Restore]:
    found = []
    for entry in ledger.entries:
        if entry.act in ("restored", "drilled"):
            seconds, size = entry.fields.get("seconds"), entry.fields.get("size")
            found.append(
                Restore(
                    entry.at,
                    entry.act == "drilled",
                    float(seconds) if isinstance(seconds, (int, float)) else 0.0,
                    size if isinstance(size, int) else 0,
                    entry.act == "restored" or entry.fields.get("sound") is True,
                )
            )
    return found[::-1][:20]


def _incidents(source: str, ledger: Ledger, now: datetime) -> list[Incident]:
    found = []
    for entry in ledger.entries:
        if now - entry.at > INCIDENTS:
            continue
        what = _ACTS.get(entry.act)
        if entry.act == "verified" and entry.fields.get("sound") is not True:
            what = "vérification : des données abîmées ont été trouvées"
        if what is not None and entry.act not in ("restored", "drilled"):
            found.append(Incident(entry.at, source, what, entry.why or ""))
    return found[::-1][:50]

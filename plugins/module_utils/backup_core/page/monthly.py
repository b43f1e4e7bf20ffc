# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The monthly report of a commune, in French: what was owed and done, and where the ledger proves it. Pure.

Each figure names the entry of the ledger it comes from: source, number and hash. Whoever holds a copy of that
ledger finds the entry again; the signature says that the CCPP said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..errors import InputError
from ..ledger import Entry, Ledger
from ..opening import OpenDays
from ..rules import same_day_later
from ..times import paris_day
from . import commune, fleet, frame, words
from .frame import Service
from .html import Html, table, tag
from .reasons import french
from .view import CommuneView, SourceView

NAMESPACE = "report@ccpp-backup"
DIGITS = 16
_CITED = re.compile(rf"registre ([a-z][a-z0-9-]*), écriture ([0-9]{{1,9}}), empreinte ([0-9a-f]{{{DIGITS}}})")
CLAUSE = (
    "Ce service sauvegarde des données pour les restaurer après une panne ou une attaque. Il n'est pas"
    " un archivage légal : la conservation des archives publiques relève du code du patrimoine et du contrôle"
    " des archives départementales."
)


@dataclass(frozen=True)
class Figure:
    """A line of the report. `proof`: the ledger's entry it stands on; None where it is not in a ledger."""

    source: str
    what: str
    value: str
    proof: Entry | None

    @property
    def entry(self) -> str:
        if self.proof is None:
            return "état du serveur au jour du rapport"
        return f"registre {self.source}, écriture {self.proof.seq}, empreinte {self.proof.digest[:DIGITS]}"


def last_day(first: date) -> date:
    """The last day of the month that begins on `first`."""
    return same_day_later(first, 1) - timedelta(days=1)


def figures(
    source: SourceView, book: Ledger, calendar: OpenDays, first: date, now: datetime
) -> Iterator[Figure]:
    """What the ledger says of a source in the month that begins on `first`, as far as it has passed."""
    until = min(last_day(first), paris_day(now))
    entries = [entry for entry in book.entries if first <= paris_day(entry.at) <= until]
    known = {day: source.days.get(day) for day in calendar.iterate(first, until)}
    counted = [day for day, state in known.items() if state != "before"]
    done = [day for day, state in known.items() if state == "ok"]
    receipts = [entry for entry in entries if entry.act == "receipt"]
    yield Figure(
        source.name,
        "jours d'ouverture sauvegardés en entier",
        f"{len(done)} sur {len(counted)}",
        receipts[-1] if receipts else None,
    )
    missed = [day for day, state in known.items() if state in ("missed", "partial")]
    if missed:
        said = ", ".join(str(day.day) for day in missed)
        yield Figure(source.name, "jours manqués ou incomplets", said, receipts[-1] if receipts else None)
    monthly = sum(1 for kept in source.kept if "première" in kept.why[0])
    yield Figure(
        source.name,
        "sauvegardes gardées",
        f"{len(source.kept)}, dont {words.count(monthly, 'mensuelle')}",
        book.entries[-1] if book.entries else None,
    )
    yield from _acts(source.name, entries)


def _acts(name: str, entries: Sequence[Entry]) -> Iterator[Figure]:
    copied = [entry for entry in entries if entry.act == "replicated"]
    if copied:
        yield Figure(name, "copies faites à la CCPP", str(len(copied)), copied[-1])
    verified = [entry for entry in entries if entry.act == "verified"]
    if verified:
        sound = sum(1 for entry in verified if entry.fields.get("sound") is True)
        yield Figure(name, "vérifications sans défaut", f"{sound} sur {len(verified)}", verified[-1])
    for entry in entries:
        if entry.act == "drilled":
            seconds = entry.fields.get("seconds")
            took = words.duration(seconds) if isinstance(seconds, (int, float)) else "durée inconnue"
            result = "réussi" if entry.fields.get("sound") is True else "échec"
            yield Figure(name, "exercice de restauration (promesse : 24 h)", f"{took}, {result}", entry)


def page(
    one: CommuneView,
    books: Mapping[str, Ledger],
    calendar: OpenDays,
    service: Service,
    first: date,
    now: datetime,
) -> str:
    """The report on the month that begins on `first`. `books`: the ledger of each source by its name."""
    found = [f for source in one.sources for f in figures(source, books[source.name], calendar, first, now)]
    rows = [[f.source, f.what, f.value, f.entry] for f in found]
    todo = [f"{source.name} : {reason}" for source in one.sources for reason in french(source.status, now)]
    incidents = [
        i for source in one.sources for i in source.incidents if first <= paris_day(i.at) <= last_day(first)
    ]
    return frame.page(
        f"{one.name} : rapport de {words.month(first)}",
        service,
        now,
        tag("p", commune.sentence(one, paris_day(now)), class_="say"),
        tag("h2", "Ce qui a été fait"),
        table("Chiffres du mois", ("Poste ou partage", "Quoi", "Valeur", "Preuve"), rows),
        tag("h2", "Incidents"),
        _list(
            [f"{words.instant(i.at)}, {i.source} : {i.what}. {i.why}" for i in incidents], "Aucun ce mois-ci."
        ),
        tag("h2", "Place et protection"),
        _list([f"{name} : {value}" for name, value in _state(one, now)], ""),
        tag("h2", "Ce qui manque, et ce qui sera fait"),
        _list(todo, "Rien ne manque."),
        tag("h2", "Ce que ce service n'est pas"),
        tag("p", CLAUSE),
        tag("h2", "Comment contrôler ce rapport"),
        tag(
            "p",
            "Ce rapport est signé. Hors ligne, avec le fichier des signataires remis par la CCPP : ",
            tag("code", "ccpp-backup verify-report --file RAPPORT --signers SIGNATAIRES"),
            ". Chaque écriture citée se retrouve dans le registre, dont la commune a une copie.",
        ),
    )


def _state(one: CommuneView, now: datetime) -> Iterator[tuple[str, object]]:
    yield "Remplissage", fleet.filling(one)
    yield "Plein, à ce rythme", "non prévu" if one.full_on is None else words.date_of(one.full_on)
    yield "Copie à la CCPP", fleet.copied(one)
    yield "Liens", fleet.links(one)
    yield "Antivirus", fleet.antivirus(one, now)


def _list(lines: Sequence[str], otherwise: str) -> Html:
    return tag("ul", *(tag("li", line) for line in lines)) if lines else tag("p", otherwise)


def entries_found(report: str, books: Mapping[str, Ledger]) -> int:
    """How many of the entries that an HTML report names are in these ledgers, by source.

    InputError names the first that is not: the report is about another ledger, or one of them was changed.
    """
    found = 0
    for source, number, digest in _CITED.findall(report):
        book = books.get(source)
        if book is None:
            continue
        entry = book.entries[int(number) - 1] if 0 < int(number) <= len(book.entries) else None
        if entry is None or not entry.digest.startswith(digest):
            raise InputError(
                f"--ledger: {source}: entry {number} is not the one that the report names ({digest}):"
                " compare this copy of the ledger with the other server's"
            )
        found += 1
    return found

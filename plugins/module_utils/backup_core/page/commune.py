# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one commune: the sentence for its secretary first, then all that stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from ..times import paris_day
from . import fleet, frame, words
from .frame import Service
from .html import Html, table, tag
from .reasons import french
from .view import CommuneView, DayState, Kept, worst

KINDS = {"full": "complète", "incremental": "incrémentale"}


def page(one: CommuneView, service: Service, today: date, now: datetime) -> str:
    days = worst([source.days for source in one.sources])
    return frame.page(
        one.name,
        service,
        now,
        tag("p", sentence(one, today), class_="say"),
        tag("p", "État : ", frame.badge(one.level)),
        tag("h2", "Ce qui demande une action"),
        _reasons(one, now),
        tag("h2", "Les jours d'ouverture depuis un an"),
        frame.heat_map(days, f"Sauvegardes de {one.name}, jour par jour"),
        _missed(days, today),
        tag("h2", "Où en sont les copies"),
        _facts(one, today, now),
        tag("h2", "Les sauvegardes gardées"),
        *_kept(one, today),
        tag("h2", "Restaurations mesurées"),
        _restores(one),
        tag("h2", "Incidents des trois derniers mois"),
        _incidents(one),
        tag("h2", "Contacts"),
        _contacts(one, service),
        home="../index.html",
    )


def sentence(one: CommuneView, today: date) -> str:
    """What a secretary wants to know, from what was verified, never from what was merely sent."""
    if one.safe is None:
        if any(source.kept for source in one.sources):
            return "Des sauvegardes sont là, mais toutes n'ont pas encore été vérifiées."
        return "Aucune sauvegarde n'est encore arrivée."
    day, since = one.safe
    verified = words.near(paris_day(since), today, weekday=False)
    return f"Vos données du {words.near(day, today)} peuvent être restaurées ; vérifié le {verified}."


def _reasons(one: CommuneView, now: datetime) -> Html:
    found = [
        tag("li", tag("strong", source.name), f" : {reason}")
        for source in one.sources
        for reason in french(source.status, now)
    ]
    found += [tag("li", note) for note in one.notes]
    return tag("ul", *found) if found else tag("p", "Rien : tout est en ordre.")


def _missed(days: Mapping[date, DayState], today: date) -> Html:
    missed = frame.listed(days, "missed")
    if not missed:
        return tag("p", "Aucun jour d'ouverture n'a été manqué.")
    said = ", ".join(words.near(day, today) for day in missed)
    return tag("p", tag("strong", "Jours manqués : "), said)


def _facts(one: CommuneView, today: date, now: datetime) -> Html:
    rows: list[tuple[str, object]] = [
        (
            "Dernier jour entièrement sauvegardé",
            "jamais" if one.last_day is None else words.day(one.last_day),
        ),
        ("Copie à la CCPP", fleet.copied(one)),
        ("Dernier exercice de restauration", fleet.drill(one)),
        ("Remplissage", fleet.filling(one)),
        (
            "Plein, à ce rythme",
            "pas avant la fin du contrat" if one.full_on is None else words.date_of(one.full_on),
        ),
        ("Liens vers la CCPP", fleet.links(one)),
        ("Antivirus", fleet.antivirus(one, now)),
        ("Fin du contrat", "inconnue" if one.term_end is None else words.date_of(one.term_end)),
        ("Fin de vie du serveur", "inconnue" if one.server_end is None else words.date_of(one.server_end)),
    ]
    return tag("dl", *(part for name, value in rows for part in (tag("dt", name), tag("dd", value))))


def _kept(one: CommuneView, today: date) -> Iterator[Html]:
    headings = ("Jour", "Sorte", "Fichiers", "Taille", "Pourquoi gardée", "Jusqu'au", "Vérifiée")
    for source in one.sources:
        if source.kept:
            yield table(
                f"{source.name} : {words.count(len(source.kept), 'sauvegarde')}",
                headings,
                [_snapshot(kept, today) for kept in source.kept],
            )
        else:
            yield tag("p", f"{source.name} : aucune sauvegarde n'est encore arrivée.")


def _snapshot(kept: Kept, today: date) -> list[object]:
    kind = KINDS.get(kept.kind, kept.kind)
    if kept.outcome != "ok":
        kind += ", des fichiers n'ont pu être lus"
    until = "sans date" if kept.until is None else words.date_of(kept.until)
    files = words.decimal(kept.files, 0)
    verified = "oui" if kept.verified else "pas encore"
    return [
        words.near(kept.day, today),
        kind,
        files,
        words.size(kept.size),
        "; ".join(kept.why),
        until,
        verified,
    ]


def _restores(one: CommuneView) -> Html:
    rows = [
        [
            words.instant(found.at),
            source.name,
            "exercice" if found.drill else "restauration",
            words.size(found.size),
            words.duration(found.seconds),
            "réussi" if found.sound else "échec",
        ]
        for source in one.sources
        for found in source.restores
    ]
    headings = ("Quand", "Poste ou partage", "Quoi", "Taille", "Durée", "Résultat")
    return table("Durées mesurées", headings, rows) if rows else tag("p", "Aucune n'a encore été mesurée.")


def _incidents(one: CommuneView) -> Html:
    found = sorted((i for source in one.sources for i in source.incidents), key=lambda i: i.at, reverse=True)
    rows = [[words.instant(i.at), i.source, i.what, i.why] for i in found[:60]]
    headings = ("Quand", "Poste ou partage", "Quoi", "Détail")
    return table("Incidents", headings, rows) if rows else tag("p", "Aucun.")


def _contacts(one: CommuneView, service: Service) -> Html:
    person = one.contacts.get("name")
    mail = one.contacts.get("mail")
    commune = [person, ", "] if person else []
    return tag(
        "ul",
        tag(
            "li",
            f"{one.name} : ",
            *commune,
            one.contacts.get("phone", ""),
            ", " if mail else "",
            mail and frame.mailto(mail),
        ),
        tag("li", f"{service.name} : {service.phone}, ", frame.mailto(service.mail), f", {service.hours}"),
    )

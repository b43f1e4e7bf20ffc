# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all communes: one row for each, the one that needs somebody first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ..status import ORDER
from . import frame, words
from .frame import Service
from .html import Html, table, tag
from .view import CommuneView

UNKNOWN = "inconnu"
PROMISED = 24 * 3600.0
HEADINGS = (
    "Commune",
    "État",
    "Dernier jour sauvegardé",
    "Copie à la CCPP",
    "Vérifié jusqu'au",
    "Exercice (promesse : 24 h)",
    "Remplissage",
    "Liens",
    "Antivirus",
)


def page(communes: Sequence[CommuneView], service: Service, today: date, now: datetime) -> str:
    ordered = sorted(communes, key=lambda one: (ORDER[one.level], one.slug))
    alarms = sum(1 for one in communes if one.level == "alarm")
    attention = sum(1 for one in communes if one.level == "attention")
    if not communes:
        said = "Aucune commune n'est encore inscrite."
    elif alarms or attention:
        said = (
            f"{words.count(alarms, 'commune')} en alarme, {attention} à suivre,"
            f" {len(communes) - alarms - attention} en ordre."
        )
    else:
        said = f"Tout est en ordre : {words.count(len(communes), 'commune')}."
    rows = [_row(one, today, now) for one in ordered]
    return frame.page(
        "Sauvegardes des communes",
        service,
        now,
        tag("p", said, class_="say"),
        table("Les communes, celles qui demandent une action d'abord", HEADINGS, rows),
    )


def _row(one: CommuneView, today: date, now: datetime) -> list[object]:
    return [
        tag("a", one.name, href=f"communes/{one.slug}.html"),
        frame.badge(one.level),
        "jamais" if one.last_day is None else words.near(one.last_day, today),
        copied(one),
        "jamais" if one.safe is None else words.near(one.safe[0], today),
        drill(one),
        filling(one),
        links(one),
        antivirus(one, now),
    ]


def copied(one: CommuneView) -> str:
    if one.pending is None:
        return UNKNOWN
    return "à jour" if not one.pending else f"{words.count(one.pending, 'sauvegarde')} en attente"


def drill(one: CommuneView) -> str | Html:
    if one.drill is None:
        return "jamais"
    if not one.drill.sound:
        return "échec"
    late = " (trop long)" if one.drill.seconds > PROMISED else ""
    return f"{words.duration(one.drill.seconds)}{late}"


def filling(one: CommuneView) -> str:
    if one.limit is None or one.used is None or not one.limit:
        return UNKNOWN
    return f"{words.percent(one.used / one.limit)} de {words.size(one.limit)}"


def links(one: CommuneView) -> str:
    if not one.links:
        return UNKNOWN
    down = [link.name for link in one.links if not link.up]
    return f"{len(one.links)} en service" if not down else f"coupé : {', '.join(down)}"


def antivirus(one: CommuneView, now: datetime) -> str:
    if one.antivirus_at is None:
        return UNKNOWN
    age = max(timedelta(0), now - one.antivirus_at)
    return "à jour" if age < timedelta(days=2) else f"signatures de {words.count(age.days, 'jour')}"

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a source is not in order, in French, from what its status knows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..status import COPIED_WITHIN, LITTLE_SPACE, VERIFY_EVERY, Status
from ..times import paris_day, parse_instant
from . import words


def french(status: Status, now: datetime) -> list[str]:
    """What a person should know or do; one general sentence where the status has a reason of another kind."""
    found = [*_backups(status, now), *_copies(status, now), *_proofs(status, now), *_store(status)]
    if not found and status.level != "ok":
        found.append("un point demande un technicien : la commande « ccpp-backup status » le nomme.")
    return found


def _backups(status: Status, now: datetime) -> Iterator[str]:
    today = paris_day(now)
    if status.last_ok_day is None:
        yield "aucune sauvegarde complète n'est encore arrivée : vérifier que le poste est allumé et relié."
    elif status.owed_day is not None and status.owed_day < today:
        since = words.near(status.last_ok_day, today)
        yield f"pas de sauvegarde complète depuis le {since} : vérifier que le poste est allumé."
    if status.last_outcome not in (None, "ok"):
        yield "la dernière sauvegarde est incomplète : des fichiers n'ont pu être lus."
    if status.quarantined:
        yield f"{words.count(status.quarantined, 'élément')} en quarantaine : vérifier l'horloge du poste."


def _copies(status: Status, now: datetime) -> Iterator[str]:
    oldest = status.oldest_pending_at
    if oldest is not None and now - oldest > COPIED_WITHIN:
        yield f"la copie à la CCPP attend depuis le {words.instant(oldest)} : les liens sont à vérifier."
    if status.pull is not None and status.pull.since is not None:
        since = words.instant(parse_instant(status.pull.since, "since"))
        yield f"la copie vers la CCPP échoue depuis le {since} : les liens sont à vérifier."


def _proofs(status: Status, now: datetime) -> Iterator[str]:
    if status.attack.level == "attacked":
        yield "une sauvegarde porte les marques d'un rançongiciel : éteindre le poste, prévenir l'assistance."
    elif status.attack.level == "suspect":
        yield "une sauvegarde est suspecte : prévenir l'assistance, et dire ce qui a changé sur le poste."
    if not status.chain_intact:
        yield "le registre a été altéré : ne rien supprimer, prévenir l'assistance."
    if status.verified_sound is False:
        yield "la dernière vérification a trouvé des données abîmées : prévenir l'assistance."
    elif status.verified_at is None and status.snapshots:
        yield "les sauvegardes n'ont encore jamais été vérifiées."
    elif status.verified_at is not None and now - status.verified_at > VERIFY_EVERY:
        yield f"pas de vérification depuis le {words.date_of(paris_day(status.verified_at))}."


def _store(status: Status) -> Iterator[str]:
    for reason in status.held[:1]:
        yield f"les suppressions sont gelées ({reason})."
    if status.size and status.free < LITTLE_SPACE * status.size:
        yield f"il ne reste que {words.size(status.free)} sur les disques."

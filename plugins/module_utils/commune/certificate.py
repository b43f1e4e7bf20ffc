# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate that a commune gets in the end, in French: what was handed back and erased. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..backup_core import checksums
from ..backup_core.page.words import date_of as day
from ..backup_core.signing import CERTIFICATE, PRINCIPAL
from ..backup_core.times import paris, parse_day, parse_instant

FILE = "attestation.pdf"
TITLE = "Attestation de restitution et d'effacement des données"


@dataclass(frozen=True)
class Section:
    """A title, paragraphs, and lines that are typed or compared, in a type of fixed width."""

    title: str
    text: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


def sections(
    commune: Mapping[str, Any], record: Mapping[str, Any], owner: str, key: str
) -> tuple[Section, ...]:
    """The certificate's text, of a complete record. `key` is the fingerprint of the key that signs it."""
    return (
        Section("Objet", (_object(commune, owner, bool(record.get("lost"))),)),
        _handed_back(record["handback"]),
        _agreement(record["agreed"]),
        _local(commune, record),
        _erased_remote(record["erased"]["remote"]),
        *_rest(record),
        _kept(record["erased"]),
        _signature(key),
    )


def _object(commune: Mapping[str, Any], owner: str, lost: bool) -> str:
    where = "des deux serveurs du service"
    if lost:
        where = "du serveur de la communauté de communes, celui de la mairie étant perdu"
    return (
        f"{owner} atteste que les sauvegardes de la commune de {commune['name']} (code INSEE"
        f" {commune['insee']}) lui ont été restituées, puis effacées {where}, comme il est dit ci-dessous."
    )


def moment(instant: str) -> str:
    """An instant as the French write it, by the clock of Paris: 1er mars 2026 à 9 h 05."""
    local: datetime = parse_instant(instant, "instant").astimezone(paris())
    return f"{day(local.date())} à {local.hour} h {local.minute:02}"


def _handed_back(handback: Mapping[str, Any]) -> Section:
    lines = [
        f"{part['source']} : sauvegarde du {day(parse_day(part['day'], 'day'))}, {part['files']} fichiers,"
        f" {number(part['size'])} octets"
        for part in handback["parts"]
    ]
    empty = [f"{source} : jamais sauvegardée, rien à restituer" for source in handback["empty"]]
    return Section(
        "Restitution",
        (
            f"Le {moment(handback['at'])}, par {handback['by']}, en fichiers ordinaires, chacun comparé à la"
            f" sauvegarde, puis contrôlé par la liste {checksums.NAME} :",
            *lines,
            *empty,
            f"Empreinte SHA-256 du fichier {checksums.NAME} remis à la commune :",
        ),
        (handback["sha256"],),
    )


def number(value: int) -> str:
    """A number as the French write it: 1 234 567."""
    return f"{value:,}".replace(",", "\u00a0")


def _agreement(agreed: Mapping[str, Any]) -> Section:
    on = day(parse_day(agreed["agreed_on"], "agreed_on"))
    return Section(
        "Accord",
        (f"Effacement convenu avec la commune à partir du {on}, exécuté par {agreed['erased_by']}.",),
    )


def _when(erased: Mapping[str, Any]) -> str:
    return f"Serveur {erased['server']}, du {moment(erased['begun_at'])} au {moment(erased['erased_at'])}."


def _sources(erased: Mapping[str, Any]) -> Iterator[str]:
    for source, counts in erased["sources"].items():
        erased_here, received = counts["erased"], counts["received"]
        yield f"{source}, nombre de sauvegardes effacées : {erased_here}, reçues en tout : {received}"


def _erased_local(erased: Mapping[str, Any]) -> Section:
    return Section("Effacement en mairie", (_when(erased), *_sources(erased), _keys(erased), *_disks(erased)))


def _local(commune: Mapping[str, Any], record: Mapping[str, Any]) -> Section:
    if record.get("lost"):
        return _lost_local(commune, record["lost"])
    return _erased_local(record["erased"]["local"])


def _lost_local(commune: Mapping[str, Any], why: str) -> Section:
    """What nobody could erase is said, and what its holder has to do about it."""
    return Section(
        "Serveur de la mairie : perdu, non effacé",
        (
            f"Raison : {why}.",
            "Rien n'a pu y être effacé. Ses disques de données portent encore les sauvegardes, chiffrées, et"
            " son disque système les mots de passe qui les ouvrent : qui les tient ensemble peut tout lire."
            " Celui qui détient ces disques, ou les retrouve, les fait détruire.",
            *(f"Disque {disk}" for disk in commune["server"].get("disks") or ()),
        ),
    )


def _keys(erased: Mapping[str, Any]) -> str:
    return (
        "Les sauvegardes sont chiffrées : leurs clés et les mots de passe qui les ouvrent ont été écrasés en"
        f" premier ({erased['keys']} fichiers dans les dépôts)."
    )


def _disks(erased: Mapping[str, Any]) -> Iterator[str]:
    for disk, done in erased["disks"].items():
        if done.get("missing"):
            yield f"Disque {disk} : absent lors de l'effacement ; illisible sans les clés détruites."
        else:
            then = ", puis rendu à l'état libre (discard)" if done["discarded"] else ""
            yield f"Disque {disk} : écrasé en entier par des zéros ({number(done['zeroed'])} octets){then}."
    if not erased["disks"]:
        yield _freed(erased)


def _freed(erased: Mapping[str, Any]) -> str:
    if erased["discarded"]:
        return "Les dépôts ont été supprimés, et l'espace libéré rendu au disque (discard)."
    return (
        "Les dépôts ont été supprimés. Le disque ne connaît pas l'ordre discard : l'espace libéré, illisible"
        " sans les clés détruites, sera écrasé par l'usage."
    )


def _erased_remote(erased: Mapping[str, Any]) -> Section:
    return Section(
        "Effacement à la communauté de communes",
        (
            *(_when(erased), *_sources(erased), _keys(erased)),
            f"{erased['subvolumes']} volumes supprimés (dépôts et copies de précaution), quota rendu.",
            _freed(erased),
        ),
    )


def _rest(record: Mapping[str, Any]) -> Iterator[Section]:
    lines = ["Les mots de passe et les comptes de la commune ont été détruits dans le coffre du service."]
    if record.get("workstations"):
        lines.append(f"Postes débarrassés de la sauvegarde : {', '.join(record['workstations'])}.")
    if record.get("gone"):
        lines.append(
            f"Postes qui n'existent plus, sur lesquels rien n'a été fait : {', '.join(record['gone'])}."
        )
    yield Section("Mots de passe et postes", tuple(lines))
    if record.get("kits"):
        yield Section(
            "Kits de secours sur papier",
            (
                "Ces feuilles portent des clés désormais sans objet. Leurs détenteurs les détruisent :",
                *(
                    f"{kit['for']} : kit du {day(parse_day(kit['on'], 'on'))}, empreinte {kit['fingerprint']}"
                    for kit in record["kits"]
                ),
            ),
        )


def _kept(erased: Mapping[str, Any]) -> Section:
    sites: Sequence[tuple[str, str]] = (("local", "mairie"), ("remote", "communauté de communes"))
    return Section(
        "Ce qui est conservé",
        (
            "Comme preuve, un registre réduit : dates, nature des opérations, identifiants et empreintes,"
            " sans nom, chemin ni contenu. Empreintes SHA-256 de ces registres :",
        ),
        tuple(f"{name} : {erased[site]['archive']}" for site, name in sites if site in erased),
    )


def _signature(key: str) -> Section:
    return Section(
        "Contrôler cette attestation",
        (
            f"Ce fichier, {FILE}, est signé. Avec {FILE}.sig et le fichier signers du service, sans réseau,"
            " sous Linux, macOS ou Windows (OpenSSH), d'une traite :",
            f"Empreinte de la clé du service : {key}",
        ),
        (
            f"ssh-keygen -Y verify -f signers -I {PRINCIPAL} \\",
            f"  -n {CERTIFICATE} -s {FILE}.sig < {FILE}",
        ),
    )

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune's paper recovery kit says, in French: everything to read its backups with restic alone.

Pure: from the commune's settings and passwords to blocks of text, keys and commands. Every command runs as it
stands; what only the person in front of the screen can know, it asks for (`read`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from . import paper

# Where both servers have their store; on its disks, paths begin below it.
STORE = "/srv/backup"
_MOUNTED = "/mnt/disque"
_DAYS = {
    "mon": "lundi",
    "tue": "mardi",
    "wed": "mercredi",
    "thu": "jeudi",
    "fri": "vendredi",
    "sat": "samedi",
    "sun": "dimanche",
}
WEEKDAYS = tuple(_DAYS)
_KINDS = {
    "linux": "poste Linux",
    "windows": "poste Windows",
    "smb": "partage de fichiers",
    "path": "dossier du serveur",
}


@dataclass(frozen=True)
class Block:
    """What stands together on the page, from top to bottom: text, commands, and the lines of a key."""

    title: str
    level: int = 1
    new_page: bool = False
    text: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """Whom to call. `days` as mon, tue, ...; `hours` as 09:00, 17:00."""

    name: str
    owner: str
    phone: str
    mail: str
    days: tuple[str, ...] = ()
    hours: tuple[str, str] | None = None


@dataclass(frozen=True)
class Site:
    """A server's store: on disks of its own or in a folder of the system's, and the folder of a commune's
    repositories in it."""

    dedicated: bool
    folder: str

    def repository(self, source: str) -> str:
        """Path of a source's repository from the store's root."""
        return f"{self.folder.removeprefix(STORE).strip('/')}/{source}"


class Passwords(NamedTuple):
    """A source's keys: of its repository at LOCAL, and of the one at REMOTE."""

    local: str
    remote: str


@dataclass(frozen=True)
class Kit:
    """`contacts` stands among the blocks too."""

    title: str
    contacts: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits in groups of four, for all that the kit says but date and recipient."""
        said = json.dumps(asdict(self), ensure_ascii=True).encode("ascii")
        digest = hashlib.sha256(said).hexdigest().upper()
        return " ".join(digest[start : start + 4] for start in range(0, 16, 4))


def kit(
    commune: Mapping[str, Any],
    passwords: Mapping[str, Passwords],
    service: Service,
    local: Site,
    remote: Site,
) -> Kit:
    """The kit of one commune. `commune` is the `commune_settings` of the inventory; `passwords` may also have
    sources that the commune's file no longer names: their data stays until its retention ends."""
    contacts = _contacts(commune, service)
    blocks = (
        _purpose(commune["name"]),
        Block("Qui appeler avant tout", text=contacts),
        _machine(),
        *_ways(commune["slug"], local, remote),
        *_choice(),
        *_sources(commune, passwords, local, remote),
        _end(),
    )
    return Kit(f"Kit de secours : sauvegarde de {commune['name']}", contacts, blocks)


def _purpose(name: str) -> Block:
    return Block(
        "À quoi servent ces feuilles",
        text=(
            f"Elles suffisent pour relire toutes les données sauvegardées de {name}, sans le service"
            " informatique ni ses serveurs, avec un disque de sauvegarde et un ordinateur sous Debian où le"
            " logiciel libre restic est installé.",
            "Elles contiennent les clés des sauvegardes : qui les possède, avec un disque, lit tout."
            " Gardez-les sous clé, en un autre lieu que les disques, et ne les photocopiez pas.",
            "Tout ce qui est dans un cadre se tape au clavier, exactement ; le carré voisin contient le même"
            " texte, pour un lecteur de codes.",
        ),
    )


def _contacts(commune: Mapping[str, Any], service: Service) -> tuple[str, ...]:
    contacts = commune["contacts"]
    answering = f", {support(service.days, service.hours)}" if service.days and service.hours else ""
    return (
        f"{service.name} ({service.owner}) : {service.phone}, {service.mail}{answering}.",
        f"{commune['name']} : {contacts.get('name', 'mairie')}, {contacts['phone']}, {contacts['mail']}.",
    )


def support(days: Sequence[str], hours: tuple[str, str]) -> str:
    """The hours in which somebody answers.

    >>> support(["mon", "tue", "wed"], ("09:00", "17:00"))
    'du lundi au mercredi de 9h00 à 17h00'
    """
    places = sorted(WEEKDAYS.index(day) for day in set(days))
    names = [list(_DAYS.values())[place] for place in places]
    unbroken = len(places) > 2 and places[-1] - places[0] == len(places) - 1
    which = f"du {names[0]} au {names[-1]}" if unbroken else f"le {' et le '.join(names)}"
    first, last = (hour.removeprefix("0").replace(":", "h") for hour in hours)
    return f"{which} de {first} à {last}"


def _machine() -> Block:
    return Block(
        "1. Préparer l'ordinateur",
        text=(
            "Debian 13 ou plus récent, dans un terminal, en tant que root, dans l'interpréteur bash."
            " La fonction lire relit ensuite les clés que vous tapez : le nombre en tête de chaque ligne en"
            " est le contrôle, une ligne mal tapée est signalée, et se retape seule.",
        ),
        commands=("apt-get update && apt-get install -y restic", *paper.READER),
    )


def _ways(slug: str, local: Site, remote: Site) -> Iterator[Block]:
    yield Block(
        "2. Atteindre les sauvegardes",
        text=("Suivez un seul des trois cas, le premier qui est possible.",),
    )
    yield Block(
        "Cas A : le serveur de la mairie, ou un de ses disques",
        level=2,
        text=(_from_disk("Éteignez le serveur de la mairie", local),),
        commands=_mounting(local),
    )
    yield Block(
        "Cas B : le serveur de la communauté de communes, ou un de ses disques",
        level=2,
        text=(_from_disk("Sur place, avec le service informatique : éteignez le serveur", remote),),
        commands=_mounting(remote),
    )
    yield Block(
        "Cas C : un disque apporté par la communauté de communes",
        level=2,
        text=(f"Il contient un dossier {slug}. Branchez-le, repérez son nom, puis :",),
        commands=(
            *_mounting(Site(False, STORE))[:-1],
            f"cd {_MOUNTED}",
            f'cd "$(find . -maxdepth 4 -type d -name {slug} -print -quit)/.."',
        ),
    )


def _from_disk(begin: str, site: Site) -> str:
    which = "un de ses disques de sauvegarde (un seul suffit)" if site.dedicated else "son disque"
    device = "/dev/sdb" if site.dedicated else "/dev/sdb1"
    return (
        f"{begin}, retirez {which} et branchez-le à l'ordinateur. Repérez son nom dans la liste de lsblk, par"
        f" exemple {device}, et tapez-le après read. Si le serveur démarre encore, travaillez sur lui :"
        f" tapez seulement cd {STORE}."
    )


def _mounting(site: Site) -> tuple[str, ...]:
    # One disk of a mirror is enough, and nothing is written to it.
    options = "ro,degraded" if site.dedicated else "ro"
    return (
        "lsblk -o NAME,SIZE,FSTYPE,LABEL",
        "read -r DISQUE",
        f"mkdir -p {_MOUNTED}",
        f'mount -o {options} "$DISQUE" {_MOUNTED}',
        f"cd {_MOUNTED}{'' if site.dedicated else STORE}",
    )


def _choice() -> Iterator[Block]:
    yield Block(
        "3. Restaurer",
        text=(
            "Après read, tapez le dossier où déposer les fichiers, sur un disque qui a assez de place, par"
            " exemple /root/restauration.",
        ),
        commands=("read -r CIBLE",),
    )
    yield Block(
        "Pour chaque source, dans l'ordre de ces feuilles",
        level=2,
        text=(
            "Prenez la clé et les commandes de votre cas. Après la commande lire, tapez les lignes de la clé,"
            " puis une ligne vide. La liste des sauvegardes s'affiche ; après read, tapez l'identifiant"
            " (colonne ID) de celle que vous voulez : la dernière d'avant l'incident.",
            "Après un piratage, la date de la liste peut être fausse. La commande suivante donne l'heure"
            " (UTC) à laquelle le serveur a reçu la sauvegarde choisie, si le disque porte les registres.",
        ),
        commands=('grep -rh "$ID" ledgers | grep -o \'"received_at":"[^"]*"\' | head -n 1',),
    )


def _sources(
    commune: Mapping[str, Any], passwords: Mapping[str, Passwords], local: Site, remote: Site
) -> Iterator[Block]:
    named = commune["sources"]
    order = sorted(named, key=lambda name: (named[name]["priority"], name))
    for name in (*order, *sorted(set(passwords) - set(named))):
        yield Block(f"Source {name}", new_page=True, text=(_what(named.get(name)),))
        for case, site, secret in (
            ("cas A, serveur de la mairie", local, passwords[name].local),
            ("cas B et C, communauté de communes", remote, passwords[name].remote),
        ):
            repository = site.repository(name)
            yield Block(
                f"{name} : {case}",
                level=2,
                text=(f"Dépôt : {repository} (sur le serveur : {STORE}/{repository})",),
                commands=_restoring(name, repository, secret),
                key=paper.lines(secret),
            )


def _what(source: Mapping[str, Any] | None) -> str:
    if source is None:
        return "Source retirée : ses dernières sauvegardes sont gardées jusqu'au bout de leur durée."
    where = ", ".join(source["paths"]) if "paths" in source else source["share"]
    return f"{_KINDS[source['kind']]}, priorité {source['priority']} : {where}"


def _restoring(name: str, repository: str, secret: str) -> tuple[str, ...]:
    key = f"/root/cle-{name}"
    return (
        f"{paper.reading(secret)} > {key}",
        f"export RESTIC_PASSWORD_FILE={key}",
        f"export RESTIC_REPOSITORY={repository}",
        "restic snapshots --no-lock",
        "read -r ID",
        f'restic restore "$ID" --no-lock --sparse --verify --target "$CIBLE/{name}"',
    )


def _end() -> Block:
    return Block(
        "4. À la fin",
        text=("Ouvrez quelques fichiers restaurés, puis effacez les clés tapées et retirez le disque.",),
        commands=("rm /root/cle-*", f"cd /; umount {_MOUNTED}"),
    )

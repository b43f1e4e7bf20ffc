# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the certificate says. That it can be read and its signature checked is tested from the file itself."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.commune import certificate, certificate_pdf

SHA = "6f" * 32
COUNTED = {"received": 412, "erased": 26, "entries": 1800, "head": "c" * 64}
ERASED = {
    "server": "saint-exemple-local",
    "begun_at": "2026-04-01T07:00:00Z",
    "erased_at": "2026-04-01T22:30:00Z",
    "sources": {"accueil": COUNTED},
    "archive": "d" * 64,
    "keys": 5,
    "subvolumes": 0,
    "discarded": None,
    "disks": {
        "/dev/disk/by-id/ata-1": {"zeroed": 1_000_204_886_016, "discarded": True},
        "/dev/disk/by-id/ata-2": {"missing": True},
    },
}
REMOTE = {
    **ERASED,
    "server": "remote",
    "archive": "e" * 64,
    "subvolumes": 4,
    "discarded": False,
    "disks": {},
}
RECORD: dict[str, Any] = {
    "commune": "saint-exemple",
    "handback": {
        "at": "2026-03-02T10:05:00Z",
        "by": "Dominique Exemple",
        "sha256": SHA,
        "parts": [{"source": "accueil", "day": "2026-03-01", "files": 12, "size": 1_234_567}],
        "empty": ["archives"],
    },
    "agreed": {"agreed_on": "2026-03-31", "erased_by": "Camille Exemple"},
    "workstations": ["accueil"],
    "gone": ["compta"],
    "kits": [{"for": "Mairie, coffre", "on": "2026-01-05", "fingerprint": "D179 DFB9 EE12 3765"}],
    "erased": {"local": ERASED, "remote": REMOTE},
}
COMMUNE = {"name": "Saint-Exemple-sur-Noye", "insee": "99001"}


def said(record: dict[str, Any] = RECORD) -> str:
    made = certificate.sections(COMMUNE, record, "Communauté de Communes", "SHA256:key")
    return "\n".join(line for section in made for line in (section.title, *section.text, *section.fixed))


def test_it_says_what_was_handed_back_when_and_under_which_checksum() -> None:
    text = said()
    assert "Saint-Exemple-sur-Noye (code INSEE 99001)" in text
    assert "Le 2 mars 2026 à 11 h 05, par Dominique Exemple" in text
    assert "accueil : sauvegarde du 1er mars 2026, 12 fichiers, 1\u00a0234\u00a0567 octets" in text
    assert "archives : jamais sauvegardée, rien à restituer" in text
    assert SHA in text


def test_it_says_what_was_erased_where_when_and_by_whom() -> None:
    text = said()
    assert "à partir du 31 mars 2026, exécuté par Camille Exemple" in text
    assert "Serveur saint-exemple-local, du 1er avril 2026 à 9 h 00 au 2 avril 2026 à 0 h 30." in text
    assert "accueil, nombre de sauvegardes effacées : 26, reçues en tout : 412" in text
    assert "4 volumes supprimés (dépôts et copies de précaution), quota rendu." in text


def test_it_claims_no_more_than_was_done() -> None:
    text = said()
    assert "ata-1 : écrasé en entier par des zéros" in text
    assert "ata-2 : absent lors de l'effacement" in text
    assert "Le disque ne connaît pas l'ordre discard" in text
    trimmed = copy.deepcopy(RECORD)
    trimmed["erased"]["remote"]["discarded"] = True
    assert "l'espace libéré rendu au disque (discard)" in said(trimmed)
    assert "sur lesquels rien n'a été fait : compta." in text
    plain = copy.deepcopy(trimmed)
    plain["erased"]["local"].update(disks={}, discarded=True)
    assert "par des zéros" not in said(plain)


def test_of_a_lost_server_it_says_that_nothing_was_erased_there() -> None:
    commune = {**COMMUNE, "server": {"disks": ["/dev/disk/by-id/ata-1", "/dev/disk/by-id/ata-2"]}}
    record = {**RECORD, "lost": "incendie du 3 mars 2026", "erased": {"remote": REMOTE}}
    made = certificate.sections(commune, record, "Communauté de Communes", "SHA256:key")
    text = "\n".join(line for section in made for line in (section.title, *section.text, *section.fixed))
    assert "puis effacées du serveur de la communauté de communes, celui de la mairie étant perdu" in text
    assert "Serveur de la mairie : perdu, non effacé\nRaison : incendie du 3 mars 2026." in text
    assert "Disque /dev/disk/by-id/ata-2" in text
    assert "écrasé en entier" not in text
    assert "mairie : " + "d" * 64 not in text
    assert "communauté de communes : " + "e" * 64 in text


def test_it_says_which_papers_are_to_be_destroyed_and_what_is_kept() -> None:
    text = said()
    assert "Mairie, coffre : kit du 5 janvier 2026, empreinte D179 DFB9 EE12 3765" in text
    assert "mairie : " + "d" * 64 in text
    without = {name: value for name, value in RECORD.items() if name not in ("kits", "gone", "workstations")}
    assert "Kits de secours" not in said(without)


def test_it_says_how_to_check_it_offline() -> None:
    text = said()
    assert "ssh-keygen -Y verify -f signers -I ccpp-backup" in text
    assert "-n certificate@ccpp-backup -s attestation.pdf.sig < attestation.pdf" in text
    assert "SHA256:key" in text


def test_the_same_record_is_the_same_pdf() -> None:
    made = certificate.sections(COMMUNE, RECORD, "Communauté de Communes", "SHA256:key")
    first, second = (certificate_pdf.draw(made, COMMUNE["name"], date(2026, 4, 2)) for _time in range(2))
    assert first == second
    assert first.startswith(b"%PDF-")

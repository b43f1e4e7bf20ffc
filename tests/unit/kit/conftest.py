# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune with a source of each kind, and what its kit is made from."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.commune import paper
from ansible_collections.ccpp.backup.plugins.module_utils.commune.kit import Passwords, Service, Site

COMMUNE: dict[str, Any] = {
    "slug": "noeux-exemple",
    "name": "Nœux-l’Exemple",
    "contacts": {"phone": "01 99 00 00 02", "mail": "mairie@noeux.example.org"},
    "sources": {
        "accueil": {"kind": "linux", "paths": ["/home", "/srv/données"], "priority": 5},
        "compta": {"kind": "windows", "paths": ["C:\\Users"], "priority": 1},
        "partage": {"kind": "smb", "share": "//nas.example.org/mairie", "priority": 2},
        "serveur": {"kind": "path", "paths": ["/var/lib/archives"], "priority": 5},
    },
}


@pytest.fixture
def given() -> dict[str, Any]:
    """The arguments of `kit.kit`."""
    names = (*COMMUNE["sources"], "urbanisme")
    return {
        "commune": COMMUNE,
        "passwords": {name: Passwords(paper.password(), paper.password()) for name in names},
        "service": Service(
            "Sauvegarde des communes",
            "CCPP",
            "01 99 00 00 00",
            "support@ccpp.example.org",
            ("mon", "tue", "wed", "thu", "fri"),
            ("09:00", "17:00"),
        ),
        "local": Site(True, "/srv/backup/repositories"),
        "remote": Site(False, "/srv/backup/noeux-exemple"),
    }

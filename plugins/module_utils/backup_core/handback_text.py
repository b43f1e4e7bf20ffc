# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune reads, in French, beside the data that is handed back to it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import checksums


@dataclass(frozen=True)
class Part:
    """One snapshot in the hand-back. `original` is the id that LOCAL knows it by, where REMOTE hands back."""

    source: str
    snapshot: str
    original: str | None
    day: str
    outcome: str | None
    files: int = 0
    folders: int = 0
    links: int = 0
    size: int = 0

    @property
    def folder(self) -> str:
        return f"{self.source}/{self.day}_{self.snapshot[:8]}"


def read_me(name: str, parts: Sequence[Part]) -> str:
    """The text that goes with the data of the commune of that name."""
    lines = [
        f"Restitution des données sauvegardées : {name}",
        "",
        "Chaque dossier contient les fichiers d'un poste ou d'un partage, tels qu'ils étaient le jour dit :",
        "",
    ]
    for part in parts:
        day = f"{part.day[8:]}/{part.day[5:7]}/{part.day[:4]}"
        remark = "" if part.outcome in ("ok", None) else " (sauvegarde incomplète, la seule qui existe)"
        lines.append(f"  {part.folder}")
        lines.append(f"    sauvegarde du {day}, {part.files} fichiers, {part.size / 1e6:.1f} Mo{remark}")
    lines += [
        "",
        f"Le fichier {checksums.NAME} donne l'empreinte SHA-256 de chaque fichier. Pour tout contrôler, sous",
        "Linux, ouvrir un terminal dans ce dossier et taper :",
        "",
        f"  sha256sum --check --quiet {checksums.NAME}",
        "",
        "Si rien ne s'affiche, tous les fichiers sont là et aucun n'a changé.",
        "",
    ]
    return "\n".join(lines)

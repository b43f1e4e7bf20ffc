# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an onboarding has kept its promise: of each source, a verified backup at the CCPP. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The onboarding itself makes their first backup; a workstation of another kind begins when it is set up.
MADE_HERE = ("linux", "path", "smb")


@dataclass
class FirstCopies:
    """`verified` sources have such a backup. `missing`: one sentence for each that should have one and has
    none; `waiting`: one for each whose workstation has sent nothing yet, and cannot be made to from here."""

    verified: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def first_copies(
    sources: Mapping[str, Mapping[str, Any]],
    local: Sequence[Mapping[str, Any]],
    remote: Sequence[Mapping[str, Any]],
) -> FirstCopies:
    """Judge a commune's sources, as its file names them, by what `ccpp-backup status --json` says of them
    (its list `sources`) on the LOCAL and on the REMOTE server.

    A commune of which nothing at all is verified has something missing, whatever its kinds of sources.
    """
    here, there = _by_name(local), _by_name(remote)
    found = FirstCopies()
    for name, source in sources.items():
        lack = _lack(here.get(name), there.get(name))
        if lack is None:
            found.verified.append(name)
        elif source["kind"] not in MADE_HERE and not _sent(here.get(name)) and not _sent(there.get(name)):
            kind = source["kind"]
            found.waiting.append(
                f"{name}: this {kind} workstation has sent no backup yet; once it has, run this again"
            )
        else:
            found.missing.append(f"{name}: {lack}")
    if not found.verified and not found.missing:
        found.missing.append("no backup of this commune is at the CCPP yet")
    return found


def _by_name(statuses: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """By the name of the source, without its commune's."""
    return {str(one["source"]).rpartition("/")[2]: one for one in statuses}


def _sent(status: Mapping[str, Any] | None) -> bool:
    return status is not None and bool(status["last_backup"])


def _lack(local: Mapping[str, Any] | None, remote: Mapping[str, Any] | None) -> str | None:
    """What stands between the source and a complete, verified backup at the CCPP; None if nothing does."""
    if remote is not None and remote["verified_snapshots"] > 0:
        return None
    if not _sent(local) and not _sent(remote):
        return (
            "no backup has reached the LOCAL server (ccpp-backup run says why, on the machine that reads it)"
        )
    if remote is None or not _sent(remote):
        return "its backup has not reached the REMOTE server (ccpp-backup status says why, there)"
    if remote["newest_ok"] is None:
        return "its backup is partial, since some files could not be read (see ccpp-backup status)"
    if remote["verified_at"] is not None and not remote["verified_sound"]:
        return (
            "the verification of its copy on the REMOTE server found damage (see ccpp-backup verify, there)"
        )
    return "its copy on the REMOTE server is not verified (ccpp-backup verify does that, there)"

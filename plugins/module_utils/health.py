# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a server is as well as it was: what an update could have broken. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Of `ccpp-backup status`, from well to ill; anything else is worse than all of them.
LEVELS = ("ok", "attention", "alarm")


def worse(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One sentence for each thing that is worse than before; empty when the server is as well as it was.

    Both as module server_health returns them: lists of names (`failed`, `active`, `half_installed`), and
    `firewall`, `clock` and `repository` (None: there is none here), which are true when all is well.
    """
    return list(_worse(before, after))


def _worse(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for unit in sorted(set(after["failed"]) - set(before["failed"])):
        yield f"{unit} has failed"
    for unit in sorted(set(before["active"]) - set(after["active"]) - set(after["failed"])):
        yield f"{unit} is not active any more"
    for line in sorted(set(after["half_installed"]) - set(before["half_installed"])):
        yield f"dpkg: {line}"
    for name, sentence in (
        ("firewall", "the firewall's table is gone"),
        ("clock", "the time is not synchronised any more"),
        ("repository", "the repository does not answer over HTTPS"),
    ):
        if before[name] and not after[name]:
            yield sentence
    if _rank(after["status"]) > _rank(before["status"]):
        yield f"ccpp-backup status says {after['status']}, before it said {before['status']}"


def _rank(level: object) -> int:
    return LEVELS.index(level) if isinstance(level, str) and level in LEVELS else len(LEVELS)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One source seen from this machine: configuration, ledger, repository and clock together."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .clock import Clock
from .commands import Repository, is_snapshot_id
from .config import Config, Source
from .errors import InputError
from .files import give_to_folder_owner
from .ledger import Draft, Ledger
from .ledger_file import LedgerFile

KEY_ACT = "key-registered"
# The key the server itself uses; the module ccpp.backup.repository registers it under this name.
OWN_KEY = "admin"
# The key by which REMOTE opens LOCAL's repository, under the name that the role registers it by at LOCAL.
PULL_KEY = "replica"


@dataclass(frozen=True)
class Workplace:
    config: Config
    source: Source
    clock: Clock

    @property
    def who(self) -> str:
        """Who acts, as the ledger names it."""
        return f"ccpp-backup@{self.config.server}"

    @property
    def location(self) -> str:
        """The folder of the repository on this server."""
        if self.source.repository.location is None:
            raise InputError(
                f"{self.source.series}: this machine does not hold the repository (run it on the server)"
            )
        return self.source.repository.location

    def ledger_file(self) -> LedgerFile:
        if self.source.ledger is None:
            raise InputError(f"{self.source.series}: no ledger is configured here (run it on the server)")
        return LedgerFile(self.source.ledger)

    def ledger(self) -> Ledger:
        return self.ledger_file().read()

    def append(self, drafts: Iterable[Draft]) -> Ledger:
        """Write entries into the source's ledger; what root adds by hand still belongs to the service."""
        file = self.ledger_file()
        ledger = file.append(drafts)
        for path in (file.path, file.path + ".lock"):
            if os.path.exists(path):
                give_to_folder_owner(path)
        return ledger

    def draft(self, act: str, fields: Mapping[str, Any], why: str | None = None) -> Draft:
        return Draft(act=act, who=self.who, at=self.clock.now(), why=why, fields=fields)

    def repository(self, ledger: Ledger | None = None) -> Repository:
        """The repository's commands; with the ledger at hand, straight to our own key."""
        access = self.source.repository
        if ledger is not None:
            access = replace(access, key_hint=own_key(ledger))
        return Repository(access, self.cache_directory())

    def cache_directory(self) -> str:
        """restic's cache; root has its own, or the service could not read what root left there."""
        folder = self.config.cache_directory
        if sys.platform != "win32" and os.geteuid() == 0:
            try:
                if os.stat(folder).st_uid != 0:
                    return os.path.join(folder, "root")
            except FileNotFoundError:
                pass
        return folder


def registered_keys(ledger: Ledger) -> dict[str, str]:
    """The repository's keys that were made on purpose: id to name."""
    return {
        str(entry.fields.get("key")): str(entry.fields.get("name"))
        for entry in ledger.entries
        if entry.act == KEY_ACT
    }


def own_key(ledger: Ledger) -> str | None:
    """The id of the server's own key, if it was registered."""
    return key_named(ledger, OWN_KEY)


def key_named(ledger: Ledger, name: str) -> str | None:
    """The id of the key last registered under the name."""
    named = [key for key, known_as in registered_keys(ledger).items() if known_as == name]
    return named[-1] if named and is_snapshot_id(named[-1]) else None

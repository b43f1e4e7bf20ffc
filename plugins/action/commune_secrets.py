# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a commune or of the service, kept in one vault-encrypted file each. Runs on the controller."""

from __future__ import annotations

import pathlib
from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError, shown
from ansible_collections.ccpp.backup.plugins.module_utils.commune import folder, secrets
from ansible_collections.ccpp.backup.plugins.plugin_utils import files, vault
from ansible_collections.ccpp.backup.plugins.plugin_utils.controller import ControllerAction

try:
    import bcrypt
except ImportError:
    bcrypt = None

# Cheap on purpose: the passwords are 256 random bits, and the servers check them on every request.
_BCRYPT_COST = 6
_ARGUMENTS = {
    "commune": {"type": "str"},
    "sources": {"type": "list", "elements": "str", "default": []},
    "service": {"type": "bool", "default": False},
    "directory": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Action behind the module commune_secrets."""

    arguments = _ARGUMENTS
    speaker = "commune_secrets"

    def work(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        file = self._file(given, task_vars)
        with files.named(file):
            wanted, changed = self._secrets(file, given)
        return {"changed": changed, "secrets": wanted, "path": str(file), "_ansible_no_log": True}

    def _file(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> pathlib.Path:
        slug = arguments["commune"]
        if arguments["service"] == bool(slug):
            raise InputError("say either `commune: <slug>` or `service: true`")
        if slug and not folder.SLUG.fullmatch(slug):
            raise InputError(f"commune: {shown(str(slug))} is not the short name of a commune")
        directory = vault.directory(arguments["directory"], task_vars, self._templar)
        return directory / f"{slug or 'service'}.yml"

    def _secrets(self, file: pathlib.Path, arguments: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        kept, wanted, changed = self._completed(file, arguments)
        if not changed:
            return wanted, False
        secret = vault.password(self._loader._vault)
        if not self._task.check_mode:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another host's task may have made them meanwhile.
            with files.locked(file.parent):
                kept, wanted, changed = self._completed(file, arguments)
                if changed:
                    files.write(file, self._encrypted(file, kept, secret), 0o600)
        return wanted, changed

    def _completed(
        self, file: pathlib.Path, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], bool]:
        stored = vault.read(self._loader._vault, file)
        if arguments["service"]:
            kept, wanted = secrets.for_service(stored)
        else:
            # Plain text, since a tagged string of Ansible's does not pass for one everywhere.
            names = [str(name) for name in arguments["sources"]]
            kept, wanted = secrets.for_commune(stored, names, _hasher())
        return kept, wanted, kept != stored

    def _encrypted(self, file: pathlib.Path, kept: dict[str, Any], secret: tuple[str, Any]) -> bytes:
        owner = "the service" if file.stem == "service" else f"the commune {file.stem}"
        comment = f"Secrets of {owner}. Without this file and its password no backup can be read."
        return vault.encrypted(self._loader._vault, secret, kept, comment)


def _hasher() -> secrets.Hasher:
    if bcrypt is None:
        raise InputError("the Python package bcrypt is missing on the controller; install requirements.txt")

    def matches(password: str, known: str) -> bool:
        try:
            return bcrypt.checkpw(password.encode(), known.encode())
        except ValueError:
            return False

    def hashed(password: str) -> str:
        try:
            return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_COST)).decode()
        except ValueError:
            raise InputError(
                "an HTTP password is longer than 72 bytes; take it out to get a new one"
            ) from None

    return secrets.Hasher(hashed, matches)

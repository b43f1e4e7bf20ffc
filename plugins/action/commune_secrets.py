# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a commune or of the service, kept in one vault-encrypted file each. Runs on the controller."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import yaml
from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret
from ansible.plugins.action import ActionBase

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import (
    InputError,
    one_line,
    shown,
)
from ansible_collections.ccpp.backup.plugins.module_utils.commune import folder, secrets

try:
    import bcrypt
except ImportError:
    bcrypt = None

# Cheap on purpose: the passwords are 256 random bits, and the servers check them on every request.
_BCRYPT_COST = 6
_CURE = "give one with --vault-password-file FILE or ANSIBLE_VAULT_PASSWORD_FILE"
_ARGUMENTS = {
    "commune": {"type": "str"},
    "sources": {"type": "list", "elements": "str", "default": []},
    "service": {"type": "bool", "default": False},
    "directory": {"type": "path"},
}


class ActionModule(ActionBase):
    """Action behind the module commune_secrets."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        file: pathlib.Path | None = None
        try:
            file = self._file(arguments, task_vars or {})
            wanted, changed = self._secrets(file, arguments)
        except (AnsibleError, InputError, OSError) as error:
            where = f"{file}: " if file else ""
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            raise AnsibleActionFail(f"commune_secrets: {where}{one_line(reason)}") from None
        return {**result, "changed": changed, "secrets": wanted, "path": str(file), "_ansible_no_log": True}

    def _file(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> pathlib.Path:
        slug = arguments["commune"]
        if arguments["service"] == bool(slug):
            raise InputError("say either `commune: <slug>` or `service: true`")
        if slug and not folder.SLUG.fullmatch(slug):
            raise InputError(f"commune: {shown(str(slug))} is not the short name of a commune")
        directory = arguments["directory"]
        if not directory and "secrets_directory" in task_vars:
            directory = self._templar.template(task_vars["secrets_directory"])
        if not directory:
            inventory = task_vars.get("inventory_dir") or _first_inventory(task_vars)
            directory = os.path.join(inventory, "secrets") if inventory else None
        if not directory:
            raise InputError("there is no inventory file beside which to keep the secrets; give `directory`")
        return pathlib.Path(os.path.abspath(os.path.expanduser(str(directory)))) / f"{slug or 'service'}.yml"

    def _secrets(self, file: pathlib.Path, arguments: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        kept, wanted, changed = self._completed(file, arguments)
        if not changed:
            return wanted, False
        secret = self._vault_secret()
        if not self._task.check_mode:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another host's task may have made them meanwhile.
            with _locked(file.parent):
                kept, wanted, changed = self._completed(file, arguments)
                if changed:
                    _write(file, self._encrypted(file, kept, secret))
        return wanted, changed

    def _completed(
        self, file: pathlib.Path, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], bool]:
        stored = self._read(file)
        if arguments["service"]:
            kept, wanted = secrets.for_service(stored)
        else:
            # Plain text, since a tagged string of Ansible's does not pass for one everywhere.
            names = [str(name) for name in arguments["sources"]]
            kept, wanted = secrets.for_commune(stored, names, _hasher())
        return kept, wanted, kept != stored

    def _read(self, file: pathlib.Path) -> dict[str, Any]:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return {}
        if not VaultLib.is_encrypted(content):
            raise InputError("the file is not encrypted; encrypt it with `ansible-vault encrypt`")
        if not self._vault().secrets:
            raise InputError(f"no vault password in this run; {_CURE}")
        try:
            stored = yaml.safe_load(self._vault().decrypt(content).decode("utf-8"))
        except (AnsibleError, UnicodeDecodeError):
            cure = f"{_CURE}, the one it was encrypted with"
            raise InputError(f"this run's vault password does not open it; {cure}") from None
        except yaml.YAMLError:
            # Its message would quote the file.
            raise InputError("not valid YAML once decrypted; correct it with `ansible-vault edit`") from None
        if stored is None:
            return {}
        if not isinstance(stored, dict):
            raise InputError("does not hold a mapping; restore the file from its last version")
        return stored

    def _vault(self) -> VaultLib:
        return self._loader._vault

    def _vault_secret(self) -> tuple[str, Any]:
        if not self._vault().secrets:
            raise InputError(f"no vault password in this run to keep new secrets encrypted; {_CURE}")
        identity = constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
        return match_encrypt_secret(self._vault().secrets, encrypt_vault_id=identity)

    def _encrypted(self, file: pathlib.Path, kept: dict[str, Any], secret: tuple[str, Any]) -> bytes:
        owner = "the service" if file.stem == "service" else f"the commune {file.stem}"
        text = (
            f"# Secrets of {owner}. Without this file and its password no backup can be read.\n"
            + yaml.safe_dump(kept, default_flow_style=False, allow_unicode=True)
        )
        # The vault id is written into the file only when it says more than the default one.
        vault_id = None if secret[0] == constants.DEFAULT_VAULT_IDENTITY else secret[0]
        return self._vault().encrypt(text, secret[1], vault_id=vault_id)


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


def _first_inventory(task_vars: dict[str, Any]) -> str | None:
    """Folder of the run's first inventory source, for hosts that stand in none (localhost)."""
    for source in task_vars.get("ansible_inventory_sources") or ():
        if os.path.isdir(source):
            return source
        if os.path.isfile(source):
            return os.path.dirname(source)
    return None


@contextlib.contextmanager
def _locked(directory: pathlib.Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(file: pathlib.Path, content: bytes) -> None:
    """Whole or not at all, also when the power fails: these secrets may guard backups a moment later."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault files on the controller: one for each commune, one for the service."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError

CURE = "give one with --vault-password-file FILE or ANSIBLE_VAULT_PASSWORD_FILE"


def directory(given: str | None, task_vars: dict[str, Any], templar: Any) -> pathlib.Path:
    """The folder of the vault files: as given, else `secrets_directory`, else beside the inventory."""
    if not given and "secrets_directory" in task_vars:
        given = templar.template(task_vars["secrets_directory"])
    if not given:
        inventory = task_vars.get("inventory_dir") or _first_inventory(task_vars)
        given = os.path.join(inventory, "secrets") if inventory else None
    if not given:
        raise InputError("there is no inventory file beside which to keep the secrets; give `directory`")
    return pathlib.Path(os.path.abspath(os.path.expanduser(str(given))))


def _first_inventory(task_vars: dict[str, Any]) -> str | None:
    """Folder of the run's first inventory source, for hosts that stand in none (localhost)."""
    for source in task_vars.get("ansible_inventory_sources") or ():
        if os.path.isdir(source):
            return source
        if os.path.isfile(source):
            return os.path.dirname(source)
    return None


def read(vault: VaultLib, file: pathlib.Path) -> dict[str, Any]:
    """What the file holds, nothing where there is none yet. InputError, which never quotes the content."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    if not VaultLib.is_encrypted(content):
        raise InputError("the file is not encrypted; encrypt it with `ansible-vault encrypt`")
    if not vault.secrets:
        raise InputError(f"no vault password in this run; {CURE}")
    try:
        stored = yaml.safe_load(vault.decrypt(content).decode("utf-8"))
    except (AnsibleError, UnicodeDecodeError):
        cure = f"{CURE}, the one it was encrypted with"
        raise InputError(f"this run's vault password does not open it; {cure}") from None
    except yaml.YAMLError:
        # Its message would quote the file.
        raise InputError("not valid YAML once decrypted; correct it with `ansible-vault edit`") from None
    if stored is None:
        return {}
    if not isinstance(stored, dict):
        raise InputError("does not hold a mapping; restore the file from its last version")
    return stored


def password(vault: VaultLib) -> tuple[str, Any]:
    """The vault id and password that new secrets are encrypted with."""
    if not vault.secrets:
        raise InputError(f"no vault password in this run to keep new secrets encrypted; {CURE}")
    identity = constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
    return match_encrypt_secret(vault.secrets, encrypt_vault_id=identity)


def encrypted(vault: VaultLib, secret: tuple[str, Any], value: dict[str, Any], comment: str) -> bytes:
    """The file's content, with a comment on its first line."""
    text = f"# {comment}\n" + yaml.safe_dump(value, default_flow_style=False, allow_unicode=True)
    # The vault id is written into the file only when it says more than the default one.
    vault_id = None if secret[0] == constants.DEFAULT_VAULT_IDENTITY else secret[0]
    return vault.encrypt(text, secret[1], vault_id=vault_id)

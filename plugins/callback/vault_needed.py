# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""End a run that needs the vault and has no password for it, in one line, before its first task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: vault_needed
type: aggregate
short_description: End a run that needs a vault password and has none, before it begins
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Looks through the plays of a playbook for tasks that read or make the secrets of a commune or of the
    service (M(ccpp.backup.commune_secrets)). Where there are any, and no vault password was given, the
    command ends with one line that says so, exit status 2, before any play.
  - Without this plugin the run ends at the first such task, among a failed task's many lines.
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ansible.playbook.block import Block
from ansible.plugins.callback import CallbackBase

from ansible_collections.ccpp.backup.plugins.plugin_utils import vault

# recovery_kit says it itself: in check mode, before there are any secrets, it needs no password.
_READER = "commune_secrets"
_BAD_INPUT = 2


def _actions(entries: Iterable[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, Block):
            yield from _actions([*entry.block, *entry.rescue, *entry.always])
        else:
            yield str(entry.action).rpartition(".")[2]


class CallbackModule(CallbackBase):
    """See C(DOCUMENTATION)."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ccpp.backup.vault_needed"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        # Ansible offers its plugins no other way to the passwords of the run.
        if playbook._loader._vault.secrets:
            return
        for play in playbook.get_plays():
            if _READER in _actions([*play.pre_tasks, *play.tasks, *play.post_tasks]):
                self._display.error(
                    f"no vault password in this run, and the playbook needs one; {vault.CURE}"
                )
                raise SystemExit(_BAD_INPUT)

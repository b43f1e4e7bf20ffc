# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions have in common that work on the controller's files and on no machine."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, one_line


class ControllerAction(ActionBase):
    """Checks the arguments, and makes one line of whatever is wrong. What is done is in `work`."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    arguments: ClassVar[dict[str, Any]]
    # What an error's line begins with.
    speaker: ClassVar[str]

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, given = self.validate_argument_spec(argument_spec=self.arguments)
        try:
            return {**result, **self.work(given, task_vars or {})}
        except (AnsibleError, BackupError) as error:
            reason = one_line(str(error))
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}" if error.filename else one_line(str(error))
        raise AnsibleActionFail(f"{self.speaker}: {reason}")

    @abstractmethod
    def work(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The result of the task, from its arguments. BackupError, AnsibleError and OSError may leave it."""

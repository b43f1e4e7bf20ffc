# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads rules, opens a new connection, and confirms them over it. What the machine does is in the module."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

# Seconds that one try to get in may take, and that a machine may need to answer with the former rules.
_TRY = 8
_RECOVERY = 30


class ActionModule(ActionBase):
    """Action behind the module firewall."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        loaded_at = time.monotonic()
        done = self._step("load", task_vars)
        if done.get("again") and not done.get("failed"):
            loaded_at = time.monotonic()
            done = self._step("load", task_vars)
        if not done.pop("pending", False) or done.get("failed"):
            return {**result, **done}
        deadline = loaded_at + int(self._task.args.get("confirm_within", 50))
        confirmed = self._confirm(deadline, task_vars)
        return {**result, **done, "confirmed": True} if confirmed else self._taken_back(deadline, task_vars)

    def _step(self, step: str, task_vars: Any) -> dict[str, Any]:
        arguments = {**self._task.args, "step": step}
        done: dict[str, Any] = self._execute_module(
            module_name="ccpp.backup.firewall", module_args=arguments, task_vars=task_vars
        )
        return done

    def _confirm(self, deadline: float, task_vars: Any) -> bool:
        """Whether a new connection got in and confirmed the rules before they were taken back."""
        with self._impatient():
            while time.monotonic() < deadline:
                with contextlib.suppress(AnsibleConnectionFailure):
                    # Otherwise the connection that loaded the rules would be used again, and prove nothing.
                    self._connection.reset()
                    done = self._step("confirm", task_vars)
                    if done.get("failed"):
                        raise AnsibleActionFail(str(done.get("msg", "firewall: not confirmed")))
                    return True
        return False

    def _taken_back(self, deadline: float, task_vars: Any) -> dict[str, Any]:
        what = "firewall: the new rules let no new SSH connection in"
        with self._impatient():
            time.sleep(max(0.0, deadline + 1 - time.monotonic()))
            while time.monotonic() < deadline + _RECOVERY:
                with contextlib.suppress(AnsibleConnectionFailure):
                    self._connection.reset()
                    if not self._step("look", task_vars).get("confirmed"):
                        cure = "correct firewall_zones and run again"
                        raise AnsibleActionFail(f"{what}, so the machine took the former ones back; {cure}")
        console = "from its console: nft delete table inet ccpp_backup"
        raise AnsibleActionFail(f"{what}, and the machine does not answer now either; {console}")

    @contextlib.contextmanager
    def _impatient(self) -> Iterator[None]:
        """Short tries: the usual ones would outlast the trial."""
        wanted = {"timeout": _TRY, "reconnection_retries": 0}
        before = {}
        for name, value in wanted.items():
            with contextlib.suppress(KeyError):
                before[name] = self._connection.get_option(name)
                self._connection.set_option(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                self._connection.set_option(name, value)

#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace the firewall's rules, and take them back unless a new SSH connection gets in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Replace the firewall's rules, and take them back unless a new SSH connection gets in
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Replaces the table C(inet ccpp_backup) in one transaction, after C(nft --check) and a load in a network
    namespace of its own have accepted it. No other table is touched, and established connections stay.
  - The new rules are first on trial, with a timer on the machine that brings the former ones back. A new SSH
    connection, not the one that loaded them, has to confirm them in time; then they are what the machine
    loads at its next start. A start during the trial loads the last confirmed ones.
  - The rules in effect are compared with the wanted ones as the kernel understands both, so that a rule that
    somebody added, and a table that somebody flushed, is mended by the next run.
options:
  rules:
    description: What C(nft -f) loads, as P(ccpp.backup.firewall_rules#filter) gives it. Required when
      O(state=present).
    type: str
  state:
    description: Whether there is a firewall.
    type: str
    choices: [present, absent]
    default: present
  confirm_within:
    description: Seconds after which rules that nobody confirmed are taken back.
    type: int
    default: 50
  step:
    description: What the action does in turn; leave it out.
    type: str
    choices: [load, confirm, look]
    default: load
attributes:
  check_mode:
    description: Predicts whether the rules would be replaced, also on a machine without nftables.
    support: full
  diff_mode:
    description: Compares with the last confirmed rules.
    support: full
"""

EXAMPLES = r"""
- name: Load the rules
  ccpp.backup.firewall:
    rules: "{{ matrix | ccpp.backup.firewall_rules('local', zones) }}"
"""

RETURN = r"""
confirmed:
  description: Whether the wanted rules are in effect, and will be after the next start.
  returned: always
  type: bool
"""

import fcntl
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.flows import live

LONGEST = 59


def present(rules: str, seconds: int, step: str, check: bool) -> dict[str, Any]:
    """Take one step towards these rules. C(again): the same step once more; C(pending): they are on trial."""
    if step == "look":
        return {"changed": False, "confirmed": not live.differs(rules)}
    if step == "confirm":
        live.confirm(rules)
        return {"changed": True, "confirmed": True}
    if check and not live.installed():
        return {"changed": True, "confirmed": False}
    if not live.differs(rules):
        if not check and live.trial() is not None:
            # The trial was of other rules, and is over.
            live.disarm()
        return {"changed": False, "confirmed": True}
    if check:
        return {"changed": True, "confirmed": False}
    if live.learn(seconds):
        return {"changed": True, "confirmed": False, "again": True}
    live.load(rules, seconds)
    return {"changed": True, "confirmed": False, "pending": True}


def absent(check: bool) -> dict[str, Any]:
    """Take the firewall away."""
    if not live.installed():
        return {"changed": False, "confirmed": False}
    if check:
        return {"changed": live.in_effect() is not None or live.confirmed() is not None, "confirmed": False}
    return {"changed": live.remove(), "confirmed": False}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "rules": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "confirm_within": {"type": "int", "default": 50},
            "step": {"type": "str", "choices": ["load", "confirm", "look"], "default": "load"},
        },
        required_if=[("state", "present", ("rules",))],
        supports_check_mode=True,
    )
    given = module.params
    if not 5 <= given["confirm_within"] <= LONGEST:
        module.fail_json(msg=f"confirm_within: {given['confirm_within']}: use 5 to {LONGEST} seconds")
    before = live.confirmed() or ""
    after = given["rules"] if given["state"] == "present" else ""
    # Two runs at a time would take one another's rules back.
    handle = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if given["state"] == "absent":
            result = absent(module.check_mode)
        else:
            result = present(given["rules"], given["confirm_within"], given["step"], module.check_mode)
    except (BackupError, OSError) as error:
        module.fail_json(msg=f"firewall: {error}")
    finally:
        os.close(handle)
    headers = {"before_header": str(live.CONFIRMED), "after_header": str(live.CONFIRMED)}
    module.exit_json(diff={"before": before, "after": after, **headers}, **result)


if __name__ == "__main__":
    main()

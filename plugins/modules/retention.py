#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove the snapshots whose retention has ended."""

from __future__ import annotations

DOCUMENTATION = r"""
module: retention
short_description: Remove the snapshots whose retention has ended
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Carries out the retention rule on the server it runs on, as its timer does every evening.
  - Every guard of the rule holds here too.
  - Runs the command C(ccpp-backup retain), so that everything is done as the service's own user.
options:
  commune:
    description: Only this commune.
    type: str
  source:
    description: Only the source of this name.
    type: str
  confirm:
    description:
      - Hash of a plan that was refused because it removes a lot; that very plan is then carried out.
      - A run in check mode returns it as RV(sources[].plan_hash).
    type: str
attributes:
  check_mode:
    description: Returns the plan and removes nothing.
    support: full
  diff_mode:
    description: Lists the snapshots that go, with the reasons.
    support: full
"""

EXAMPLES = r"""
- name: See what would go tonight, and why
  ccpp.backup.retention:
    commune: saint-exemple
  check_mode: true
  register: tonight
"""

RETURN = r"""
sources:
  description: What was decided and done, by source.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: Commune and source.
      type: str
    removed:
      description: Identifiers of the snapshots that were removed.
      type: list
      elements: str
    kept:
      description: Number of the snapshots that stay.
      type: int
    quarantined:
      description: Identifiers of the snapshots whose time is not believed; they neither count nor go.
      type: list
      elements: str
    missing:
      description: Identifiers of the snapshots that the ledger has and the repository lacks.
      type: list
      elements: str
    unknown:
      description: Identifiers of the snapshots that the repository has and the ledger lacks; they never go.
      type: list
      elements: str
    decisions:
      description: What becomes of every snapshot that the ledger has, in its order.
      type: list
      elements: dict
      contains:
        id:
          description: Identifier of the snapshot.
          type: str
        action:
          description: V(keep), V(remove) or V(quarantine).
          type: str
        reasons:
          description: All the reasons, a sentence each.
          type: list
          elements: str
        until:
          description: Last day on which its dates keep it, as C(YYYY-MM-DD); null when no date does.
          type: str
    plan_hash:
      description: SHA-256 of the plan.
      type: str
    guard:
      description: The guard to which snapshots owe that they are still there; null when none was needed.
      type: str
    undo:
      description: Path of the read-only copy of the repository from before the removal; null without one.
      type: str
    pruned:
      description: Whether space was given back; null when there was none to give.
      type: bool
    busy:
      description: Why another run of the command kept this one from the source; absent otherwise.
      type: str
    error:
      description: Why nothing was done for this source; absent when all went well.
      type: str
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# Of ccpp-backup: done, and done but something needs attention.
DONE_CODES = (0, 3)


def arguments(params: dict[str, Any], check: bool) -> list[str]:
    """Return the command's arguments for the module's parameters."""
    argv = ["retain", "--json"]
    for name in ("commune", "source", "confirm"):
        if params[name] is not None:
            argv.append(f"--{name}={params[name]}")
    return [*argv, "--dry-run"] if check else argv


def going(sources: list[dict[str, Any]]) -> list[str]:
    """Return a line for each snapshot that goes, or in check mode would go."""
    return [
        f"{source['source']} {one['id']}: {'; '.join(one['reasons'])}"
        for source in sources
        for one in source.get("decisions", [])
        if one["action"] == "remove"
    ]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "commune": {"type": "str"},
            "source": {"type": "str"},
            "confirm": {"type": "str"},
        },
        supports_check_mode=True,
    )
    command = module.get_bin_path("ccpp-backup", required=True)
    code, out, err = module.run_command([command, *arguments(module.params, module.check_mode)])
    try:
        sources = json.loads(out)["sources"]
    except (ValueError, KeyError):
        module.fail_json(
            msg=" ".join(err.split()) or f"{command} ended with {code} and said nothing", sources=[]
        )
    gone = going(sources)
    changed = bool(gone) if module.check_mode else any(source.get("removed") for source in sources)
    diff = {"before": "".join(f"{line}\n" for line in gone), "after": ""}
    if code not in DONE_CODES:
        module.fail_json(msg=" ".join(err.split()), sources=sources, changed=changed)
    module.exit_json(changed=changed, sources=sources, diff=diff, warnings=err.splitlines())


if __name__ == "__main__":
    main()

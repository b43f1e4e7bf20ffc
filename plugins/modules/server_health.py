#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See whether a backup server is well, and whether it is as well as before."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_health
short_description: See whether a backup server is well, and whether it is as well as before
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Looks at what an update of packages could break, and changes nothing. That is what systemd and dpkg call
    failed, the enabled units that are active, the firewall's table, the clock, whether the repository answers
    over HTTPS, and what C(ccpp-backup status) says.
  - Given what it saw before, it tells in sentences what is worse now.
options:
  repository:
    description: Address and port at which the repository answers over HTTPS; empty where there is none.
    type: str
    default: ''
  before:
    description: What this module returned before, as RV(health).
    type: dict
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: See how the server is
  ccpp.backup.server_health:
  register: before

- name: See that it is as well as before
  ccpp.backup.server_health:
    before: "{{ before.health }}"
  register: after
  until: after.worse | length == 0
"""

RETURN = r"""
health:
  description: What was seen.
  returned: success
  type: dict
  contains:
    failed: {description: Units that have failed., type: list, elements: str}
    active: {description: Enabled units that are active., type: list, elements: str}
    half_installed: {description: What C(dpkg --audit) complains of., type: list, elements: str}
    firewall: {description: Whether the firewall's table is there., type: bool}
    clock: {description: Whether the time is synchronised., type: bool}
    repository: {description: Whether the repository answers over HTTPS., type: bool}
    status: {description: What C(ccpp-backup status) says over all., type: str}
worse:
  description: What is worse than O(before), a sentence each.
  returned: success
  type: list
  elements: str
  sample: [nginx.service has failed]
"""

import http.client
import json
import ssl
from http import HTTPStatus
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.health import worse

COMMAND = "/usr/local/bin/ccpp-backup"


def look(module: AnsibleModule) -> dict[str, Any]:
    """Return what there is to see."""
    said = _json(module, COMMAND, "status", "--json")
    clock = _json(module, COMMAND, "maintenance", "--json").get("clock", {})
    code, _out, _err = module.run_command(["/usr/sbin/nft", "list", "table", "inet", "ccpp_backup"])
    return {
        "failed": _units(module, "--state=failed"),
        "active": sorted(set(_units(module, "--state=active")) & _enabled(module)),
        "half_installed": _lines(module, "dpkg", "--audit"),
        "firewall": code == 0,
        "clock": bool(clock.get("synchronised")),
        "repository": _answers(module.params["repository"]),
        "status": str(said.get("overall", "unknown")),
    }


def _lines(module: AnsibleModule, *command: str) -> list[str]:
    _code, out, _err = module.run_command(list(command))
    return [line.strip() for line in out.splitlines() if line.strip()]


def _units(module: AnsibleModule, state: str) -> list[str]:
    listing = _lines(module, "systemctl", "list-units", "--all", "--plain", "--no-legend", state)
    return sorted(line.split()[0] for line in listing)


def _enabled(module: AnsibleModule) -> set[str]:
    listing = _lines(module, "systemctl", "list-unit-files", "--state=enabled", "--no-legend")
    return {line.split()[0] for line in listing}


def _json(module: AnsibleModule, *command: str) -> dict[str, Any]:
    """Return what a command of ours says, empty when it says nothing: unknown is not well."""
    _code, out, _err = module.run_command(list(command))
    try:
        found = json.loads(out)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answers(place: str) -> bool | None:
    """Return whether anything speaks HTTP there; whose certificate it shows is for the clients to check."""
    if not place:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection = http.client.HTTPSConnection(place, timeout=20, context=context)
        connection.request("GET", "/")
        # Without a password there is nothing to see.
        return connection.getresponse().status == HTTPStatus.UNAUTHORIZED
    except (OSError, http.client.HTTPException):
        return False


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"repository": {"type": "str", "default": ""}, "before": {"type": "dict"}},
        supports_check_mode=True,
    )
    seen = look(module)
    before = module.params["before"]
    module.exit_json(changed=False, health=seen, worse=[] if before is None else worse(before, seen))


if __name__ == "__main__":
    main()

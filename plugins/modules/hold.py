#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Place and release holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hold
short_description: Place and release holds on backups
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - While a hold covers a source, nothing of it is removed on this server, whatever its retention says.
  - Works on the server that has the agent and the commune's settings; hold a commune on both of its servers.
  - The hold and its release are written into the ledgers, with their reason and their author.
options:
  state:
    description: Whether the hold is to be there.
    type: str
    choices: [placed, released]
    default: placed
  commune:
    description: The commune, or the commune of the source. Leave it out to hold everything on this server.
    type: str
  source:
    description: One source of the commune; without it the hold covers the commune, later sources included.
    type: str
  why:
    description: The reason, for the ledger.
    type: str
    required: true
  who:
    description: The person who decides.
    type: str
    required: true
attributes:
  check_mode:
    description: Says what would be written.
    support: full
  diff_mode:
    description: Lists the scope before and after.
    support: full
"""

EXAMPLES = r"""
- name: Freeze the commune's backups during an incident
  ccpp.backup.hold:
    commune: saint-exemple
    why: Files encrypted on the secretary's workstation
    who: J. Exemple
"""

RETURN = r"""
scope:
  description: What the hold covers, as ledgers name it.
  returned: success
  type: str
  sample: commune:saint-exemple
files:
  description: Files that were, or in check mode would be, written.
  returned: success
  type: list
  elements: str
  sample: [/srv/backup/ledgers/accueil.jsonl]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.clock import Clock
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import load
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.hold import Scope, place_hold, release


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["placed", "released"], "default": "placed"},
            "commune": {"type": "str"},
            "source": {"type": "str"},
            "why": {"type": "str", "required": True},
            "who": {"type": "str", "required": True},
        },
        required_by={"source": ["commune"]},
        supports_check_mode=True,
    )
    wanted = module.params
    scope = Scope(wanted["commune"], wanted["source"])
    change = place_hold if wanted["state"] == "placed" else release
    try:
        files = change(load(), Clock(None), scope, wanted["who"], wanted["why"], check=module.check_mode)
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    after = f"{scope.text}: {wanted['state']}\n" if files else ""
    module.exit_json(changed=bool(files), scope=scope.text, files=files, diff={"before": "", "after": after})


if __name__ == "__main__":
    main()

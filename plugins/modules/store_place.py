#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make places in the store: subvolumes and their quotas."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_place
short_description: Make places in the store, with their quotas
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Makes a btrfs subvolume for each place and for each of its parts, and limits what they may fill.
  - A limit is changed online, up and down.
  - Where the store is a plain folder, nothing is done and nothing is limited.
  - Removes nothing.
options:
  places:
    description: The places.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path of the place, in the store.
        type: path
        required: true
      limit:
        description: Bytes that the place and all that lies in it may fill; no limit when left out.
        type: int
      parts:
        description: Subvolumes directly in the place, one for each repository.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path of the part.
            type: path
            required: true
          limit:
            description: Bytes that this part alone may fill; no limit of its own when left out.
            type: int
  dedicated:
    description:
      - Whether the store is on disks of its own.
      - When left out, what M(ccpp.backup.store) noted on the machine decides.
    type: bool
attributes:
  check_mode:
    description: Predicts every change, where O(dedicated) says so also before the store is there.
    support: full
  diff_mode:
    description: Lists what would be done.
    support: full
"""

EXAMPLES = r"""
- name: Make a commune's place of 1 TB on the REMOTE server
  ccpp.backup.store_place:
    places:
      - path: /srv/backup/saint-exemple
        limit: 1000000000000
        parts:
          - path: /srv/backup/saint-exemple/accueil
"""

RETURN = r"""
actions:
  description: One sentence for each thing done, or in check mode foreseen; empty when nothing was.
  returned: always
  type: list
  elements: str
  sample: [make the subvolume /srv/backup/saint-exemple, limit /srv/backup/saint-exemple to 1.00 TB]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage.places import (
    Part,
    Place,
    ensure,
)


def place_from(spec: dict[str, Any]) -> Place:
    """Return the place that one entry of C(places) describes."""
    parts = tuple(Part(part["path"], part["limit"]) for part in spec["parts"])
    return Place(spec["path"], spec["limit"], parts)


def main() -> None:
    """Run the module."""
    part = {"path": {"type": "path", "required": True}, "limit": {"type": "int"}}
    place = {**part, "parts": {"type": "list", "elements": "dict", "default": [], "options": part}}
    module = AnsibleModule(
        argument_spec={
            "places": {"type": "list", "elements": "dict", "required": True, "options": place},
            "dedicated": {"type": "bool"},
        },
        supports_check_mode=True,
    )
    try:
        places = [place_from(spec) for spec in module.params["places"]]
        actions = ensure(places, module.params["dedicated"], module.check_mode)
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(actions),
        actions=actions,
        diff={"before": "", "after": "".join(f"{action}\n" for action in actions)},
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make restic repositories and their keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: repository
short_description: Make restic repositories and their keys
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Makes each repository on this machine's disk, opens it to the given keys, records them in its ledger, and
    sets owners and modes.
  - Safe to interrupt anywhere; the next run finishes what an earlier one began.
  - Never initialises over data, and never removes a key.
  - A run that changes nothing does not start restic at all.
options:
  repositories:
    description: The repositories.
    type: list
    elements: dict
    required: true
    suboptions:
      location:
        description: Absolute path of the repository.
        type: path
        required: true
      password_file:
        description: File with the password of the server's own key.
        type: path
        required: true
      ledger:
        description: Path of the repository's ledger, in which its keys are registered.
        type: path
        required: true
      keys:
        description: Further keys that open the repository.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name under which the key is registered.
            type: str
            required: true
          password_file:
            description: File with the key's password.
            type: path
            required: true
      chunker_from:
        description:
          - Repository whose chunker parameters are taken over, so that copies from it are deduplicated.
          - Used when the repository is made; it must be within reach then.
        type: dict
        suboptions:
          location_file:
            description: File with the location, in restic's notation.
            type: path
            required: true
          password_file:
            description: File with its password.
            type: path
            required: true
          cacert:
            description: PEM of the authority that signed the server's certificate.
            type: path
      owner:
        description: User to whom the repository's folders belong.
        type: str
        required: true
      group:
        description: Group to which they belong; the owner's name when left out.
        type: str
      directory_mode:
        description: Octal mode of the repository's folders.
        type: str
        default: "2770"
      config_mode:
        description:
          - Octal mode of the object C(config).
          - restic makes what it writes readable for the group when this object is.
        type: str
        default: "0640"
  site:
    description: Name under which keys are registered as made here.
    type: str
    default: ansible
attributes:
  check_mode:
    description: Predicts what would be made, also on a machine where restic is not installed yet.
    support: full
  diff_mode:
    description: Lists what would be made.
    support: full
"""

EXAMPLES = r"""
- name: Make the repository of a workstation
  ccpp.backup.repository:
    repositories:
      - location: /srv/backup/repositories/accueil
        password_file: /etc/ccpp-backup/secrets/saint-exemple/accueil.server.password
        ledger: /srv/backup/ledgers/accueil.jsonl
        owner: ccpp-rest
        keys:
          - name: client
            password_file: /etc/ccpp-backup/secrets/saint-exemple/accueil.client.password
"""

RETURN = r"""
repositories:
  description: What was done, or in check mode would be done, by repository.
  returned: always
  type: list
  elements: dict
  contains:
    location:
      description: Path of the repository.
      type: str
    actions:
      description: One sentence for each thing done; empty when nothing was.
      type: list
      elements: str
    key_ids:
      description:
        - Identifiers of the registered keys (64 hexadecimal digits) by name.
        - A key that check mode only predicts is missing.
      type: dict
  sample:
    - location: /srv/backup/repositories/accueil
      actions: [initialise the repository, add the key client, set owner and modes]
      key_ids: {}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import RepositoryAccess
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.repository import (
    Ensured,
    Key,
    Wanted,
    ensure,
    foreseen,
)

REPOSITORY_SPEC: dict[str, dict[str, Any]] = {
    "location": {"type": "path", "required": True},
    "password_file": {"type": "path", "required": True, "no_log": False},
    "ledger": {"type": "path", "required": True},
    "keys": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {
            "name": {"type": "str", "required": True},
            "password_file": {"type": "path", "required": True, "no_log": False},
        },
    },
    "chunker_from": {
        "type": "dict",
        "options": {
            "location_file": {"type": "path", "required": True},
            "password_file": {"type": "path", "required": True, "no_log": False},
            "cacert": {"type": "path"},
        },
    },
    "owner": {"type": "str", "required": True},
    "group": {"type": "str"},
    "directory_mode": {"type": "str", "default": "2770"},
    "config_mode": {"type": "str", "default": "0640"},
}


def wanted_from(spec: dict[str, Any], site: str) -> Wanted:
    """Return the repository that one entry of C(repositories) describes."""
    source = spec["chunker_from"]
    return Wanted(
        location=spec["location"],
        password_file=spec["password_file"],
        ledger=spec["ledger"],
        site=site,
        who="ansible",
        keys=tuple(Key(**key) for key in spec["keys"]),
        chunker_from=RepositoryAccess(**source) if source else None,
        owner=spec["owner"],
        group=spec["group"] or spec["owner"],
        directory_mode=int(spec["directory_mode"], 8),
        config_mode=int(spec["config_mode"], 8),
    )


def ensured(wanted: Wanted, check: bool) -> Ensured:
    """Make one repository, or predict it, also where the secrets are only announced."""
    if check and not os.path.exists(wanted.password_file):
        return foreseen(wanted)
    return ensure(wanted, check)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "repositories": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": REPOSITORY_SPEC,
            },
            "site": {"type": "str", "default": "ansible"},
        },
        supports_check_mode=True,
    )
    results: list[dict[str, Any]] = []
    try:
        for spec in module.params["repositories"]:
            done = ensured(wanted_from(spec, module.params["site"]), module.check_mode)
            results.append({"location": spec["location"], "actions": done.actions, "key_ids": done.key_ids})
    except (BackupError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), repositories=results)
    after = "".join(f"{result['location']}: {action}\n" for result in results for action in result["actions"])
    module.exit_json(changed=bool(after), repositories=results, diff={"before": "", "after": after})


if __name__ == "__main__":
    main()

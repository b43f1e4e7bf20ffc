#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Erase a commune that leaves from a machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: erasure
short_description: Erase a commune that leaves from a machine
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Erases all that a server holds of a commune, for good. Keys and passwords first, then repositories, undo
    snapshots, quarantine, ledgers, caches and journals. A LOCAL server's own disks are overwritten as a
    whole; at REMOTE the commune's subvolumes and quota go, and the disks are told to discard what is free.
  - Refuses before O(agreed_on), under a hold, and unless the ledgers have it that every source was handed
    back under O(handback) and not backed up since. Nothing is touched then.
  - Can be stopped anywhere; the next run goes on from there. A server that is done says so and changes
    nothing.
  - What is kept are two files below C(/var/lib/ccpp-backup/departures) with neither paths, hosts, names of
    people nor reasons from the ledgers. One says what was erased and when; the other is the ledgers'
    chain, reduced to times, acts, snapshots and hashes.
options:
  commune:
    description: The commune's slug.
    type: str
    required: true
  workstation:
    description:
      - The machine is a workstation, which holds nothing but access to its own source. Everything of the
        service is taken off it, without any question.
    type: bool
    default: false
  agreed_on:
    description: Day from which on the commune agreed that its backups may be erased, as C(YYYY-MM-DD).
    type: str
  handback:
    description: SHA-256 of the list of checksums (C(SHA256SUMS)) that the commune was given.
    type: str
  who:
    description: The person who has the backups erased. Stands on the certificate.
    type: str
attributes:
  check_mode:
    description: Refuses what a run would refuse, and predicts the rest.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Erase the commune from its own server
  ccpp.backup.erasure:
    commune: saint-exemple
    agreed_on: "2026-12-31"
    handback: 6f2d0b8d5f0d1e0c5d2b7d7f7f7ed0a6f1c0f8f5a0f4f3c1b2a39485761a2b3c
    who: Camille Exemple
"""

RETURN = r"""
erasure:
  description: What was, or in check mode would be, erased.
  returned: unless the machine is a workstation
  type: dict
  contains:
    server:
      description: The server's name.
      type: str
    sources:
      description: For each source how many snapshots it C(received) and how many were C(erased), its ledger's
        C(entries) and C(head).
      type: dict
    archive:
      description: SHA-256 of the reduced ledgers.
      type: str
    keys:
      description: How many files that open repositories were overwritten.
      type: int
    subvolumes:
      description: How many subvolumes were deleted.
      type: int
    disks:
      description: For each disk of a LOCAL server how many bytes were C(zeroed), and whether it then
        C(discarded) everything.
      type: dict
    discarded:
      description: Whether the disks under the store can discard free space; null where they were overwritten.
      type: bool
    erased_at:
      description: When it was done (UTC); null in check mode.
      type: str
paths:
  description: What was, or in check mode would be, taken off the workstation.
  returned: when the machine is a workstation
  type: list
  elements: str
  sample: [/etc/ccpp-backup/secrets]
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import erasing
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.clock import Clock
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, one_line


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "commune": {"type": "str", "required": True},
            "workstation": {"type": "bool", "default": False},
            "agreed_on": {"type": "str"},
            "handback": {"type": "str"},
            "who": {"type": "str"},
        },
        required_if=[("workstation", False, ("agreed_on", "handback", "who"))],
        supports_check_mode=True,
    )
    given = module.params
    try:
        if given["workstation"]:
            paths = erasing.leave_workstation(module.check_mode)
            module.exit_json(changed=bool(paths), paths=paths)
        order = erasing.order_from(*(given[name] for name in ("commune", "agreed_on", "handback", "who")))
        erasure, changed = erasing.erase(order, Clock(None), module.check_mode)
    except (BackupError, OSError) as error:
        module.fail_json(msg=one_line(str(error)))
    module.exit_json(changed=changed, erasure=asdict(erasure))


if __name__ == "__main__":
    main()

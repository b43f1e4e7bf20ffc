#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the snapshots that a server's ledgers know."""

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_info
short_description: List the snapshots that a server's ledgers know
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Reads the ledgers of the server it runs on; repositories are not opened.
  - A ledger whose chain is broken fails the task.
options:
  commune:
    description: Only this commune.
    type: str
  source:
    description: Only the source of this name.
    type: str
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: See what there is of the town hall's reception
  ccpp.backup.snapshot_info:
    commune: saint-exemple
    source: accueil
  register: snapshots
"""

RETURN = r"""
sources:
  description: The sources, the most urgent first.
  returned: success
  type: list
  elements: dict
  contains:
    source:
      description: Commune and source.
      type: str
      sample: saint-exemple/accueil
    held:
      description: Why nothing of the source is removed at present; empty when no hold covers it.
      type: list
      elements: str
    snapshots:
      description: Its snapshots, in the order of the ledger. Those that were removed are not listed.
      type: list
      elements: dict
      contains:
        id:
          description: Identifier of the snapshot in this server's repository.
          type: str
        received_at:
          description: When it came, by the server's clock, in ISO 8601.
          type: str
        claimed_at:
          description: When it was made, by the client's clock; null when that could not be read.
          type: str
        kind:
          description: V(full) when every file was read, V(incremental) otherwise.
          type: str
        outcome:
          description: V(ok), V(partial) or V(failed).
          type: str
        size:
          description: Bytes of the files it holds.
          type: int
        files:
          description: Number of those files.
          type: int
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import hold
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.clock import Clock
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import load
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.times import utc_text
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.workplace import Workplace


def described(place: Workplace) -> dict[str, Any]:
    """Return what the module says of one source; BackupError when its ledger cannot be believed."""
    snapshots = [
        {
            "id": receipt.snapshot,
            "received_at": utc_text(receipt.received_at),
            "claimed_at": None if receipt.claimed_at is None else utc_text(receipt.claimed_at),
            "kind": receipt.kind,
            "outcome": receipt.outcome,
            "size": receipt.size,
            "files": receipt.files,
        }
        for receipt in place.ledger().live()
    ]
    return {"source": place.source.series, "held": hold.reasons(place), "snapshots": snapshots}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"commune": {"type": "str"}, "source": {"type": "str"}},
        supports_check_mode=True,
    )
    try:
        config = load()
        chosen = config.select(module.params["commune"], module.params["source"])
        sources = [described(Workplace(config, source, Clock(None))) for source in chosen]
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, sources=sources)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, mount, grow and repair the store on a server's dedicated disks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store
short_description: Make, mount, grow and repair the store on a server's dedicated disks
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Makes a btrfs mirror of the given disks, mounts it, and turns simple quotas on; on later runs adds disks
    that are named in addition, and replaces those that failed by those that are named in their stead.
  - Destroys nothing. A disk with any signature is refused unless O(wipe) names it, and a disk of the store is
    never wiped.
  - What takes hours (replacing, adding, converting) is done by the machine itself, in the service
    C(ccpp-backup-store-mend), which the role P(ccpp.backup.storage#role) installs.
  - A store that was there before the machine was set up anew is found by its label, and taken over.
options:
  disks:
    description:
      - Stable paths of the disks, such as those in C(/dev/disk/by-id).
      - Without any, the store is a plain folder, and nothing is done.
    type: list
    elements: str
    default: []
  single:
    description: Whether one disk alone is accepted. Its loss is the loss of the store.
    type: bool
    default: false
  label:
    description: Label of the file system, by which a machine set up anew finds its store.
    type: str
    required: true
  mount_point:
    description: Where the store is mounted.
    type: path
    default: /srv/backup
  wipe:
    description: Those of O(disks) whose signatures may be wiped in this run.
    type: list
    elements: str
    default: []
  promised:
    description: Bytes of quota that the disks must be able to hold.
    type: int
    default: 0
  patience:
    description: Seconds to wait for what takes long; after that, the machine goes on with it by itself.
    type: int
    default: 60
attributes:
  check_mode:
    description: Predicts every step, also on a machine that was never touched.
    support: full
  diff_mode:
    description: Lists what would be done.
    support: full
"""

EXAMPLES = r"""
- name: Make the store on two disks
  ccpp.backup.store:
    label: ccpp-backup:saint-exemple-local
    disks:
      - /dev/disk/by-id/ata-EXAMPLE_DISK_1
      - /dev/disk/by-id/ata-EXAMPLE_DISK_2
"""

RETURN = r"""
actions:
  description: One sentence for each thing done, or in check mode foreseen; empty when nothing was.
  returned: always
  type: list
  elements: str
  sample: [make the store, a mirror of /dev/disk/by-id/a and /dev/disk/by-id/b, mount the store]
notes:
  description: What a person should know, such as that the mirror is degraded or a repair is under way.
  returned: always
  type: list
  elements: str
  sample: []
uuid:
  description: UUID of the file system; null for a plain folder, and where check mode only predicts it.
  returned: always
  type: str
  sample: 2ee22a8f-2d22-4406-9754-c63f9985713b
smart:
  description: By disk, why SMART cannot watch it; null for one that it can.
  returned: always
  type: dict
  sample: {/dev/disk/by-id/virtio-1: a virtual disk (QEMU)}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage import health, probe
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage.ensure import ensure
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage.model import Wanted


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "disks": {"type": "list", "elements": "str", "default": []},
            "single": {"type": "bool", "default": False},
            "label": {"type": "str", "required": True},
            "mount_point": {"type": "path", "default": "/srv/backup"},
            "wipe": {"type": "list", "elements": "str", "default": []},
            "promised": {"type": "int", "default": 0},
            "patience": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    given = module.params
    wanted = Wanted(tuple(given["disks"]), given["single"], given["label"], given["mount_point"])
    try:
        done = ensure(wanted, given["wipe"], given["promised"], given["patience"], module.check_mode)
        disks = [probe.disk(name) for name in wanted.disks]
        if not module.check_mode:
            health.refresh()
    except (BackupError, OSError) as error:
        module.fail_json(msg=str(error))
    for note in done.notes:
        module.warn(f"store: {note}")
    module.exit_json(
        changed=bool(done.actions),
        actions=done.actions,
        notes=done.notes,
        uuid=done.uuid,
        smart={disk.name: disk.virtual if disk.present else "it is not there" for disk in disks},
        diff={"before": "", "after": "".join(f"{action}\n" for action in done.actions)},
    )


if __name__ == "__main__":
    main()

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: address_allocation
short_description: Give addresses inside the tunnels to the communes that have none
version_added: 0.1.0
author: CCPP (@ccpp)
description:
  - Completes the allocation file that the inventory plugin P(ccpp.backup.communes#inventory) reads. Every
    commune that has a file but no addresses gets the lowest free ones of the pools.
  - An address that was given never changes. The addresses of a commune without a file stay its own until they
    are released.
  - The inventory refuses a commune without addresses, so this runs without that inventory, as the playbook
    C(ccpp.backup.allocate) with C(-i localhost,) does.
options:
  source:
    description: The inventory's source, the file that names the plugin C(ccpp.backup.communes) and the pools.
    type: path
    required: true
  release:
    description: Short name of a commune that has left, whose addresses may be given to others.
    type: str
attributes:
  check_mode:
    description: In check mode the addresses are found and shown, but not written.
    support: full
  diff_mode:
    description: Shows the lines that come and go.
    support: full
  action:
    description: Runs on the controller and needs no connection to the host.
    support: full
requirements:
  - netaddr on the controller
seealso:
  - plugin: ccpp.backup.communes
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Give addresses to the communes that have none
  ccpp.backup.address_allocation:
    source: inventory/ccpp.yml

- name: Give back those of a commune that has left
  ccpp.backup.address_allocation:
    source: inventory/ccpp.yml
    release: saint-exemple
"""

RETURN = r"""
path:
  description: The allocation file.
  returned: success
  type: str
  sample: inventory/allocation.yml
communes:
  description: Short names of the communes that have addresses.
  returned: success
  type: list
  elements: str
  sample: [saint-exemple]
"""

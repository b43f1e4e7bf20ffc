# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: link_record
short_description: Keep the public keys of a commune's tunnels on file
version_added: 0.1.0
author: CCPP (@ccpp)
description:
  - One file per commune, for version control, holds the public keys of both ends of its tunnels.
  - A server that comes with another key than the one on file was rebuilt, or is not the one that it was. It
    is refused, unless O(accept) says that it was rebuilt.
options:
  directory:
    description: Folder of the files on the controller.
    type: path
    required: true
  commune:
    description: Short name of the commune. Names the file.
    type: str
    required: true
  tunnels:
    description: How many tunnels the commune has.
    type: int
    default: 2
  local:
    description: The LOCAL server's public keys, in the order of the tunnels.
    type: list
    elements: str
    default: []
  remote:
    description: The REMOTE server's.
    type: list
    elements: str
    default: []
  accept:
    description: Whether keys other than those on file take their place.
    type: bool
    default: false
  state:
    description: V(present) puts the keys on file, V(read) only reads them, V(absent) removes the file.
    type: str
    choices: [present, read, absent]
    default: present
attributes:
  check_mode:
    description: Nothing is written.
    support: full
  diff_mode:
    description: Shows the file.
    support: full
  action:
    description: Runs on the controller and needs no connection to the host.
    support: full
"""

EXAMPLES = r"""
- name: Read which public keys are on file
  ccpp.backup.link_record:
    directory: inventory/links
    commune: saint-exemple
    state: read
"""

RETURN = r"""
keys:
  description: The public keys by side, empty lists where there is no file.
  returned: success
  type: dict
  sample:
    local: ["/TOE4TKtAqVsePRVR+5AA43HkAK5DSntkOCO7nYq5xU="]
    remote: ["Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M="]
path:
  description: The file.
  returned: success
  type: str
  sample: inventory/links/saint-exemple.yml
"""

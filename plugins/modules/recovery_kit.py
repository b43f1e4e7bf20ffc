#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_kit
short_description: Write the paper recovery kit of a commune
version_added: 0.1.0
author: CCPP (@ccpp)
description:
  - Writes a PDF, in French, from which every source of a commune can be restored on a bare Debian machine
    with restic alone. Paths, passwords and commands are there as text and as QR codes.
  - The passwords are read from the commune's vault file, and go nowhere but into the PDF, which its owner
    alone may read. Print it, then destroy it.
  - Beside the vault file, C(<commune>.kits.yml) says for whom which kit was made and when, without secrets.
    As long as the kit would say the same, and its recipient has it, nothing is written.
  - Runs on the controller, which needs the Python packages C(fpdf2) and C(segno).
options:
  commune:
    description: The variable C(commune_settings) of the inventory.
    type: dict
    required: true
  recipient:
    description: For whom the kit is, as it is printed on it. The commune's name by default.
    type: str
  service:
    description: Whom to call.
    type: dict
    required: true
    suboptions:
      name:
        description: Name of the service.
        type: str
        required: true
      owner:
        description: Who runs it.
        type: str
        required: true
      phone:
        description: Phone number.
        type: str
        required: true
      mail:
        description: Mail address.
        type: str
        required: true
      days:
        description: Days on which somebody answers, as V(mon), V(tue) and so on.
        type: list
        elements: str
        default: []
      first_hour:
        description: From when on, as V(09:00).
        type: str
      last_hour:
        description: Until when, as V(17:00).
        type: str
  local_disks:
    description: Whether the LOCAL server keeps its repositories on disks of their own.
    type: bool
    default: false
  remote_disks:
    description: Whether the REMOTE server does.
    type: bool
    default: false
  directory:
    description: Folder of the PDF. Made with mode C(0700), and ignored by git, when missing.
    type: path
    required: true
  secrets_directory:
    description:
      - Folder of the vault files. Without it, the variable C(secrets_directory) is used, or else C(secrets)
        beside the inventory file.
    type: path
  again:
    description: Write the kit even if its recipient has it.
    type: bool
    default: false
attributes:
  check_mode:
    description: Predicts whether a kit would be made, also before the commune has any secrets.
    support: full
  diff_mode:
    description: Shows the line that the record gains.
    support: full
"""

EXAMPLES = r"""
- name: The kit for the town hall's safe
  ccpp.backup.recovery_kit:
    commune: "{{ commune_settings }}"
    recipient: "Mairie, coffre"
    service:
      name: "{{ service_name }}"
      owner: "{{ service_owner }}"
      phone: "{{ service_phone }}"
      mail: "{{ service_mail }}"
    directory: ~/ccpp-backup-kits
"""

RETURN = r"""
fingerprint:
  description: The fingerprint printed on every page. It changes with anything that the kit says.
  returned: unless check mode found no passwords yet
  type: str
  sample: D179 DFB9 EE12 3765
path:
  description: The PDF.
  returned: when one was, or in check mode would be, written
  type: str
  sample: /home/admin/ccpp-backup-kits/saint-exemple-1.pdf
recipient:
  description: For whom the kit is.
  returned: always
  type: str
  sample: Mairie, coffre
"""

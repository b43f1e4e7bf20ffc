#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: departure
short_description: Keep the record of a commune's departure, and write its certificate
version_added: 0.1.0
author: CCPP (@ccpp)
description:
  - The controller's part of the playbook C(ccpp.backup.offboard). Decides what a run has to do, notes what
    was done, and in the end shreds the commune's secrets and writes a signed certificate in French.
  - A folder for each commune holds C(departure.json) (the record), the reduced ledgers, C(attestation.pdf),
    its signature C(attestation.pdf.sig), and C(signers), which C(ssh-keygen -Y verify) checks it with.
  - The service's signing key is made when it is needed for the first time, and kept in its vault file.
  - Runs on the controller, which needs C(ssh-keygen) and the Python package C(fpdf2).
options:
  commune:
    description: The commune's slug.
    type: str
    required: true
  part:
    description:
      - V(look) decides what comes next, and refuses what cannot be. V(note) puts O(facts) on record.
      - V(finish) shreds the commune's vault file, writes the certificate, and closes the commune's file with
        C(state) V(left). It refuses while anything is not yet erased.
    type: str
    choices: [look, note, finish]
    default: look
  communes_directory:
    description: Folder of the communes' files.
    type: path
    required: true
  directory:
    description: Folder in which each departure has a folder of its own.
    type: path
    required: true
  secrets_directory:
    description: Folder of the vault files. For V(finish).
    type: path
  handback_to:
    description: Folder on a server that the data is to be handed back to.
    type: str
  handback_from:
    description: Which server hands back, V(local) or V(remote). Without it V(local), unless that is lost.
    type: str
  handback_again:
    description: Hand back although that is on record already.
    type: bool
    default: false
  agreed_on:
    description: Day from which on the commune agreed that its backups may be erased, as C(YYYY-MM-DD).
    type: str
  erased_by:
    description: The person who has them erased.
    type: str
  local_lost:
    description:
      - Why the LOCAL server can be asked for nothing any more, in the commune's language, since it stands on
        the certificate. Nothing is done there, and the certificate says so.
    type: str
  gone:
    description: Workstations that no longer exist; nothing is done on them. As on record when left out.
    type: list
    elements: str
  facts:
    description: What V(note) adds to the record.
    type: dict
    default: {}
  erasing:
    description: Whether V(note) also writes C(state) V(erasing) into the commune's file.
    type: bool
    default: false
  owner:
    description: Who runs the service, as the certificate names it.
    type: str
attributes:
  check_mode:
    description: Writes nothing, refuses the same.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Find out what comes next
  ccpp.backup.departure:
    commune: saint-exemple
    communes_directory: /srv/ccpp/inventory/communes
    directory: /srv/ccpp/inventory/departures
    agreed_on: "2026-12-31"
    erased_by: Camille Exemple
"""

RETURN = r"""
step:
  description: What this run has to do. One of V(hand back), V(wait), V(erase) and V(done).
  returned: for V(look)
  type: str
  sample: wait
message:
  description: The same for a person.
  returned: for V(look), and for V(finish) when something was done
  type: str
record:
  description: What is on record.
  returned: always
  type: dict
gone:
  description: Workstations that no longer exist.
  returned: for V(look)
  type: list
  elements: str
handback_from:
  description: Which server hands back.
  returned: for V(look)
  type: str
lost:
  description: Why the LOCAL server is lost, as on record or else as given; empty if it is not.
  returned: for V(look)
  type: str
agreed:
  description: C(agreed_on) and C(erased_by), as on record or else as given.
  returned: for V(look)
  type: dict
"""

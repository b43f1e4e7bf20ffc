# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: commune_secrets
short_description: Read the secrets of a commune, making those that are missing
version_added: 0.1.0
author: CCPP (@ccpp)
description:
  - Returns all the secrets of one commune, or of the service, in one call on the controller.
  - Secrets that do not exist yet are made from the system's random source and saved in one file per commune,
    encrypted by ansible-vault with the vault password of the run. Existing secrets never change, and those of
    sources that were removed stay in the file.
  - To renew one secret, take it out of the file with C(ansible-vault edit) and run again.
  - The result is never displayed, whatever the verbosity.
options:
  commune:
    description: Short name of the commune, as C(commune_slug) gives it. Names the file.
    type: str
  sources:
    description: The commune's sources.
    type: list
    elements: str
    default: []
  service:
    description: Return the secrets of the service (file C(service.yml)) instead of those of a commune.
    type: bool
    default: false
  directory:
    description:
      - Folder of the encrypted files. Made with mode C(0700) when missing.
      - Without it, the variable C(secrets_directory) is used, or else C(secrets) beside the inventory file.
    type: path
attributes:
  check_mode:
    description: In check mode missing secrets are made and returned, but not saved.
    support: full
  diff_mode:
    description: Secrets are never shown.
    support: none
  action:
    description: Runs on the controller and needs no connection to the host.
    support: full
requirements:
  - bcrypt on the controller (for O(commune))
  - a vault password, such as C(--vault-password-file)
notes:
  - The bcrypt cost of V(6) is low on purpose. The hashed passwords are 256 random bits, which no number of
    guesses finds, and a repository server checks them for every request of every client.
seealso:
  - name: Ansible Vault
    description: How to give a run its vault password.
    link: https://docs.ansible.com/ansible/latest/vault_guide/index.html
"""

EXAMPLES = r"""
- name: Read the commune's secrets, making those that are missing
  ccpp.backup.commune_secrets:
    commune: "{{ commune_slug }}"
    sources: "{{ commune_settings.sources | list }}"
  register: commune_secrets
  no_log: true

- name: Read the service's own secrets
  ccpp.backup.commune_secrets:
    service: true
  register: service_secrets
  no_log: true
"""

RETURN = r"""
secrets:
  description: The secrets asked for.
  returned: success
  type: dict
  contains:
    sources:
      description: Secrets by source.
      returned: when O(commune) is given
      type: dict
      contains:
        <source>:
          description: Secrets of one source.
          type: dict
          contains:
            client_password:
              description: Key of the workstation to its repository on the LOCAL server.
              type: str
            server_password:
              description: Key of the LOCAL server's agent to the same repository.
              type: str
            replica_password:
              description: Key with which the REMOTE server reads the same repository.
              type: str
            remote_password:
              description: Key to the source's repository on the REMOTE server.
              type: str
            http_password:
              description: Password of the HTTP user that is named like the source.
              type: str
            http_hash:
              description: Its bcrypt hash, for a password file.
              type: str
    former:
      description: The same of the sources that were not asked for; their backups are still there.
      returned: when O(commune) is given
      type: dict
    replica:
      description: The HTTP user C(replica) with whom the REMOTE server reads all the commune's repositories.
      returned: when O(commune) is given
      type: dict
      contains:
        http_password:
          description: Its password.
          type: str
        http_hash:
          description: Its bcrypt hash, for a password file.
          type: str
    ca_passphrase:
      description: Passphrase of the key of the service's certificate authority.
      returned: when O(service) is true
      type: str
path:
  description: The file that holds them.
  returned: success
  type: str
  sample: /srv/ccpp/inventory/secrets/saint-exemple.yml
"""

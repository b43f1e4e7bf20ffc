# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: communes
short_description: Communes of the shared backup service, one YAML file each
version_added: 0.1.0
author: CCPP (@ccpp)
description:
  - Reads a folder with one file per commune, validates every file, and derives hosts, groups and variables.
  - The file's name without C(.yml) is the commune's slug. Its fields are described by the JSON Schema
    C(plugins/module_utils/commune/schema.json), which editors can use too.
  - A mistake in any file stops the whole inventory. Each mistake is one line naming file, field, value and
    cure.
  - Values of the files are never evaluated as templates.
notes:
  - Ansible only warns when an inventory source fails and goes on without it. This plugin ends the command
    instead, with exit status 4, so that a mistake in a file can never leave communes out of a run.
  - Hosts are C(<slug>-local) (the commune's LOCAL server, group C(local_servers)), C(<slug>-<source>) (each
    source of kind C(linux) or C(windows), group C(workstations)) and C(remote) (group C(remote_servers)).
  - Groups are C(commune_<slug>) with underscores for hyphens (all the hosts of a commune, for C(--limit)),
    C(tier_1tb), C(tier_4tb), C(tier_10tb) and C(communes) over them, and C(linux_workstations) and
    C(windows_workstations) in C(workstations).
  - Variables of every host of a commune are C(commune_settings) (the file with its defaults filled in),
    C(commune_slug) and C(commune_remote), the name of the REMOTE server. Workstations also have
    C(commune_source), the name of their source.
extends_documentation_fragment:
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Marks the file as a source for this plugin.
    type: str
    required: true
    choices: [ccpp.backup.communes]
  communes:
    description: Folder of the communes' files, relative to this file.
    type: str
    default: communes
  remote_address:
    description: Address or DNS name by which SSH reaches the REMOTE server.
    type: str
    required: true
  remote_port:
    description: SSH port of the REMOTE server.
    type: int
    default: 22
  cache:
    description:
      - Keep the validated communes in the cache plugin.
      - The content of all the files is compared in any case, so a change is never missed and O(cache_timeout)
        may be 0.
"""

EXAMPLES = r"""
# inventory/ccpp.yml
plugin: ccpp.backup.communes
communes: communes
remote_address: 198.51.100.20

# inventory/communes/saint-exemple.yml would then be, for example:
#
# name: Saint-Exemple-sur-Noye
# insee: "99001"
# tier: 1
# contract: {start: 2024-01-01}
# contacts: {phone: "01 99 00 00 01", mail: mairie@saint-exemple.example.org}
# opening:
#   weekdays: [mon, tue, thu, fri]
# server: {address: 192.0.2.10}
# uplinks:
#   - {kind: fibre, down_mbit: 500, up_mbit: 200}
# sources:
#   accueil: {kind: linux, address: 192.0.2.21, paths: [/home]}
"""

import difflib
import hashlib
import os
import pathlib
import re
from typing import Any, NoReturn

from ansible import context
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable
from ansible.utils.display import Display

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import opening, policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import (
    InputError,
    one_line,
    shown,
)
from ansible_collections.ccpp.backup.plugins.module_utils.commune import check, defaults, document, folder

display = Display()

_PARSER_ERROR = 4  # Ansible's exit status for input it cannot parse
_REMOTE = "remote"
_MARK = re.compile(rb"""^plugin\s*:\s*(["']?)ccpp\.backup\.communes\1\s*(#.*)?\r?$""", re.MULTILINE)
_GROUPS = {
    "communes": ["tier_1tb", "tier_4tb", "tier_10tb"],
    "workstations": ["linux_workstations", "windows_workstations"],
    "local_servers": [],
    "remote_servers": [],
}


class InventoryModule(BaseInventoryPlugin, Cacheable):
    NAME = "ccpp.backup.communes"

    def verify_file(self, path: str) -> bool:
        """Whether the file says `plugin: ccpp.backup.communes`; others in its folder are not ours."""
        if not super().verify_file(path) or not path.endswith((".yml", ".yaml")):
            return False
        with open(path, "rb") as stream:
            return _MARK.search(stream.read(64 * 1024)) is not None

    def parse(self, inventory: Any, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        try:
            self._configure(path)
            communes = self._communes(pathlib.Path(path), cache)
        except InputError as error:
            _stop(str(error), error)
        self._add_service()
        for slug, commune in communes.items():
            self._add_commune(slug, commune)

    def _configure(self, path: str) -> None:
        try:
            given = self._read_config_data(path)
        except AnsibleError as error:
            raise InputError(f"{_label(pathlib.Path(path))}: {one_line(str(error))}") from error
        for name in given:
            if name not in self._options:
                close = difflib.get_close_matches(str(name), self._options, n=1)
                cure = (
                    f"did you mean {close[0]}?"
                    if close
                    else "see ansible-doc -t inventory ccpp.backup.communes"
                )
                raise InputError(f"{_label(pathlib.Path(path))}: {shown(name)} is not an option; {cure}")

    def _communes(self, source: pathlib.Path, cache: bool) -> dict[str, dict[str, Any]]:
        where = source.parent / os.path.expanduser(self.get_option("communes"))
        contents = folder.read((_label(file), file) for file in folder.files(where))
        caching = self.get_option("cache")
        key, print_now = self.get_cache_key(str(source)), _fingerprint(contents) if caching else ""
        if caching and cache:
            kept = self._cache.get(key) or {}
            if kept.get("fingerprint") == print_now:
                return kept["communes"]
        found = folder.validate(contents)
        if found.lines:
            raise InputError(found.summary())
        if caching:
            self._cache[key] = {"fingerprint": print_now, "communes": found.communes}
        return found.communes

    def _add_service(self) -> None:
        for group, children in _GROUPS.items():
            self.inventory.add_group(group)
            for child in children:
                self.inventory.add_group(child)
                self.inventory.add_child(group, child)
        self._add_host(
            _REMOTE, "remote_servers", self.get_option("remote_address"), self.get_option("remote_port")
        )

    def _add_commune(self, slug: str, commune: dict[str, Any]) -> None:
        group = self.inventory.add_group("commune_" + slug.replace("-", "_"))
        self.inventory.add_child(f"tier_{commune['tier']}tb", group)
        # On the group, since thousands of hosts need not carry a copy each.
        self.inventory.set_variable(group, "commune_settings", commune)
        self.inventory.set_variable(group, "commune_slug", slug)
        self.inventory.set_variable(group, "commune_remote", _REMOTE)
        server = commune["server"]
        self._add_host(f"{slug}-local", "local_servers", server["address"], server["port"], group)
        for name, source in commune["sources"].items():
            if source["kind"] in ("linux", "windows"):
                host = f"{slug}-{name}"
                self._add_host(
                    host, f"{source['kind']}_workstations", source["address"], source["port"], group
                )
                self.inventory.set_variable(host, "commune_source", name)

    def _add_host(
        self, host: str, group: str, address: str, port: int, commune_group: str | None = None
    ) -> None:
        self.inventory.add_host(host, group=group)
        if commune_group:
            self.inventory.add_child(commune_group, host)
        self.inventory.set_variable(host, "ansible_host", address)
        if port != 22:
            self.inventory.set_variable(host, "ansible_port", port)


def _stop(lines: str, cause: Exception) -> NoReturn:
    """Ends the command with these lines and nothing else.

    Raised to Ansible, they would be repeated four times among warnings, the other inventory plugins would try
    the file too, and without any_unparsed_is_failed the run would go on without the communes. A program that
    uses Ansible as a library, and so has no command line, gets the exception.
    """
    if not context.CLIARGS:
        raise AnsibleParserError(lines) from cause
    for line in lines.splitlines():
        display.error(line)
    raise SystemExit(_PARSER_ERROR) from cause


def _label(file: pathlib.Path) -> str:
    """The file's name as messages show it: from the current folder where it lies below it."""
    try:
        return str(file.resolve().parent.relative_to(pathlib.Path.cwd()) / file.name)
    except (OSError, ValueError):
        return str(file)


def _fingerprint(contents: dict[str, bytes | OSError]) -> str:
    """Changes with any commune's file, and with the code that validates them."""
    digest = hashlib.sha256()
    for module in (check, defaults, document, folder, opening, policy):
        digest.update(pathlib.Path(module.__file__).read_bytes())
    digest.update(repr(check.schema()).encode())
    for label, content in contents.items():
        digest.update(repr((label, content)).encode())
    return digest.hexdigest()

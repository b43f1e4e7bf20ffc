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
    C(tier_1tb), C(tier_4tb), C(tier_10tb) and C(communes) over them, C(state_joining), C(state_active),
    C(state_leaving), C(state_erasing) and C(state_left), C(uplink_<kind>) by the commune's best line
    (C(uplink_fibre)), and C(linux_workstations) and C(windows_workstations) in C(workstations).
  - The workstations of a commune in the state C(leaving) are in its own groups alone, since they have made
    their last backups. In the state C(erasing) its server is too; in the state C(left) it has no hosts and
    needs no addresses. Its file is what its fees are worked out from.
  - Variables of every host of a commune are C(commune_settings) (the file with its defaults filled in),
    C(commune_slug) and C(commune_remote), the name of the REMOTE server. Workstations also have
    C(commune_source), the name of their source. The REMOTE server has C(communes_directory), the folder of
    the communes' files.
  - Where the source names O(pools), every host of a commune also has C(commune_addresses), its addresses
    inside the tunnels, with C(loopback), C(remote_loopback), C(pools) (the ranges of O(pools)), C(lan) (the
    town hall's network, or null) and C(tunnels) (for each tunnel C(network), and of its two addresses
    C(local) and C(remote)). The REMOTE server has C(service_addresses), with C(loopback) and C(pools).
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
  pools:
    description:
      - Ranges of IPv4 addresses that the communes' tunnels are numbered from. Each is one range or a list of
        ranges; they must not overlap with each other, nor with a town hall's network.
      - Pools are only ever widened. Addresses that were given stay as they stand in O(allocation).
      - Without this option there is no address plan.
    type: dict
    suboptions:
      loopbacks:
        description: Of each LOCAL server, and of the REMOTE server, the address that is always theirs.
        type: raw
        required: true
      tunnels_1:
        description: Of each commune's first tunnel, the two ends.
        type: raw
        required: true
      tunnels_2:
        description: Of each commune's second tunnel, the two ends.
        type: raw
        required: true
  allocation:
    description:
      - File with the addresses that were given, relative to this file. M(ccpp.backup.address_allocation)
        writes it; this plugin only reads it.
      - A commune without addresses, addresses that clash, and a pool without any left end the command.
    type: str
    default: allocation.yml
  measured:
    description:
      - Folder with the rates that the servers measured, relative to this file. The playbook
        C(ccpp.backup.benchmark) writes them; whether a commune's promise can be kept is judged by them.
      - Without a file for a server, its rates are assumed.
    type: str
    default: measured
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
pools:
  loopbacks: 10.83.0.0/22
  tunnels_1: 10.83.4.0/22
  tunnels_2: 10.83.8.0/22

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
from typing import Any, NamedTuple, NoReturn

from ansible import context
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable
from ansible.utils.display import Display

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import (
    measurement,
    opening,
    planning,
    policy,
    recovery,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import (
    InputError,
    one_line,
    shown,
)
from ansible_collections.ccpp.backup.plugins.module_utils.commune import (
    addresses,
    check,
    defaults,
    document,
    folder,
    leaving,
    rates,
)

display = Display()

_PARSER_ERROR = 4  # Ansible's exit status for input it cannot parse
_REMOTE = "remote"
_MARK = re.compile(rb"""^plugin\s*:\s*(["']?)ccpp\.backup\.communes\1\s*(#.*)?\r?$""", re.MULTILINE)
_GROUPS = {
    "communes": ["tier_1tb", "tier_4tb", "tier_10tb"],
    "state_joining": [],
    "state_active": [],
    "state_leaving": [],
    "state_erasing": [],
    "state_left": [],
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
            service = self._service(pathlib.Path(path), cache)
        except InputError as error:
            _stop(str(error), error)
        where = pathlib.Path(path).parent / os.path.expanduser(self.get_option("communes"))
        self._add_service(service["addresses"], str(where.absolute()))
        for slug, commune in service["communes"].items():
            self._add_commune(slug, commune, service["commune_addresses"].get(slug))

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

    def _service(self, source: pathlib.Path, cache: bool) -> dict[str, Any]:
        """All that is derived from the files: the communes, and the addresses of each and of the service."""
        where = source.parent / os.path.expanduser(self.get_option("communes"))
        contents = folder.read((_label(file), file) for file in folder.files(where))
        plan = None
        if self.get_option("pools"):
            file = source.parent / os.path.expanduser(self.get_option("allocation"))
            plan = _AddressPlan(self.get_option("pools"), _label(source), _label(file), _content(file))
        measured = rates.read(source.parent / os.path.expanduser(self.get_option("measured")), _label)
        caching = self.get_option("cache")
        key = self.get_cache_key(str(source))
        print_now = _fingerprint(contents, plan, measured) if caching else ""
        if caching and cache:
            kept = self._cache.get(key) or {}
            if kept.get("fingerprint") == print_now:
                return kept["service"]
        service = _derived(contents, plan, measured)
        if caching:
            self._cache[key] = {"fingerprint": print_now, "service": service}
        return service

    def _add_service(self, given: dict[str, Any] | None, where: str) -> None:
        for group, children in _GROUPS.items():
            self.inventory.add_group(group)
            for child in children:
                self.inventory.add_group(child)
                self.inventory.add_child(group, child)
        self._add_host(
            _REMOTE, "remote_servers", self.get_option("remote_address"), self.get_option("remote_port")
        )
        self.inventory.set_variable(_REMOTE, "communes_directory", where)
        if given is not None:
            self.inventory.set_variable(_REMOTE, "service_addresses", given)

    def _add_commune(self, slug: str, commune: dict[str, Any], given: dict[str, Any] | None) -> None:
        group = self.inventory.add_group("commune_" + slug.replace("-", "_"))
        uplink = self.inventory.add_group(f"uplink_{commune['uplinks'][0]['kind']}")
        for parent in (f"tier_{commune['tier']}tb", f"state_{commune['state']}", uplink):
            self.inventory.add_child(parent, group)
        # On the group, since thousands of hosts need not carry a copy each.
        self.inventory.set_variable(group, "commune_settings", commune)
        self.inventory.set_variable(group, "commune_slug", slug)
        self.inventory.set_variable(group, "commune_remote", _REMOTE)
        if given is not None:
            self.inventory.set_variable(group, "commune_addresses", given)
        state, server = commune["state"], commune["server"]
        if state == leaving.LEFT:
            return
        servers = None if state == leaving.ERASING else "local_servers"
        self._add_host(f"{slug}-local", servers, server["address"], server["port"], group)
        for name, source in commune["sources"].items():
            if source["kind"] in ("linux", "windows"):
                host = f"{slug}-{name}"
                kind = f"{source['kind']}_workstations"
                kinds = None if state in (leaving.LEAVING, leaving.ERASING) else kind
                self._add_host(host, kinds, source["address"], source["port"], group)
                self.inventory.set_variable(host, "commune_source", name)

    def _add_host(
        self, host: str, group: str | None, address: str, port: int, commune_group: str | None = None
    ) -> None:
        for one in filter(None, (group, commune_group)):
            self.inventory.add_host(host, group=one)
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


def _content(file: pathlib.Path) -> bytes | None:
    """Of the allocation file; before the first allocation there is none."""
    try:
        with file.open("rb") as stream:
            return stream.read(addresses.MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{_label(file)}: cannot be read ({error.strerror}); it must be a file") from error


def _derived(
    contents: dict[str, bytes | OSError], plan: _AddressPlan | None, measured: rates.Rates
) -> dict[str, Any]:
    found = folder.validate(contents, measured=measured)
    if found.lines:
        raise InputError(found.summary())
    service: dict[str, Any] = {"communes": found.communes, "addresses": None, "commune_addresses": {}}
    return service if plan is None else {**service, **plan.of(found)}


class _AddressPlan(NamedTuple):
    """The option `pools`, how messages name the source and the allocation file, and the latter's content."""

    pools: dict[str, Any]
    source: str
    label: str
    content: bytes | None

    def of(self, found: folder.Communes) -> dict[str, Any]:
        """The addresses of the service and of each commune. InputError with a line per mistake."""
        try:
            pools = addresses.Pools.from_mapping(self.pools)
        except InputError as error:
            raise InputError(f"{self.source}: {error}") from error
        try:
            allocation = addresses.load(self.content)
        except InputError as error:
            raise InputError(f"{self.label}: {error}") from error
        files = addresses.Files(self.source, self.label, found.labels)
        present = {slug: one for slug, one in found.communes.items() if one["state"] != leaving.LEFT}
        lines = addresses.refusals(allocation, pools, present, files)
        if lines:
            raise InputError(folder.cut(lines))
        return {
            "addresses": {"loopback": allocation.remote, "pools": pools.listed()},
            "commune_addresses": {
                slug: addresses.of_commune(allocation, slug, commune, pools)
                for slug, commune in present.items()
            },
        }


def _fingerprint(
    contents: dict[str, bytes | OSError], plan: _AddressPlan | None, measured: rates.Rates
) -> str:
    """Changes with any commune's file, the addresses, the rates measured, and the code that judges them."""
    digest = hashlib.sha256()
    judges = (
        addresses,
        check,
        defaults,
        document,
        folder,
        leaving,
        measurement,
        opening,
        planning,
        policy,
        rates,
        recovery,
    )
    for module in judges:
        digest.update(pathlib.Path(module.__file__).read_bytes())
    digest.update(repr(check.schema()).encode())
    digest.update(repr((plan and tuple(plan), measured)).encode())
    for label, content in contents.items():
        digest.update(repr((label, content)).encode())
    return digest.hexdigest()

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out the nftables rules of a server from the flow matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.flows import matrix, networks, rules


def firewall_rules(
    data: Any, server: str, zones: Any, flows: Any = (), ports: Any = None, switches: Any = None
) -> str:
    """Return what `nft -f` loads on a server of this kind. Raises AnsibleFilterError with one clear line."""
    try:
        return _rules(data, server, zones, flows, ports, switches)
    except InputError as error:
        raise AnsibleFilterError(str(error)) from None


def firewall_refusal(
    data: Any, server: str, zones: Any, flows: Any = (), ports: Any = None, switches: Any = None
) -> str:
    """Return the one clear line with which firewall_rules would refuse this, empty where it would not."""
    try:
        _rules(data, server, zones, flows, ports, switches)
    except InputError as error:
        return str(error)
    return ""


def _rules(data: Any, server: str, zones: Any, flows: Any, ports: Any, switches: Any) -> str:
    known = matrix.parse(data, flows, ports)
    places = networks.locate(known.zones, zones)
    return rules.render(known, server, places, known.check_switches(switches or {}, "firewall_switches"))


class FilterModule:
    """Filters of the firewall."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"firewall_rules": firewall_rules, "firewall_refusal": firewall_refusal}

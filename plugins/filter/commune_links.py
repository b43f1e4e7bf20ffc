# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out a commune's tunnels, as each of their two ends must hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import links


def commune_links(settings: Any, addresses: Any, service_uplinks: Any) -> dict[str, Any]:
    """Return C(lines), C(local), C(remote), and C(refusal): why there can be none, in one clear line."""
    try:
        return {"refusal": "", **links.both_ends(settings, addresses, service_uplinks)}
    except InputError as error:
        return {"refusal": str(error), "lines": [], "local": [], "remote": []}


def links_for_agent(ends: Any, keys: Any) -> list[dict[str, Any]]:
    """Return one side's tunnels with the other side's public keys, as C(ccpp-backup links) reads them."""
    try:
        return links.for_agent(ends, keys)
    except ValueError as error:
        raise AnsibleFilterError(f"links_for_agent: as many keys as tunnels are needed ({error})") from None


class FilterModule:
    """Filters of the tunnels."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"commune_links": commune_links, "links_for_agent": links_for_agent}

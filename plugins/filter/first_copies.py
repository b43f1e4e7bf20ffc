# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which of a commune's sources have a complete, verified backup at the CCPP, and what the others lack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.commune import onboarding


def first_copies(sources: Any, local: Any, remote: Any) -> dict[str, list[str]]:
    """Return C(verified), C(missing) and C(waiting), by C(ccpp-backup status --json) of both servers."""
    return asdict(onboarding.first_copies(sources, local["sources"], remote["sources"]))


class FilterModule:
    """Filter of the onboarding."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"first_copies": first_copies}

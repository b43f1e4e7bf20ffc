# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The days on which no support answers."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, shown
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import french_holidays

FIRST = 2000
LAST = 2110


def public_holidays(first: int, last: int) -> list[str]:
    """Return the public holidays of metropolitan France (YYYY-MM-DD) of the years from first to last.

    Raises AnsibleFilterError for what are no such years.
    """
    for year in (first, last):
        if not isinstance(year, int) or not FIRST <= year <= LAST:
            raise AnsibleFilterError(f"public_holidays: {shown(year)} is not a year from {FIRST} to {LAST}")
    try:
        return [str(day) for year in range(first, last + 1) for day in sorted(french_holidays(year))]
    except BackupError as error:
        raise AnsibleFilterError(f"public_holidays: {error}") from error


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"public_holidays": public_holidays}

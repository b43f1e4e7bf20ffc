# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server measured of itself (`ccpp-backup benchmark`), where the planners would else assume."""

from __future__ import annotations

from .errors import InputError, shown
from .planning import Assumptions

# What a measurement of a server can say; the rest of it is for people.
MEASURED = ("disk_read_mb_s", "restic_restore_mb_s")


def applied(assumptions: Assumptions, document: object, where: str) -> Assumptions:
    """The assumptions with those that the document measured, in MB/s. InputError begins with `where`."""
    if not isinstance(document, dict) or not any(name in document for name in MEASURED):
        raise InputError(
            f"{where}: {shown(document)} is no measurement (give a JSON object with {' or '.join(MEASURED)})"
        )
    values = {name: document[name] for name in MEASURED if name in document}
    on = document.get("measured_at")
    origin = f"measured {on[:10]}" if isinstance(on, str) and on[:10].isprintable() else "measured"
    return assumptions.with_values(values, origin, where)

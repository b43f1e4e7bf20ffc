#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the days on which a town hall is open."""

from __future__ import annotations

DOCUMENTATION = r"""
module: calendar_info
short_description: List the days on which a town hall is open
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Works out, from the block C(opening) of a commune's file, on which days a backup is owed.
  - Needs python3-holidays where it runs, unless the block says C(public_holidays=none).
options:
  opening:
    description: The block C(opening) of a commune's file.
    type: dict
    required: true
  first:
    description: First day, as C(YYYY-MM-DD).
    type: str
    required: true
  last:
    description: Last day, inclusive.
    type: str
    required: true
  backed_up:
    description: Days that have a backup; those open days that have none are returned as RV(missed_days).
    type: list
    elements: str
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Ask when the town hall is open in May
  ccpp.backup.calendar_info:
    opening: "{{ commune_settings.opening }}"
    first: "2026-05-01"
    last: "2026-05-31"
  register: may
  delegate_to: localhost
"""

RETURN = r"""
open_days:
  description: The open days, in order, as C(YYYY-MM-DD).
  returned: success
  type: list
  elements: str
  sample: ["2026-05-04", "2026-05-05"]
missed_days:
  description: The open days that O(backed_up) lacks.
  returned: when O(backed_up) is given
  type: list
  elements: str
  sample: ["2026-05-05"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.times import parse_day


def answer(
    opening: dict[str, Any], first: str, last: str, backed_up: list[str] | None
) -> dict[str, list[str]]:
    """Return the module's answer; InputError names what is wrong."""
    calendar = OpeningCalendar.from_mapping(opening)
    begin, end = parse_day(first, "first"), parse_day(last, "last")
    if end < begin:
        raise InputError(f"last: '{last}' is before first '{first}' (give the earlier day as first)")
    days = {"open_days": [day.isoformat() for day in calendar.open_days(begin, end)]}
    if backed_up is not None:
        done = {parse_day(day, f"backed_up[{number}]") for number, day in enumerate(backed_up)}
        days["missed_days"] = [day.isoformat() for day in calendar.missed_days(done, begin, end)]
    return days


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "opening": {"type": "dict", "required": True},
            "first": {"type": "str", "required": True},
            "last": {"type": "str", "required": True},
            "backed_up": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    try:
        days = answer(**module.params)
    except BackupError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **days)


if __name__ == "__main__":
    main()

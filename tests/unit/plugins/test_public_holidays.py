# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The days on which no support answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.ccpp.backup.plugins.filter.public_holidays import public_holidays


def test_each_year_has_its_eleven_with_those_that_move_with_easter() -> None:
    days = public_holidays(2026, 2027)
    assert len(days) == 22
    assert days == sorted(days)
    assert {"2026-04-06", "2026-05-14", "2026-05-25", "2027-03-29", "2027-07-14"} <= set(days)


@pytest.mark.parametrize(("first", "last"), [("2026", 2027), (2026, 9999), (None, 2026)])
def test_what_is_no_year_is_refused(first: Any, last: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="is not a year from 2000 to 2110"):
        public_holidays(first, last)

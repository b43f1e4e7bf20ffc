# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ccpp.backup.calendar_info: the open days of a block `opening`."""

from __future__ import annotations

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.modules.calendar_info import answer

OPENING = {"weekdays": ["mon", "tue"], "public_holidays": "none"}


def test_open_days_are_listed_from_the_first_to_the_last_inclusive() -> None:
    assert answer(OPENING, "2026-05-04", "2026-05-11", None) == {
        "open_days": ["2026-05-04", "2026-05-05", "2026-05-11"]
    }


def test_open_days_without_a_backup_are_missed() -> None:
    found = answer(OPENING, "2026-05-04", "2026-05-11", ["2026-05-04", "2026-05-06"])
    assert found["missed_days"] == ["2026-05-05", "2026-05-11"]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-02-30", "2026-05-11", "first: '2026-02-30'"),
        ("2026-05-11", "2026-05-04", "last: '2026-05-04' is before first"),
    ],
)
def test_impossible_days_are_refused_by_name(first: str, last: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        answer(OPENING, first, last, None)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tier is in bytes, and what disks hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage import sizes

TB = 10**12


@pytest.mark.parametrize(("tier", "size"), [(1, 10**12), (4, 4 * 10**12), (10, 10**13)])
def test_a_terabyte_is_that_of_the_disks_label(tier: int, size: int) -> None:
    assert sizes.tier_bytes(tier) == size


def test_the_server_stops_taking_in_before_the_quota_does() -> None:
    assert sizes.receive_limit(1) == 950 * 10**9 < sizes.tier_bytes(1)


def test_the_only_source_may_fill_the_tier_and_one_of_several_may_not() -> None:
    assert sizes.source_limit(4, 1) == 4 * TB
    assert sizes.source_limit(4, 20) == 3_600 * 10**9


@pytest.mark.parametrize(
    ("disks", "holds"),
    [([], 0), ([4], 0), ([4, 4], 4), ([4, 2], 2), ([4, 4, 4], 6), ([10, 1, 1], 2), ([4, 4, 4, 4], 8)],
)
def test_what_a_mirror_holds(disks: list[int], holds: int) -> None:
    assert sizes.mirror_capacity(disks) == holds


@given(st.lists(st.integers(0, 100), max_size=6), st.integers(0, 100))
def test_a_disk_more_never_makes_a_mirror_smaller(disks: list[int], more: int) -> None:
    assert sizes.mirror_capacity([*disks, more]) >= sizes.mirror_capacity(disks)


def test_a_mirror_whose_free_space_is_on_one_disk_is_lopsided() -> None:
    assert sizes.lopsided([4 * TB, 4 * TB, 4 * TB], [4 * TB, 4 * TB, 0])
    assert not sizes.lopsided([4 * TB, 4 * TB], [TB, TB])
    assert not sizes.lopsided([4 * TB, 2 * TB], [TB, TB])


def test_a_size_is_told_in_the_units_of_the_convention() -> None:
    assert [sizes.human(size) for size in (4 * TB, 950 * 10**9, 2 * 10**6, 512)] == [
        "4.00 TB",
        "950.00 GB",
        "2.00 MB",
        "512 bytes",
    ]

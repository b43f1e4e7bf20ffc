# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes: what a tier is, what disks hold, and what may be filled. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# The convention's terabyte is the one printed on disks: 10^12 bytes, not 2^40.
TERABYTE = 10**12
# Of a tier: what one of several sources may fill, so that a stolen workstation leaves the others room.
SOURCE_SHARE = 0.90
# rest-server stops before the quota does: what is left is the agent's, which needs room to give room back.
RECEIVE_SHARE = 0.95


def tier_bytes(tier: int, terabyte: int = TERABYTE) -> int:
    """The bytes of a tier of so many terabytes."""
    return tier * terabyte


def source_limit(tier: int, sources: int, terabyte: int = TERABYTE) -> int:
    """The most that one source of a commune may fill at LOCAL."""
    whole = tier_bytes(tier, terabyte)
    return whole if sources <= 1 else int(whole * SOURCE_SHARE)


def receive_limit(tier: int, terabyte: int = TERABYTE) -> int:
    """The most that rest-server takes in for a commune (--max-size)."""
    return int(tier_bytes(tier, terabyte) * RECEIVE_SHARE)


def mirror_capacity(sizes: Sequence[int]) -> int:
    """What disks of these sizes hold when every byte stands on two of them."""
    if len(sizes) < 2:
        return 0
    return min(sum(sizes) // 2, sum(sizes) - max(sizes))


def capacity(sizes: Sequence[int], mirror: bool) -> int:
    return mirror_capacity(sizes) if mirror else sum(sizes)


def lopsided(sizes: Sequence[int], allocated: Sequence[int]) -> bool:
    """Whether a mirror's free space lies so unevenly that half of it cannot be used without a balance."""
    free = [max(0, size - used) for size, used in zip(sizes, allocated, strict=True)]
    possible = mirror_capacity(sizes) - sum(allocated) // 2
    return possible > mirror_capacity(sizes) // 20 and mirror_capacity(free) < possible // 2


def human(size: int) -> str:
    """A size for a person, in the convention's decimal units."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.2f} {name}"
    return f"{size} bytes"

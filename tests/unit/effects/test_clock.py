# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What chronyd says of the clock, and what is made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.clock import doubt_of_tracking

UPDATED = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIELDS = {
    "reference": "C0A80101",
    "name": "ntp.example.org",
    "stratum": "3",
    "updated": f"{UPDATED.timestamp():.9f}",
    "offset": "-0.000012",
    "last_offset": "0.000001",
    "rms_offset": "0.00001",
    "frequency": "-12.3",
    "residual": "0.001",
    "skew": "0.02",
    "delay": "0.020",
    "dispersion": "0.002",
    "interval": "64.2",
    "leap": "Normal",
}


def doubt(later: timedelta = timedelta(minutes=1), **changed: str) -> str | None:
    return doubt_of_tracking(",".join({**FIELDS, **changed}.values()) + "\n", UPDATED + later)


def test_a_clock_that_follows_its_sources_is_trusted() -> None:
    assert doubt() is None
    assert doubt(leap="Insert second") is None
    assert doubt(later=timedelta(hours=23)) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"leap": "Not synchronised", "stratum": "0", "reference": "00000000"}, "no time source"),
        ({"stratum": "16"}, "no time source"),
        ({"leap": "Normally"}, "no time source"),
        ({"reference": "7F7F0101"}, "the clock follows itself"),
        ({"offset": "-30.5"}, "the clock may be 31 s off"),
        ({"dispersion": "9"}, "the clock may be 9 s off"),
        ({"delay": "12"}, "the clock may be 6 s off"),
        ({"delay": "nan"}, "the clock may be nan s off"),
        ({"updated": "nan"}, "no time source has answered"),
        ({"stratum": "x"}, "chronyd's answer cannot be read"),
    ],
)
def test_any_doubt_is_named(changed: dict[str, str], said: str) -> None:
    assert (doubt(**changed) or "").startswith(said)


def test_sources_that_stay_silent_for_a_day_are_missed() -> None:
    assert doubt(later=timedelta(hours=25)) == "no time source has answered for 25 h"


@pytest.mark.parametrize("said", ["", "506 Cannot talk to daemon\n", "a,b,c", ",".join(["0"] * 13)])
def test_what_is_no_answer_gives_no_trust(said: str) -> None:
    assert doubt_of_tracking(said, UPDATED) == "chronyd's answer cannot be read"

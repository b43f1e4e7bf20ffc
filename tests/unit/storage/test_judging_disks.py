# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of the disks means for the status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage_health import judge, read, room

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GB = 10**9


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "at": "2026-11-24T11:50:00Z",
        "since": "2026-11-01T00:00:00Z",
        "kind": "mirror",
        "mounted": True,
        "uuid": "no-such-file-system",
        "mount_point": "/srv/backup",
        "disks": [{"name": "a", "state": "ok"}, {"name": "b", "state": "ok"}],
        "degraded": False,
        "stray_bytes": 0,
        "activity": "none",
        "scrub": None,
        "capacity": 4000 * GB,
        "places": [{"path": "/srv/backup/aa", "group": "1/256", "limit": 1000 * GB, "used": 10 * GB}],
        **changes,
    }


def test_a_healthy_mirror_is_well() -> None:
    health = judge(facts(), NOW)
    assert (health.level, health.reasons) == ("ok", [])
    assert health.summary == "a mirror of 2 disks for 4.00 TB"


def test_a_plain_folder_says_that_it_is_one_and_is_no_reason_for_alarm() -> None:
    health = judge({"kind": "folder", "mount_point": "/srv/backup"}, NOW)
    assert (health.level, health.summary) == ("ok", "a plain folder, /srv/backup, without disks of its own")


def test_a_machine_without_the_role_is_no_reason_for_alarm() -> None:
    assert judge({}, NOW).level == "ok"


@pytest.mark.parametrize(
    ("changes", "level", "reason"),
    [
        ({"disks": [{"name": "b", "state": "missing"}]}, "attention", "degraded: b is missing"),
        ({"disks": [{"name": "b", "state": "failing"}]}, "attention", "degraded: b no longer answers"),
        ({"disks": [{"name": "c", "state": "waiting"}]}, "attention", "c is not yet part of the store"),
        ({"disks": [{"name": "b", "state": "ok", "errors": {"write": 3}}]}, "attention", "b: errors since"),
        (
            {"disks": [{"name": "b", "state": "ok", "smart": {"state": "failing"}}]},
            "attention",
            "b: SMART says",
        ),
        ({"stray_bytes": 3 * GB}, "attention", "3.00 GB are on one disk alone"),
        ({"activity": "device replace", "progress": "34 %"}, "attention", "under way: device replace (34 %)"),
        ({"scrub_owed": True}, "attention", "a disk was away or is new"),
        ({"mend_failed": True}, "attention", "the repair failed"),
        (
            {"scrub": {"at": "2026-11-20T00:00:00Z", "uncorrectable": 2}},
            "alarm",
            "the scrub of 2026-11-20 found 2",
        ),
        ({"scrub": {"at": "2026-09-20T00:00:00Z"}}, "attention", "not scrubbed since 2026-09-20"),
        ({"since": "2026-09-01T00:00:00Z"}, "attention", "not scrubbed since 2026-09-01"),
        ({"at": "2026-11-24T09:00:00Z"}, "attention", "nobody has looked at the disks since"),
        ({"mounted": False}, "alarm", "not mounted: its disks are not there"),
        ({"capacity": 500 * GB}, "attention", "1.00 TB are promised, the disks hold 500.00 GB"),
    ],
)
def test_what_needs_attention(changes: dict[str, Any], level: str, reason: str) -> None:
    health = judge(facts(**changes), NOW)
    assert health.level == level
    assert health.reasons[0].startswith(reason)


@pytest.mark.parametrize(
    ("used", "level"), [(899, "ok"), (900, "attention"), (970, "alarm"), (1000, "alarm")]
)
def test_a_place_that_fills_up_is_told_before_it_is_full(used: int, level: str) -> None:
    place = {"path": "/srv/backup/aa", "group": "1/256", "limit": 1000 * GB, "used": used * GB}
    assert judge(facts(places=[place]), NOW).level == level


def test_the_worst_comes_first() -> None:
    place = {"path": "/srv/backup/aa", "group": "1/256", "limit": GB, "used": GB}
    health = judge(facts(stray_bytes=GB, places=[place]), NOW)
    assert health.level == "alarm"
    assert health.reasons[0].startswith("/srv/backup/aa")


def test_parts_of_a_place_are_not_promised_twice() -> None:
    whole = {"path": "/srv/backup/repositories", "group": "1/256", "limit": 4000 * GB, "used": 0}
    part = {"path": "/srv/backup/repositories/accueil", "group": "0/257", "limit": 3600 * GB, "used": 0}
    assert judge(facts(places=[whole, part]), NOW).level == "ok"


def test_nothing_more_is_brought_to_a_place_that_is_nearly_full() -> None:
    assert room(facts(), "/srv/backup/aa/accueil", 900 * GB) is None
    said = room(facts(), "/srv/backup/aa/accueil", 960 * GB)
    assert said is not None
    assert said.startswith("/srv/backup/aa: 10.00 GB of 1.00 TB are used, and 960.00 GB more would come")
    assert room(facts(), "/srv/backup/aab/accueil", 960 * GB) is None
    assert room({}, "/srv/backup/aa/accueil", 960 * GB) is None


def test_facts_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert read(str(state)) == {}
    (tmp_path / "state-store").mkdir()
    (tmp_path / "state-store" / "storage.json").write_text("[1, 2")
    assert read(str(state)) == {}


def test_a_look_two_hours_old_is_still_one() -> None:
    at = (NOW - timedelta(hours=2)).isoformat()
    assert judge(facts(at=at), NOW).level == "ok"

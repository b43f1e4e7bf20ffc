# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a server may be worked on: pauses that end, and restarts outside opening hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.maintenance import (
    LONGEST_PAUSE,
    Pause,
    Settings,
    no_reboot_now,
    parse_pause,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import FixedOpenDays

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAUSE = Pause("marie", "patching", NOON + timedelta(hours=1))
# 2 March 2026 is a Monday; Paris is one hour ahead of UTC until the 29th, then two.
MONDAY = FixedOpenDays([date(2026, 3, 2)])
NEVER = FixedOpenDays([])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_pause_survives_being_written_and_read() -> None:
    for pause in (PAUSE, Pause("é", 'a "b"', NOON, "boot")):
        assert parse_pause(pause.as_text()) == pause


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"who": "a", "why": "b", "until": "tomorrow", "boot": null}',
        '{"who": "a", "why": "b", "until": "2026-03-02T12:00:00", "boot": null}',
        '{"who": "a", "why": "b", "until": "2026-03-02T12:00:00Z"}',
        "[" * 100_000,
    ],
)
def test_a_broken_file_pauses_nothing(text: str) -> None:
    assert parse_pause(text) is None


def test_a_pause_ends_by_itself() -> None:
    assert PAUSE.in_force(NOON, "boot")
    assert not PAUSE.in_force(PAUSE.until, "boot")


def test_a_pause_that_never_ends_is_none() -> None:
    forged = Pause("a", "b", NOON + LONGEST_PAUSE + timedelta(seconds=1))
    assert not forged.in_force(NOON, "boot")


def test_a_pause_can_end_with_the_restart_it_was_for() -> None:
    mine = Pause("ccpp-backup", "restart", PAUSE.until, "first")
    assert mine.in_force(NOON, "first")
    assert not mine.in_force(NOON, "second")


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("2026-03-02T00:59:59+01:00", False),
        ("2026-03-02T01:00:00+01:00", True),
        ("2026-03-02T04:59:59+01:00", True),
        ("2026-03-02T05:00:00+01:00", False),
        ("2026-03-02T12:00:00+01:00", False),
        # Summer time: the night is that of the town hall, whatever the server's zone.
        ("2026-03-30T23:30:00+00:00", True),
        ("2026-03-30T03:30:00+00:00", False),
    ],
)
def test_on_an_open_day_a_server_restarts_in_the_night_alone(now: str, allowed: bool) -> None:
    open_days = FixedOpenDays([date(2026, 3, 2), date(2026, 3, 30), date(2026, 3, 31)])
    assert (no_reboot_now(at(now), Settings(), [open_days]) is None) == allowed


def test_a_night_may_span_midnight() -> None:
    settings = Settings.from_mapping({"window": {"from": "22:30", "to": "04:00"}}, "x")
    for now, allowed in (
        ("22:29", False),
        ("22:30", True),
        ("00:00", True),
        ("03:59", True),
        ("04:00", False),
    ):
        instant = at(f"2026-03-02T{now}:00+01:00")
        assert (no_reboot_now(instant, settings, [FixedOpenDays([instant.date()])]) is None) == allowed


def test_on_a_day_without_opening_it_may_at_any_hour() -> None:
    assert no_reboot_now(NOON, Settings(), [NEVER]) is None
    assert no_reboot_now(NOON, Settings(), [MONDAY]) is not None


def test_a_server_of_several_communes_waits_until_all_are_closed() -> None:
    assert no_reboot_now(NOON, Settings(), [NEVER, MONDAY]) is not None
    assert no_reboot_now(NOON, Settings(), [NEVER, NEVER]) is None


def test_a_server_that_knows_no_commune_restarts_in_the_night_alone() -> None:
    assert no_reboot_now(NOON, Settings(), []) is not None
    assert no_reboot_now(at("2026-03-02T02:00:00+01:00"), Settings(), []) is None


def test_a_server_told_not_to_never_does() -> None:
    settings = Settings.from_mapping({"reboot": False}, "x")
    assert "base_reboot" in (no_reboot_now(at("2026-03-02T02:00:00+01:00"), settings, [NEVER]) or "")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "x: a list of 0 is not a mapping"),
        ({"windw": {}}, "x: 'windw' is not a field (use reboot, window)"),
        ({"reboot": "yes"}, "x: reboot: 'yes' is neither true nor false"),
        ({"window": {"from": "01:00"}}, "x: window: write "),
        ({"window": {"from": "25:00", "to": "05:00"}}, "x: window.from: '25:00' is not a time of day"),
        ({"window": {"from": "01:00", "to": 5}}, "x: window.to: 5 is not a time of day"),
    ],
)
def test_bad_settings_are_named(value: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings.from_mapping(value, "x")
    assert str(caught.value).startswith(said)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings systemd units in line with what is on disk."""

from __future__ import annotations

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.services import (
    Step,
    Wanted,
    needs_daemon_reload,
    parse_states,
    parse_timestamp,
    steps,
    unknown,
)

UNIT_FILE = "/etc/systemd/system/one.service"
STARTED = "Tue 2026-11-24 03:55:49.000000 UTC"
RELOADED = "Tue 2026-11-24 03:58:07.500000 UTC"


def state(**changes: str) -> dict[str, str]:
    return {
        "LoadState": "loaded",
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "NeedDaemonReload": "no",
        "FragmentPath": UNIT_FILE,
        "DropInPaths": "",
        "ActiveEnterTimestamp": STARTED,
        "StateChangeTimestamp": STARTED,
        **changes,
    }


def decide(unit: Wanted, seen: dict[str, str], written: dict[str, str] | None = None) -> list[Step]:
    times = {path: parse_timestamp(when) for path, when in (written or {}).items()}
    return steps([unit], {unit.name: seen}, times.get)


def test_a_unit_in_line_is_left_alone() -> None:
    before = {UNIT_FILE: "Tue 2026-11-24 03:55:48.999999 UTC"}
    assert decide(Wanted("one.service", enabled=True), state(), before) == []


@pytest.mark.parametrize("path", [UNIT_FILE, "/etc/one.conf", "/etc/systemd/system/one.service.d/more.conf"])
def test_what_was_started_before_a_file_it_reads_was_written_is_restarted(path: str) -> None:
    unit = Wanted("one.service", files=("/etc/one.conf",))
    seen = state(DropInPaths="/etc/systemd/system/one.service.d/more.conf")
    assert decide(unit, seen, {path: STARTED}) == [Step("restart", ("one.service",))]


def test_a_reload_is_enough_for_a_changed_file_where_it_is_said_to_be() -> None:
    unit = Wanted("one.service", files=("/etc/one.conf",), on_change="reload")
    assert decide(unit, state(), {"/etc/one.conf": RELOADED}) == [Step("reload", ("one.service",))]


def test_a_reload_is_not_repeated() -> None:
    unit = Wanted("one.service", files=("/etc/one.conf",), on_change="reload")
    written = {"/etc/one.conf": "Tue 2026-11-24 03:58:07.499999 UTC"}
    assert decide(unit, state(StateChangeTimestamp=RELOADED), written) == []


def test_a_changed_unit_file_restarts_also_what_could_be_reloaded() -> None:
    unit = Wanted("one.service", on_change="reload")
    seen = state(StateChangeTimestamp=RELOADED)
    assert decide(unit, seen, {UNIT_FILE: STARTED}) == [Step("restart", ("one.service",))]


def test_a_change_announced_by_an_earlier_task_counts_although_no_file_is_newer() -> None:
    assert decide(Wanted("one.service", changed=True), state()) == [Step("restart", ("one.service",))]


def test_what_must_go_on_undisturbed_is_never_restarted() -> None:
    unit = Wanted("one.service", on_change="nothing", changed=True)
    assert decide(unit, state(), {UNIT_FILE: RELOADED}) == []


def test_a_stopped_unit_is_started_and_not_restarted_as_well() -> None:
    unit = Wanted("one.service", changed=True)
    assert decide(unit, state(ActiveState="failed"), {UNIT_FILE: RELOADED}) == [
        Step("start", ("one.service",))
    ]


def test_a_unit_that_should_rest_is_disabled_and_stopped() -> None:
    unit = Wanted("one.timer", enabled=False, running=False)
    assert decide(unit, state()) == [Step("disable", ("one.timer",)), Step("stop", ("one.timer",))]


def test_a_unit_without_install_section_cannot_be_enabled_and_is_not() -> None:
    assert decide(Wanted("one.timer", enabled=True), state(UnitFileState="static")) == []


def test_one_call_takes_all_units_of_a_verb_in_the_order_asked() -> None:
    units = [Wanted("b.socket", enabled=True), Wanted("a.service", enabled=True)]
    seen = {unit.name: state(ActiveState="inactive", UnitFileState="disabled") for unit in units}
    assert steps(units, seen, {}.get) == [
        Step("enable", ("b.socket", "a.service")),
        Step("start", ("b.socket", "a.service")),
    ]


def test_a_unit_that_is_not_there_yet_would_be_enabled_and_started() -> None:
    seen = state(LoadState="not-found", ActiveState="inactive", UnitFileState="", FragmentPath="")
    unit = Wanted("one.service", enabled=True)
    assert decide(unit, seen) == [Step("enable", ("one.service",)), Step("start", ("one.service",))]
    assert unknown({"one.service": seen}, [unit]) == ["one.service (not-found)"]


@pytest.mark.parametrize(
    ("change", "needed"),
    [({}, False), ({"NeedDaemonReload": "yes"}, True), ({"LoadState": "not-found"}, True)],
)
def test_systemd_reads_its_files_again_when_it_knows_others_than_those_on_disk(
    change: dict[str, str], needed: bool
) -> None:
    assert needs_daemon_reload({"one.service": state(**change)}, [Wanted("one.service")]) is needed


def test_states_are_read_by_the_name_asked_for_also_when_it_is_an_alias() -> None:
    output = (
        "LoadState=loaded\nDropInPaths=\nActiveState=active\n\nLoadState=not-found\nActiveState=inactive\n"
    )
    assert parse_states(["smartd.service", "two.service"], output) == {
        "smartd.service": {"LoadState": "loaded", "DropInPaths": "", "ActiveState": "active"},
        "two.service": {"LoadState": "not-found", "ActiveState": "inactive"},
    }
    with pytest.raises(ValueError, match="zip"):
        parse_states(["one.service"], output)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Thu 1970-01-01 00:01:40.250000 UTC", 100.25), ("", 0.0), ("n/a", 0.0), ("@5", 0.0)],
)
def test_a_time_systemd_does_not_know_is_long_ago(text: str, seconds: float) -> None:
    assert parse_timestamp(text) == seconds

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings systemd units in line with what is on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.services import (
    Disk,
    Mark,
    Step,
    Wanted,
    kept,
    mark_of,
    parse_states,
    parse_timestamp,
    some_unknown,
    stale,
    steps,
    triggered,
    unknown,
)
from ansible_collections.ccpp.backup.plugins.modules import services as module

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
        "InvocationID": "a1",
        **changes,
    }


def disk(times: dict[str, float] | None = None, contents: dict[str, str] | None = None) -> Disk:
    """Files by path, with the time of each and its content; what has no content named has none."""
    return Disk((times or {}).get, lambda paths: repr([(path, (contents or {}).get(path)) for path in paths]))


def decide(
    unit: Wanted,
    seen: dict[str, str],
    written: dict[str, str] | None = None,
    contents: dict[str, str] | None = None,
    known: Mark | None = None,
) -> list[Step]:
    times = {path: parse_timestamp(when) for path, when in (written or {}).items()}
    marks = {} if known is None else {unit.name: known}
    return steps([unit], {unit.name: seen}, disk(times, contents), marks)


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


CONF = Wanted("one.service", files=("/etc/one.conf",))
OLD = {UNIT_FILE: "unit", "/etc/one.conf": "old"}


def marked(contents: dict[str, str], unit: Wanted = CONF, invocation: str = "a1") -> Mark:
    """What a run that started the unit with these files would have kept."""
    seen = state(InvocationID=invocation)
    mark = kept(unit, mark_of(unit, seen, disk(contents=contents)), seen, None)
    assert mark is not None
    return mark


@pytest.mark.parametrize("path", [UNIT_FILE, "/etc/one.conf"])
def test_another_content_than_it_was_started_with_restarts_it_whatever_the_clock_said(path: str) -> None:
    written = {path: "Mon 1990-01-01 00:00:00.000000 UTC"}
    assert decide(CONF, state(), written, {**OLD, path: "new"}, marked(OLD)) == [
        Step("restart", ("one.service",))
    ]


def test_the_content_it_was_started_with_restarts_nothing_whatever_the_clock_says() -> None:
    written = {UNIT_FILE: "Mon 2035-01-01 00:00:00.000000 UTC", "/etc/one.conf": RELOADED}
    assert decide(CONF, state(), written, OLD, marked(OLD)) == []


def test_a_drop_in_that_was_taken_away_restarts_it() -> None:
    drop_in = "/etc/systemd/system/one.service.d/more.conf"
    seen = state(DropInPaths=drop_in)
    contents = {**OLD, drop_in: "more"}
    known = kept(CONF, mark_of(CONF, seen, disk(contents=contents)), seen, None)
    assert decide(CONF, seen, {}, contents, known) == []
    assert decide(CONF, state(), {}, OLD, known) == [Step("restart", ("one.service",))]


def test_a_reload_is_enough_where_the_other_content_is_not_that_of_the_unit_file() -> None:
    unit = Wanted("one.service", files=("/etc/one.conf",), on_change="reload")
    contents = {**OLD, "/etc/one.conf": "new"}
    assert decide(unit, state(), {}, contents, marked(OLD, unit)) == [Step("reload", ("one.service",))]


def test_where_somebody_has_reloaded_it_the_times_tell() -> None:
    """What was there then is not known: the file may have been another meanwhile."""
    unit = Wanted("one.service", files=("/etc/one.conf",), on_change="reload")
    seen = state(StateChangeTimestamp=RELOADED)
    assert decide(unit, seen, {"/etc/one.conf": RELOADED}, OLD, marked(OLD, unit)) == [
        Step("reload", ("one.service",))
    ]
    assert decide(unit, seen, {"/etc/one.conf": STARTED}, OLD, marked(OLD, unit)) == []


def test_where_something_else_has_started_it_the_times_tell() -> None:
    known = marked({**OLD, "/etc/one.conf": "older still"})
    again = state(InvocationID="b2")
    assert decide(CONF, again, {}, OLD, known) == []
    assert decide(CONF, again, {"/etc/one.conf": RELOADED}, OLD, known) == [Step("restart", ("one.service",))]


def test_a_file_that_another_call_names_is_judged_by_its_own_mark() -> None:
    """Two roles may each name files of one service."""
    other = Wanted("one.service", files=("/etc/other.conf",))
    known = marked(OLD)
    assert decide(other, state(), {"/etc/other.conf": RELOADED}, OLD, known) == [
        Step("restart", ("one.service",))
    ]
    assert decide(other, state(), {}, OLD, known) == []
    both = kept(other, mark_of(other, state(), disk(contents=OLD)), state(), known)
    assert both is not None
    assert set(both.files) == {"/etc/one.conf", "/etc/other.conf"}
    assert decide(CONF, state(), {}, OLD, both) == []


@pytest.mark.parametrize(
    ("unit", "after"),
    [
        (CONF, state(ActiveState="failed")),
        (CONF, state(InvocationID="")),
        (Wanted("one.service", on_change="nothing"), state()),
    ],
)
def test_nothing_is_kept_of_what_does_not_run_or_is_never_restarted(
    unit: Wanted, after: dict[str, str]
) -> None:
    assert kept(unit, mark_of(unit, after, disk()), after, None) is None


def test_a_mark_is_written_once_and_forgotten_with_the_start_it_is_about() -> None:
    known = marked(OLD)
    assert kept(CONF, mark_of(CONF, state(), disk(contents=OLD)), state(), known) is None
    again = kept(CONF, mark_of(CONF, state(), disk(contents=OLD)), state(InvocationID="b2"), known)
    assert again == Mark("b2", known.own, known.files)


def test_marks_survive_the_way_to_the_file_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARKS", str(tmp_path / "marks"))
    assert module.read_marks([CONF]) == {}
    module.write_mark("one.service", marked(OLD))
    assert module.read_marks([CONF]) == {"one.service": marked(OLD)}
    (tmp_path / "marks" / "one.service.json").write_text("[]", encoding="ascii")
    assert module.read_marks([CONF]) == {}


def test_a_digest_tells_contents_names_and_absence_apart(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x", encoding="ascii")
    before = module.digest([str(one), str(two)])
    two.write_text("", encoding="ascii")
    assert module.digest([str(one), str(two)]) != before
    assert module.digest([str(two)]) != module.digest([str(one)])


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
    assert steps(units, seen, disk(), {}) == [
        Step("enable", ("b.socket", "a.service")),
        Step("start", ("b.socket", "a.service")),
    ]


def test_a_unit_that_is_not_there_yet_would_be_enabled_and_started() -> None:
    seen = state(LoadState="not-found", ActiveState="inactive", UnitFileState="", FragmentPath="")
    unit = Wanted("one.service", enabled=True)
    assert decide(unit, seen) == [Step("enable", ("one.service",)), Step("start", ("one.service",))]
    assert unknown({"one.service": seen}, [unit]) == ["one.service (not-found)"]


@pytest.mark.parametrize(
    ("change", "other", "missing"),
    [
        ({}, False, False),
        ({"NeedDaemonReload": "yes"}, True, False),
        ({"LoadState": "not-found"}, False, True),
    ],
)
def test_systemd_reads_its_files_again_when_it_knows_others_than_those_on_disk(
    change: dict[str, str], other: bool, missing: bool
) -> None:
    seen = {"one.service": state(**change)}
    assert stale(seen, [CONF], disk(), {}) is other
    assert some_unknown(seen, [CONF]) is missing


def test_systemd_reads_again_what_a_timer_starts() -> None:
    """A oneshot service is in no list of what should run, and would go on as it was before."""
    timer = {"one.timer": state(Triggers="one.service two.service one.service"), "two.service": state()}
    assert triggered(timer) == ["one.service"]
    units = [Wanted("one.timer"), Wanted("two.service")]
    assert stale({**timer, "one.service": state()}, units, disk(), {}) is False
    assert stale({**timer, "one.service": state(NeedDaemonReload="yes")}, units, disk(), {}) is True


def test_systemd_reads_also_a_unit_file_that_is_older_than_the_one_it_knows() -> None:
    """Of which it does not say itself that it needs to."""
    seen = {"one.service": state()}
    marks = {"one.service": marked(OLD)}
    assert stale(seen, [CONF], disk(contents=OLD), marks) is False
    assert stale(seen, [CONF], disk(contents={**OLD, UNIT_FILE: "new"}), marks) is True
    # A file of another kind is none of systemd's.
    assert stale(seen, [CONF], disk(contents={**OLD, "/etc/one.conf": "new"}), marks) is False
    # Nothing is known of a start that was not ours.
    again = {"one.service": state(InvocationID="b2")}
    assert stale(again, [CONF], disk(contents={**OLD, UNIT_FILE: "new"}), marks) is False


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

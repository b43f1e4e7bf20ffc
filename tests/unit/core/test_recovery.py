# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hours until the data is back, against tables computed by hand, and promises that arithmetic forbids."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import planning, recovery
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.recovery import RecoveryPlan

FIBRE = {"kind": "fibre", "down_mbit": 100, "up_mbit": 100}
BACKUP_LINE = {"kind": "4g", "down_mbit": 50, "up_mbit": 10}
BARE = {"start_hours": 0, "growth_percent_per_year": 0}


def settings(sizes: dict[str, float] | float, **more: Any) -> dict[str, Any]:
    named = sizes if isinstance(sizes, dict) else {"poste": sizes}
    assumed = more.pop("planning", {})
    return {
        "name": "Rozoy",
        "tier": 10,
        "contract": {"start": "2024-01-01", "end": "2028-12-31"},
        "uplinks": [FIBRE],
        "sources": {
            name: {"kind": "linux", "priority": priority, "size_gb": gb}
            for priority, (name, gb) in enumerate(named.items(), start=1)
        },
        "planning": {**BARE, **assumed},
        **more,
    }


def plan(sizes: dict[str, float] | float, **more: Any) -> RecoveryPlan:
    given = settings(sizes, **more)
    return recovery.plan(planning.commune(given), recovery.lines(given), recovery.agreement(given))


def hours(found: RecoveryPlan) -> dict[str, float]:
    return {one.path.name: round(one.hours, 2) for one in found.forecasts}


def test_a_line_of_100_mbit_moves_0_97_tb_in_24_hours():
    line = plan(972).forecasts[1]
    assert (line.path.name, line.path.rate_mb_s, line.path.limits) == ("REMOTE, fibre 100", 11.25, "line")
    assert (line.hours, line.meets, line.most_gb) == (pytest.approx(24), True, pytest.approx(972))
    assert not plan(973).forecasts[1].meets


def test_ten_terabytes_in_24_hours_need_926_mbit_of_goodput():
    fast = {
        "lan_mbit": 100_000,
        "disk_read_mb_s": 9999,
        "restic_restore_mb_s": 9999,
        "remote_up_mbit": 400_000,
    }
    lines = [{"kind": "fibre", "down_mbit": goodput / 0.9} for goodput in (925, 926)]
    found = plan(10_000, uplinks=lines, planning=fast)
    assert [one.meets for one in found.forecasts[1:3]] == [False, True]


def test_each_path_is_as_fast_as_its_slowest_part():
    # LOCAL: 1000 Mbit/s x 94 % / 8 = 117.5 MB/s; a disk of 50 MB/s is slower, restic at 30 MB/s slower still.
    assert plan(100).forecasts[0].path.limits == "network"
    assert plan(100, planning={"disk_read_mb_s": 50}).forecasts[0].path.limits == "disk of LOCAL"
    assert plan(100, planning={"restic_restore_mb_s": 30}).forecasts[0].path.limits == "restic"
    remote = plan(100, planning={"remote_up_mbit": 20}).forecasts[1].path
    assert (remote.limits, remote.rate_mb_s) == ("line of REMOTE", 2.25)
    assert plan(100, planning={"courier_disk_mb_s": 20}).forecasts[-1].path.limits == "courier disk"


def test_the_whole_table():
    found = plan(
        {"etat-civil": 40, "compta": 160, "archives": 800},
        uplinks=[FIBRE, BACKUP_LINE],
        planning={"start_hours": 1, "courier_hours": 2},
    )
    # LOCAL 117.5 MB/s: 423 GB an hour. Lines 11.25 and 5.625 MB/s: 40.5 and 20.25 GB an hour.
    # Courier: filled at 120 MB/s (1000 GB: 2.3148 h), driven 2 h, restored at 117.5 MB/s.
    table = {row.data.name: {name: round(h, 2) for name, h in row.hours.items()} for row in found.rows}
    assert table == {
        "etat-civil": {"LOCAL": 1.09, "REMOTE, fibre 100": 1.99, "REMOTE, 4g 50": 2.98, "courier": 5.41},
        "compta": {"LOCAL": 1.47, "REMOTE, fibre 100": 5.94, "REMOTE, 4g 50": 10.88, "courier": 5.79},
        "archives": {"LOCAL": 3.36, "REMOTE, fibre 100": 25.69, "REMOTE, 4g 50": 50.38, "courier": 7.68},
    }
    assert hours(found) == table["archives"]


def test_two_lines_alike_are_told_apart():
    assert list(hours(plan(1, uplinks=[FIBRE, FIBRE]))) == [
        "LOCAL",
        "REMOTE, fibre 100",
        "REMOTE, fibre 100'",
        "courier",
    ]


def test_a_commune_within_the_promise_by_its_best_line_is_not_refused():
    assert plan(972, uplinks=[BACKUP_LINE, FIBRE]).refusal is None


def test_a_commune_that_no_line_brings_back_is_refused_and_told_of_the_courier():
    # The disk: 1500 GB at 120 MB/s take 3.47 h, the journey 2 h, the restore at 117.5 MB/s 3.55 h.
    assert plan(1500).refusal == (
        "when LOCAL is lost, 1.5 TB take 37.0 h from REMOTE, fibre 100 (limit: line) but 24 h are promised; "
        "correct the sizes or the lines, or accept 9.0 h by a courier's disk: recovery: {accept: courier}"
    )


def test_a_commune_that_the_courier_cannot_help_either_is_told_the_hours():
    assert plan(8000).refusal == (
        "when LOCAL is lost, 8 TB take 197.5 h from REMOTE, fibre 100 (limit: line) and 39.4 h by a "
        "courier's disk but 24 h are promised; correct the sizes or the lines, or agree on "
        "recovery: {accept: courier, hours: 40}"
    )


def test_a_commune_that_even_local_cannot_bring_back_is_told_what_limits_it():
    assert plan(8000, planning={"lan_mbit": 100}).refusal == (
        "from LOCAL, 8 TB take 189.1 h (limit: network) but 24 h are promised; correct the sizes, "
        "raise what limits it, or agree on recovery: {hours: 198}"
    )


def test_what_takes_more_than_a_year_nobody_can_agree_to():
    found = plan(90_000, uplinks=[{"kind": "adsl", "down_mbit": 0.1}], planning={"lan_mbit": 1})
    assert found.refusal is not None
    assert found.refusal.endswith("raise what limits it, or shrink what is promised")


def test_assumed_sizes_are_named_in_a_refusal():
    given = settings({"poste": 950})
    given["workstations"] = 3
    found = recovery.plan(planning.commune(given), recovery.lines(given), recovery.agreement(given))
    assert found.refusal is not None
    assert "1.05 TB (some sizes are assumed) take" in found.refusal


@pytest.mark.parametrize(
    ("agreed", "refused"),
    [({"accept": "courier"}, False), ({"hours": 37}, True), ({"hours": 38}, False), ({"hours": 12}, True)],
)
def test_what_was_agreed_on_is_what_counts(agreed, refused):
    assert (plan(1500, recovery=agreed, planning={"start_hours": 0.5}).refusal is not None) == refused


def test_growth_that_will_break_the_promise_within_the_term_is_a_warning_and_no_refusal():
    found = plan(800, planning={"growth_percent_per_year": 20})
    # 972 GB are passed after ln 1.215 / ln 1.2 = 1.0681 years, 24.9 days into 2025.
    assert found.refusal is None
    assert found.forecasts[1].fails_on == date(2025, 1, 26)
    assert found.warnings == (
        "from 2025-01-26 on, growth makes 24 h impossible when LOCAL is lost too: "
        "REMOTE, fibre 100 brings back 972 GB in that time",
    )
    assert plan(800, planning={"growth_percent_per_year": 20}, recovery={"accept": "courier"}).warnings == ()


def test_rates_measured_at_the_two_servers_count_where_they_belong():
    given = settings(100, uplinks=[{"kind": "fibre", "down_mbit": 10_000}])
    commune = planning.commune(given)
    there = commune.assumptions.with_values({"disk_read_mb_s": 40}, "measured", "x")
    found = recovery.plan(commune, recovery.lines(given), recovery.agreement(given), there)
    local, remote, courier = (one.path for one in found.forecasts)
    assert (local.limits, remote.limits, remote.rate_mb_s) == ("network", "disk of REMOTE", 40)
    assert (courier.fill_mb_s, courier.rate_mb_s) == (40, 117.5)
    origins = {step.label: step.note for step in found.steps}
    assert origins["disk of REMOTE, reading"] == "measured"
    assert origins["disk of LOCAL, reading"] == "assumption: one hard disk, in sequence"


def test_nothing_to_restore_is_back_when_the_work_begins():
    found = plan(0, planning={"start_hours": 1})
    assert hours(found) == {"LOCAL": 1, "REMOTE, fibre 100": 1, "courier": 3}
    assert [one.fails_on for one in found.forecasts] == [None, None, None]


def test_the_document_has_what_the_table_has():
    document = plan({"a": 40, "b": 160}).as_json()
    assert [one["source"] for one in document["sources"]] == ["a", "b"]
    assert document["sources"][1]["hours"]["LOCAL"] == document["paths"][0]["hours"]
    assert document["promised_hours"] == 24

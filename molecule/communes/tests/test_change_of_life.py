# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit a commune's file, run site for that commune: only that changes. The tests go on from one another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from ccpp_testbed.steps import Recap
from office import Fields, Office

SLUG = "bourg-exemple"
SITE = ("ccpp.backup.site", "--limit", "commune_bourg_exemple")
SERVERS = ("local2", "remote")
JOINED = "etat-civil"
PARIS = ZoneInfo("Europe/Paris")


def bring_in_line(office: Office, *more: str) -> Recap:
    return office.playbook(*SITE, "--diff", *more)


def where_changed(office: Office) -> list[str]:
    """The host of each change of the last run: `host`, or `host -> delegate`."""
    found = re.findall(r"^changed: \[(.+?)\]", office.log(SITE[0]), re.MULTILINE)
    return sorted(re.sub(r"\(.*\)$", "", host) for host in found)


@pytest.fixture
def written(office: Office) -> Callable[..., list[str]]:
    """What was written on a machine since the test began, of what makes up the service there."""
    mark = "/var/tmp/mark"
    for machine in ("local", "workstation", "local2", "workstation2", "remote"):
        office.run(machine, f"touch {mark} && sleep 0.1")

    def since(machine: str) -> list[str]:
        folders = "/etc /usr/local /srv/backup/repositories /srv/backup/ledgers"
        said = office.run(machine, f"find {folders} -type f -newer {mark} 2>/dev/null", good=(0, 1))
        return sorted(said.splitlines())

    return since


def hours_by_fibre(office: Office) -> float:
    """What a restore from REMOTE takes, as the plan has it."""
    (plan,) = office.ask("recovery", "--file", str(office.file(SLUG)))
    (line,) = (one for one in plan["paths"] if one["path"].startswith("REMOTE, fibre"))
    return float(line["hours"])


def test_another_calendar_and_another_rate_change_what_was_edited_and_nothing_of_another_commune(
    office: Office, written: Callable[..., list[str]]
) -> None:
    for slug in (SLUG, "saint-exemple"):
        office.edit(slug, lambda fields: fields["opening"].update(closures=["2027-08-02..2027-08-15"]))
    before = hours_by_fibre(office)
    office.edit(SLUG, lambda fields: fields["uplinks"][0].update(down_mbit=100, up_mbit=50))
    assert hours_by_fibre(office) > before
    recap = bring_in_line(office)
    config = f"/etc/ccpp-backup/communes/{SLUG}.json"
    for machine in ("local2", "workstation2", "remote"):
        assert config in written(machine)
        assert "2027-08-02..2027-08-15" in office.run(machine, f"cat {config}")
    assert written("local") == written("workstation") == []
    assert not [path for path in written("remote") if "saint-exemple" in path]
    # The calendar in each machine's file; the rate is the plan's, and no machine is told.
    hosts = ["bourg-exemple-local", "bourg-exemple-local -> remote", "bourg-exemple-mairie"]
    assert (where_changed(office), recap.changed) == (hosts, 3)


def test_a_workstation_that_joins_backs_up_and_the_others_are_left_alone(
    office: Office, written: Callable[..., list[str]]
) -> None:
    source = {"kind": "linux", "address": "192.0.2.23", "paths": ["/srv/registres"], "priority": 2}
    office.edit(SLUG, lambda fields: fields["sources"].update({JOINED: source}))
    office.run("workstation3", "mkdir -p /srv/registres && cp /etc/services /srv/registres/actes")
    bring_in_line(office)
    assert written("workstation2") == []
    assert not [path for path in written("remote") if "saint-exemple" in path]
    office.run("workstation3", "ccpp-backup run --today-anyway")
    office.run("local2", f"ccpp-backup receive --source {JOINED}")
    office.run("remote", f"ccpp-backup replicate --commune {SLUG} --source {JOINED}")
    assert [office.status(machine, SLUG, JOINED)["snapshots"] for machine in SERVERS] == [1, 1]


def removals(office: Office, machine: str, when: datetime) -> list[str]:
    """What a server would remove of the source that left, if it were then."""
    said = office.run(
        machine,
        f"ccpp-backup retain --commune {SLUG} --source {JOINED} --dry-run --json --now {when.isoformat()}",
        good=(0, 3, 5),
    )
    (found,) = json.loads(said)["sources"]
    return [one["id"] for one in found["decisions"] if one["action"] == "remove"]


def test_a_source_that_leaves_takes_nothing_in_and_keeps_its_data_until_its_retention_ends(
    office: Office,
) -> None:
    def leave(fields: Fields) -> None:
        del fields["sources"][JOINED]
        # So that a test may ask what will be in a year, without a year of ledgers.
        fields["policy"] = {"clock_idle_days": 800}

    office.edit(SLUG, leave)
    bring_in_line(office)
    said = office.run("workstation3", "ccpp-backup run --today-anyway 2>&1; echo $?")
    assert said.splitlines()[-1] not in ("0", "3"), said

    office.run("remote", f"ccpp-backup replicate --commune {SLUG}")
    for machine in SERVERS:
        found = office.status(machine, SLUG, JOINED)
        assert (found["snapshots"], found["due"], found["missed_days"]) == (1, None, [])
        assert "no longer in the commune's file: kept until its retention ends" in found["reasons"]
        last = datetime.fromisoformat(found["last_backup"]["day"]).replace(hour=12, tzinfo=PARIS)
        ends = last.replace(year=last.year + 1)
        assert removals(office, machine, ends) == []
        assert len(removals(office, machine, ends + timedelta(days=1))) == 1
    assert office.playbook(*SITE).changed == 0

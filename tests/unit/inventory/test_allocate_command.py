# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make allocate`: the playbook that gives addresses, and the inventory afterwards."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

PLAYBOOK = pathlib.Path(__file__).parents[3] / "playbooks/allocate.yml"


@pytest.fixture
def allocate(checkout):
    def run(*more: str):
        command = ("playbook", "-i", "localhost,", str(PLAYBOOK), "-e", f"source={checkout.path}/ccpp.yml")
        return checkout.python("-m", "ansible", *command, *more)

    return run


@pytest.fixture
def newcomer(checkout, full):
    """A commune with a file and no addresses."""
    (checkout.path / "communes/rozoy.yml").write_text(json.dumps(full))
    return checkout


def _changed(done) -> int:
    assert done.returncode == 0, done.stderr
    return int(re.search(r"changed=(\d+)", done.stdout)[1])


def test_a_new_commune_gets_addresses_once_and_the_inventory_then_takes_it(newcomer, allocate):
    before = (newcomer.path / "allocation.yml").read_text()
    assert newcomer.run("inventory", "--graph").returncode == 4

    predicted = allocate("--check")
    line = "  rozoy: {loopback: 10.83.0.3, tunnels: [10.83.4.2/31, 10.83.8.2/31]}\n"
    assert _changed(predicted) == 1
    assert f"+{line}" in predicted.stdout
    assert (newcomer.path / "allocation.yml").read_text() == before

    assert _changed(allocate()) == 1
    after = (newcomer.path / "allocation.yml").read_text()
    assert after.replace(line, "") == before
    assert newcomer.run("inventory", "--graph").returncode == 0
    assert _changed(allocate()) == 0


def test_what_a_person_wrote_into_the_file_stays_as_long_as_nothing_is_missing(checkout, allocate):
    file = checkout.path / "allocation.yml"
    file.write_text("# by hand\n" + file.read_text())
    before = file.read_text()
    assert _changed(allocate()) == 0
    assert file.read_text() == before


def test_a_commune_that_left_is_released_on_demand_only(newcomer, allocate):
    allocate()
    (newcomer.path / "communes/rozoy.yml").unlink()
    assert _changed(allocate()) == 0
    assert _changed(allocate("-e", "release=rozoy")) == 1
    assert "rozoy" not in (newcomer.path / "allocation.yml").read_text()


@pytest.mark.parametrize(
    ("file", "old", "new", "more", "said"),
    [
        (
            "ccpp.yml",
            "plugin: ccpp",
            "plugin: cccp",
            (),
            "ccpp.yml: not a source of the plugin ccpp.backup.communes",
        ),
        ("ccpp.yml", "pools:", "cache: false\nignored:", (), "ccpp.yml: pools: null is not a mapping; write"),
        ("communes/saint-exemple.yml", "tue", "sonday", (), "opening.weekdays[1]: 'sonday' is not a weekday"),
        ("allocation.yml", "10.83.0.2", "10.83.0.1", (), "10.83.0.1 is also remote.loopback; take out the"),
        (
            "allocation.yml",
            "10.83.0.2",
            "10.83.0.2",
            ("-e", "release=saint-exemple"),
            "allocation.yml: 'saint-exemple' is still among the communes; run ccpp.backup.offboard",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(
    checkout, allocate, file, old, new, more, said
):
    path = checkout.path / file
    path.write_text(path.read_text().replace(old, new))
    before = (checkout.path / "allocation.yml").read_bytes()
    done = allocate(*more)
    assert done.returncode == 2
    assert said in " ".join((done.stdout + done.stderr).split())
    assert (checkout.path / "allocation.yml").read_bytes() == before

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing in the tree says on which machine it was written, and its links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import check_tree
import pytest


def test_package_hosts_are_read_from_settings_without_their_passwords(tmp_path):
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://me:secret@pypi.intranet.example/simple\n"
    )
    (tmp_path / "sources.list").write_text("deb http://deb.debian.org/debian trixie main\n")
    settings = [f"{tmp_path}/*", f"{tmp_path}/absent/pip.conf"]
    assert check_tree.package_hosts(settings) == {"pypi.intranet.example"}


def test_paths_of_any_machine_are_no_telltales():
    assert check_tree.machine_paths(Path("/srv/x/checkout"), Path("/root")) == {
        "/srv/x/checkout",
        "/srv/x/checkout/",
        "/srv/x/",
    }


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("root = /home/agnes/ccpp-backup", True),
        ("'/home/agnes/x'", True),
        ("url: https://pypi.intranet.example/simple", True),
        ("paths: [/mnt/home/agnes/x]", False),
        ("paths: [/home]", False),
    ],
)
def test_a_line_that_names_this_machine_is_found(line, found):
    words = {"/home/agnes/", "pypi.intranet.example"}
    assert bool(list(check_tree.telltales(line, words))) is found


def test_a_shipped_entry_without_link_and_a_link_to_nothing_are_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    collection = Path("collections")
    collection.mkdir()
    Path("roles").mkdir()
    (collection / "docs").symlink_to("../docs")
    assert list(check_tree.missing_links(["roles", "plugins"], collection)) == [
        "collections/roles: does not link to roles",
        "collections/docs: leads to ../docs, which is not there",
    ]


def test_an_ignored_finding_without_reason_is_reported():
    text = "a.py shebang # Debian has no python\nb.py shebang\nc.py shebang #\n"
    assert list(check_tree.unexplained(Path("ignore.txt"), text)) == [
        "ignore.txt:2: ignored without a reason (write it after #)",
        "ignore.txt:3: ignored without a reason (write it after #)",
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{%- set _ = units.update({'a': lookup('x')}) -%}", True),
        ("{% set __ = found.append(1) %}", True),
        ("{% do found.append(1) %}", True),
        ("{%- set all.units = all.units | combine({'a': 1}) -%}", False),
        ("{% set name = 1 %}", False),
    ],
)
def test_a_template_that_throws_a_value_away_is_reported(line, found):
    assert bool(list(check_tree.unseen_errors(Path("vars/main.yml"), line))) is found
    assert not list(check_tree.unseen_errors(Path("a.py"), line))

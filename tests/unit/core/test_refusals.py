# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune's server refused to its workstations, counted once each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import refusals

DELETED = (
    '192.0.2.21 - accueil [24/Nov/2026:10:00:00 +0100] "DELETE /accueil/data/ab HTTP/2.0" 403 0 "-" "restic"'
)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (DELETED, "deletion"),
        (DELETED.replace("403", "405"), "deletion"),
        (DELETED.replace("403", "200"), None),
        (DELETED.replace("DELETE", "POST"), "write"),
        (DELETED.replace("403", "401"), "login"),
        (DELETED.replace("403", "500"), None),
        ("*1 connect() failed while reading", None),
        ("", None),
    ],
)
def test_a_line_of_nginx_tells_what_was_refused(line: str, kind: str | None) -> None:
    assert refusals.kind_of(line) == kind


def test_counts_only_grow() -> None:
    once = refusals.counted({}, [DELETED, "x", DELETED.replace("DELETE", "PUT")])
    assert once == {"deletion": 1, "write": 1, "login": 0}
    assert refusals.counted(once, [DELETED]) == {"deletion": 2, "write": 1, "login": 0}


def journalctl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in, since a unit test has no journal that it may write to."""
    (folder / "journalctl").write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    (folder / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_next_look_goes_on_where_the_last_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"MESSAGE": DELETED, "__CURSOR": "s=1;i=2"})
    journalctl(tmp_path, f"case $* in *after-cursor*) ;; *) echo '{line}' ;; esac", monkeypatch)
    first, second = (refusals.look(str(tmp_path)) for _look in range(2))
    assert first == second == {"deletion": 1, "write": 0, "login": 0}
    assert (tmp_path / "asked").read_text().splitlines()[1].endswith("--after-cursor=s=1;i=2")


def test_a_journal_that_cannot_be_read_is_not_taken_for_a_quiet_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl(tmp_path, "exit 1", monkeypatch)
    assert refusals.look(str(tmp_path)) is None
    monkeypatch.setenv("PATH", str(tmp_path / "absent"))
    assert refusals.look(str(tmp_path)) is None


def test_a_cursor_that_the_journal_has_forgotten_is_given_up_and_the_counts_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / refusals.NAME).write_text(json.dumps({"counts": {"deletion": 7}, "cursor": "gone"}))
    journalctl(tmp_path, "case $* in *after-cursor*) exit 1 ;; esac", monkeypatch)
    assert refusals.look(str(tmp_path)) is None
    assert refusals.look(str(tmp_path)) == {"deletion": 7, "write": 0, "login": 0}

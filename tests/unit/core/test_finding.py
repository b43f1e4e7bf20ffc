# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of a file over the days, and what is newer at its place than in the snapshot."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import archive, finding, in_place
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.antivirus import release
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError, RefusedError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.restore import Candidate

MONDAY = date(2026, 3, 2)
KNOWN = [Candidate(letter * 64, MONDAY + timedelta(days=n), "ok", 1) for n, letter in enumerate("abcde")]


def match(letter: str, path: str = "/home/a.txt", size: int = 1, mtime: str = "m1") -> dict[str, Any]:
    return {
        "snapshot": letter * 64,
        "matches": [{"path": path, "type": "file", "size": size, "mtime": mtime}],
    }


def test_a_file_that_was_deleted_on_tuesday_names_its_last_snapshot_and_the_day_it_was_gone() -> None:
    (found,) = finding.versions(KNOWN, [match("a")])
    assert (found.snapshot, found.first, found.last, found.gone) == (
        "a" * 64,
        MONDAY,
        MONDAY,
        date(2026, 3, 3),
    )


def test_each_state_is_a_version_the_newest_first_and_days_of_the_same_state_are_one() -> None:
    found = finding.versions(
        KNOWN, [match("e", size=2, mtime="m2"), match("a"), match("b"), match("d", size=2, mtime="m2")]
    )
    assert [(one.size, one.first.day, one.last.day, one.snapshot[0], one.gone) for one in found] == [
        (2, 5, 6, "e", None),
        (1, 2, 3, "b", date(2026, 3, 4)),
    ]


def test_paths_are_told_apart_and_what_restic_prints_wrong_is_left_out() -> None:
    rows = [match("a"), {"snapshot": "b" * 64, "matches": None}, match("c", path="/home/b.txt", size="x")]  # type: ignore[arg-type]
    found = finding.versions(KNOWN, rows)
    assert [(one.path, one.size) for one in found] == [("/home/a.txt", 1), ("/home/b.txt", 0)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("budget", "*budget*"), ("*.docx", "*.docx"), ("/home/x", "/home/x"), ("a[b]", "a[b]")],
)
def test_what_is_looked_for(text: str, wanted: str) -> None:
    assert finding.pattern(text) == wanted


@pytest.mark.parametrize("text", ["", "x" * 2000, "a\0b"])
def test_what_cannot_be_looked_for(text: str) -> None:
    with pytest.raises(InputError, match="what to find"):
        finding.pattern(text)


def node(path: str, mtime: str) -> dict[str, Any]:
    return {"path": path, "type": "file", "mtime": mtime, "size": 3}


def test_newer_files_are_named_and_older_equal_and_absent_ones_are_not(tmp_path: Path) -> None:
    told = "2026-03-02T12:00:00.123456789+01:00"
    at = 1772449200 * 10**9 + 123456789
    for name, shift in (("equal", 0), ("older", -(10**9)), ("newer", 10**9)):
        (tmp_path / name).write_text("x", encoding="ascii")
        os.utime(tmp_path / name, ns=(at, at + shift))
    listed = [node(f"/{name}", told) for name in ("equal", "older", "newer", "absent")]
    listed += [{"path": "/dir", "type": "dir", "mtime": told}, node("/no-time", None)]  # type: ignore[arg-type]
    nodes = list(in_place.nodes(listed))
    assert in_place.newer(nodes, None, str(tmp_path)) == ["/newer"]
    assert in_place.newer(nodes, "/old", str(tmp_path)) == []
    in_place.refuse_newer([])
    with pytest.raises(RefusedError, match="1 files are newer than in the snapshot: /newer"):
        in_place.refuse_newer(["/newer"])


@pytest.mark.parametrize(
    ("paths", "path", "roots"),
    [
        (("/home", "/srv/a/"), None, ["/home", "/srv/a"]),
        (("/home/x", "/home"), None, ["/home"]),
        (("/home",), "/home/x/", ["/home/x"]),
        (("/home2", "/home"), None, ["/home", "/home2"]),
    ],
)
def test_roots_are_restored_one_by_one_and_none_within_another(
    paths: tuple[str, ...], path: str | None, roots: list[str]
) -> None:
    assert in_place.roots(paths, path) == roots


def test_what_is_restored_is_unpacked_within_the_file_system_that_it_belongs_to(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    assert in_place.folder_for(str(tmp_path / "there")) == str(tmp_path / "there")
    assert in_place.folder_for(str(tmp_path / "gone" / "deep")) == str(tmp_path)
    assert in_place.folder_for(str(tmp_path / "link")) == str(tmp_path)


def test_only_what_was_left_behind_long_ago_is_taken_away(tmp_path: Path) -> None:
    for name, age in (("old", 90_000), ("young", 10)):
        folder = tmp_path / f"{release.PREFIX}{name}"
        folder.mkdir()
        then = folder.stat().st_mtime - age
        os.utime(folder, (then, then))
    assert in_place.left_behind(str(tmp_path)) == [str(tmp_path / f"{release.PREFIX}old")]


@pytest.mark.parametrize(
    ("name", "said"),
    [("x.rar", "does not end in"), ("there.zip", "is there already"), ("no/such/x.zip", "is not a folder")],
)
def test_an_archive_that_cannot_be_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "there.zip").write_bytes(b"")
    with pytest.raises(InputError, match=said):
        archive.check(str(tmp_path / name))
    with pytest.raises(InputError, match="absolute"):
        archive.check(name)


def test_an_archive_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x", encoding="ascii")
    monkeypatch.setattr(archive.os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(28, "full")))
    for suffix in archive.SUFFIXES:
        with pytest.raises(OSError, match="full"):
            archive.pack(str(tmp_path / "folder"), str(tmp_path / f"x{suffix}"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]

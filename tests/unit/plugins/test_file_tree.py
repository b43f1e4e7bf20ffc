# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ccpp.backup.file_tree: trees are what they were asked to be, and check mode says so beforehand."""

from __future__ import annotations

import getpass
import grp
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.modules.file_tree import Tree, TreeError

Run = tuple[int, str, str]


def tree(root: Path, check: bool = False, **wanted: Any) -> Tree:
    spec = {
        "path": str(root),
        "files": {},
        "owner": getpass.getuser(),
        "group": grp.getgrgid(os.getgid()).gr_name,
        "mode": "0640",
        "directory_mode": "0750",
        "exclusive": None,
        "validate": None,
        **wanted,
    }
    return Tree(spec, check)


def accept(argv: list[str]) -> Run:
    return 0, "", ""


def applied(root: Path, check: bool = False, **wanted: Any) -> Tree:
    one = tree(root, check, **wanted)
    one.apply(accept)
    return one


def test_files_are_written_with_their_modes_in_folders_made_for_them(tmp_path: Path) -> None:
    applied(tmp_path / "root", files={"a.json": "{}\n", "deep/er/b": "b"})
    assert (tmp_path / "root/deep/er/b").read_text() == "b"
    assert stat.S_IMODE((tmp_path / "root/a.json").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "root/deep/er").stat().st_mode) == 0o750


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    wanted = {"files": {"a": "1", "b/c": "2"}, "exclusive": "*"}
    assert applied(tmp_path / "root", **wanted).changed
    assert applied(tmp_path / "root", **wanted).changed == []


def test_check_mode_names_what_a_run_would_change_and_touches_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    wanted = {"files": {"a": "1", "b/c": "2"}}
    predicted = applied(root, check=True, **wanted).changed
    assert not root.exists()
    assert predicted == applied(root, **wanted).changed


def test_check_mode_predicts_for_a_user_that_an_earlier_task_would_make(tmp_path: Path) -> None:
    predicted = applied(tmp_path / "root", check=True, files={"a": "1"}, owner="nobody-made-yet")
    assert str(tmp_path / "root/a") in predicted.changed


def test_a_user_that_does_not_exist_is_refused_in_a_real_run(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="there is no user 'nobody-made-yet'"):
        tree(tmp_path, owner="nobody-made-yet")


def test_strangers_that_match_the_pattern_go_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("x")
    (tmp_path / "keep.txt").write_text("x")
    applied(tmp_path, files={"new.json": "{}"}, exclusive="*.json")
    assert sorted(os.listdir(tmp_path)) == ["keep.txt", "new.json"]


def test_a_changed_mode_is_put_right(tmp_path: Path) -> None:
    applied(tmp_path, files={"a": "1"})
    (tmp_path / "a").chmod(0o666)
    assert applied(tmp_path, files={"a": "1"}).changed == [str(tmp_path / "a")]
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_nothing_is_replaced_when_the_validating_command_refuses(tmp_path: Path) -> None:
    applied(tmp_path, files={"unit": "good"})
    staged: list[str] = []

    def refuse(argv: list[str]) -> Run:
        staged.extend(argv)
        assert Path(argv[1]).read_text() == "bad"
        return 1, "", f"{argv[1]}: no good"

    with pytest.raises(TreeError, match=r"refused by 'verify %f', nothing was replaced: .*/unit: no good"):
        tree(tmp_path, files={"unit": "bad"}, validate="verify %f").apply(refuse)
    assert (tmp_path / "unit").read_text() == "good"
    assert not Path(staged[1]).exists()


def test_an_unchanged_tree_is_not_validated_again(tmp_path: Path) -> None:
    applied(tmp_path, files={"unit": "good"})

    def never(argv: list[str]) -> Run:
        raise AssertionError(argv)

    tree(tmp_path, files={"unit": "good"}, validate="verify %f").apply(never)


def test_the_folder_of_the_system_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    applied(tmp_path, files={"a": "1"}, directory_mode=None)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o711


@pytest.mark.parametrize("name", ["/etc/passwd", "../out", "a/../../out", "."])
def test_a_file_outside_the_root_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TreeError, match="must be a path below the root"):
        tree(tmp_path, files={name: ""})


def test_a_mode_that_is_not_octal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="'rw' is not an octal mode"):
        tree(tmp_path, mode="rw")


def test_the_diff_shows_what_was_and_what_comes(tmp_path: Path) -> None:
    applied(tmp_path, files={"a": "1\n"})
    diff = applied(tmp_path, check=True, files={"a": "2\n"}).diff
    assert [(entry["before"], entry["after"]) for entry in diff] == [("1\n", "2\n")]

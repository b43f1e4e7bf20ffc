# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison that every restore is judged by sees each kind of difference."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "testbed"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compare = load("compare")
office_files = load("office_files")


def fill(folder: Path) -> Path:
    folder.mkdir()
    (folder / "texte.txt").write_text("abc")
    (folder / "autre.txt").write_text("xyz")
    (folder / "dossier").mkdir()
    (folder / "lien").symlink_to("texte.txt")
    (folder / "le même.txt").hardlink_to(folder / "texte.txt")
    with (folder / "creux").open("wb") as stream:
        stream.truncate(1_000_000)
    for path in [*folder.iterdir(), folder]:
        os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)
    return folder


def write(name: str, text: bytes) -> Callable[[Path], None]:
    """Other content in the same length of time: the modification time is put back."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes(text)
        os.utime(folder / name, ns=(10**18, 10**18))

    return change


def replace(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)
        for path in (folder / name, folder):
            os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)

    return change


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "content": (write("autre.txt", b"xyw"), "sha256"),
    "size": (write("autre.txt", b"xyz!"), "size"),
    "mode": (lambda folder: (folder / "autre.txt").chmod(0o600), "mode"),
    "mode of a folder": (lambda folder: (folder / "dossier").chmod(0o700), "mode"),
    "time by a nanosecond": (
        lambda folder: os.utime(folder / "autre.txt", ns=(10**18, 10**18 + 1)),
        "mtime_ns",
    ),
    "time of a folder": (lambda folder: os.utime(folder / "dossier", ns=(0, 0)), "mtime_ns"),
    "time of a link": (
        lambda folder: os.utime(folder / "lien", ns=(0, 0), follow_symlinks=False),
        "mtime_ns",
    ),
    "target of a link": (replace("lien", lambda path: path.symlink_to("autre.txt")), "target"),
    "a file in place of a link": (replace("lien", lambda path: path.write_text("abc")), "kind"),
    "a copy in place of a hard link": (
        replace("le même.txt", lambda path: path.write_text("abc")),
        "same_file_as",
    ),
    "zeros in place of a hole": (write("creux", bytes(1_000_000)), "holes"),
    "a missing file": (lambda folder: (folder / "autre.txt").unlink(), "missing"),
    "a missing empty folder": (lambda folder: (folder / "dossier").rmdir(), "missing"),
    "a file too many": (lambda folder: (folder / "de trop").touch(), "not in the source"),
}


def test_two_equal_trees_do_not_differ(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one"), fill(tmp_path / "other")
    assert compare.differences(compare.manifest(str(one)), compare.manifest(str(other))) == []


@pytest.mark.parametrize("what", CHANGES)
def test_a_difference_is_named(tmp_path: Path, what: str) -> None:
    one, other = fill(tmp_path / "one"), fill(tmp_path / "other")
    change, word = CHANGES[what]
    change(other)
    found = compare.differences(compare.manifest(str(one)), compare.manifest(str(other)))
    assert any(word in line for line in found), found


@pytest.mark.parametrize("field", ["owner", "group", "attributes"])
def test_what_only_root_can_change_is_compared_too(tmp_path: Path, field: str) -> None:
    folder = fill(tmp_path / "one")
    was, now = (compare.manifest(str(folder)) for _time in range(2))
    info = (folder / "lien").lstat()
    assert (was["lien"]["owner"], was["lien"]["group"]) == (info.st_uid, info.st_gid)
    now["lien"][field] = {"user.note": "61"} if field == "attributes" else 4321
    (line,) = compare.differences(was, now)
    assert line.startswith(f"'lien': {field} was ")


def test_a_hole_in_place_of_zeros_is_no_difference(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one"), fill(tmp_path / "other")
    write("creux", bytes(1_000_000))(one)
    assert compare.differences(compare.manifest(str(one)), compare.manifest(str(other))) == []


def test_office_files_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "other"):
        office_files.create(tmp_path / name, 30, seed=7)
    one, other = (compare.manifest(str(tmp_path / name)) for name in ("one", "other"))
    assert compare.differences(one, other) == []
    assert any("\n" in name for name in one)
    assert {entry["kind"] for entry in one.values()} == {"file", "folder", "symlink", "fifo"}


def test_office_files_are_of_every_kind_that_a_restore_has_to_bring_back(tmp_path: Path) -> None:
    office_files.create(tmp_path / "files", 30, seed=7)
    tree = compare.manifest(str(tmp_path / "files"))
    names = {name.rpartition("/")[2]: entry for name, entry in tree.items()}
    for odd in (" ", "\n", "\t", "é", "e\u0301", "日", "'", '"', "\\", "$", "\udce9"):
        assert any(odd in name for name in names), odd
    assert any(len(os.fsencode(name)) == 255 for name in names)
    assert any(name.count("/") > 30 for name in tree)
    assert names["vide.txt"]["size"] == 0
    assert names["dossier vide"]["kind"] == "folder"
    assert names["creux.img"]["holes"]
    assert names["lien relatif"]["target"] == "un.odt"
    assert names["lien cassé"]["kind"] == "symlink"
    assert {names[name].get("same_file_as") for name in ("un.odt", "le même.odt")} != {None}
    assert len({entry["mode"] for entry in tree.values()}) > 5
    assert len({entry["mtime_ns"] for entry in tree.values()}) == len(tree) - 1  # a hard link has its file's
    if os.geteuid() == 0:
        assert {entry["owner"] for entry in tree.values()} == set(office_files.OWNERS)


def test_a_days_work_changes_some_files_and_leaves_most(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    office_files.create(folder, 100, seed=7)
    before = compare.manifest(str(folder))
    office_files.change(folder, seed=8)
    after = compare.manifest(str(folder))
    same = [name for name in before if before[name] == after.get(name)]
    assert len(before) // 2 < len(same) < len(before)

#!/usr/bin/env python3
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare two trees byte for byte: `manifest FOLDER` describes one as JSON, `diff A B` compares two of these.

Each machine describes its own tree; only descriptions travel. Compared are names, types, content, size, mode,
owner, group, modification time, link targets, hard links, extended attributes, and the holes of sparse files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any

Entry = dict[str, Any]

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def paths_below(root: bytes) -> Iterator[bytes]:
    yield root
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(folders + files):
            yield os.path.join(folder, name)


def content_hash(path: bytes) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe(path: bytes) -> tuple[os.stat_result, Entry]:
    info = os.lstat(path)
    kind = KINDS[stat.S_IFMT(info.st_mode)]
    entry: Entry = {
        "kind": kind,
        "mode": oct(stat.S_IMODE(info.st_mode)),
        "owner": info.st_uid,
        "group": info.st_gid,
        "mtime_ns": info.st_mtime_ns,
    }
    if kind == "file":
        entry |= {"size": info.st_size, "sha256": content_hash(path)}
        entry["holes"] = info.st_blocks * 512 < info.st_size // 2
    elif kind == "symlink":
        entry["target"] = os.fsdecode(os.readlink(path))
    names = os.listxattr(path, follow_symlinks=False) if kind in ("file", "folder") else []
    attributes = {name: os.getxattr(path, name).hex() for name in names if not name.startswith("security.")}
    if attributes:
        entry["attributes"] = attributes
    return info, entry


def manifest(folder: str) -> dict[str, Entry]:
    """Every path below the folder ("." is itself), relative to it, with what a restore has to bring back."""
    root = os.fsencode(folder)
    found: dict[str, Entry] = {}
    first_name: dict[tuple[int, int], str] = {}
    for path in paths_below(root):
        name = os.fsdecode(os.path.relpath(path, root))
        info, entry = describe(path)
        if entry["kind"] == "file" and info.st_nlink > 1:
            entry["same_file_as"] = first_name.setdefault((info.st_dev, info.st_ino), name)
        found[name] = entry
    return found


def differences(expected: dict[str, Entry], actual: dict[str, Entry]) -> list[str]:
    """One line for each thing that differs; none when the trees are equal."""
    lines = [f"missing: {name!r}" for name in expected if name not in actual]
    lines += [f"not in the source: {name!r}" for name in actual if name not in expected]
    for name in sorted(expected.keys() & actual.keys()):
        was, now = expected[name], actual[name]
        for field in sorted(was.keys() | now.keys()):
            # A restore may make holes where the source stored zeros; the other way round would fill disks.
            if was.get(field) != now.get(field) and not (field == "holes" and now.get(field)):
                lines.append(f"{name!r}: {field} was {was.get(field)!r}, is {now.get(field)!r}")
    return lines


def read(path: str) -> dict[str, Entry]:
    with open(path, encoding="utf-8") as stream:
        loaded = json.load(stream)
    assert isinstance(loaded, dict)
    return loaded


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("manifest", help="describe a tree as JSON").add_argument("folder")
    diff = verbs.add_parser("diff", help="compare two descriptions; exit code 1 when they differ")
    diff.add_argument("expected")
    diff.add_argument("actual")
    args = parser.parse_args()
    if args.verb == "manifest":
        json.dump(manifest(args.folder), sys.stdout)
        return 0
    lines = differences(read(args.expected), read(args.actual))
    for line in lines[:50]:
        print(line)
    if len(lines) > 50:
        print(f"... and {len(lines) - 50} more")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

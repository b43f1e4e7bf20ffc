# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares two trees in everything a restore owes: content, type, mode, owner, times, links, and holes."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def facts(root: Path) -> dict[bytes, tuple[object, ...]]:
    """What there is to know of every file below the root, by its path from there."""
    found: dict[bytes, tuple[object, ...]] = {}
    base = os.fsencode(root)
    for folder, folders, files in os.walk(base):
        for name in folders + files:
            path = os.path.join(folder, name)
            known = os.lstat(path)
            content: bytes = b""
            if stat.S_ISLNK(known.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(known.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            # A symbolic link's own mode means nothing, and restic does not set its time everywhere.
            dated = None if stat.S_ISLNK(known.st_mode) else known.st_mtime_ns
            found[os.path.relpath(path, base)] = (
                stat.S_IFMT(known.st_mode),
                stat.S_IMODE(known.st_mode),
                known.st_uid,
                known.st_gid,
                dated,
                known.st_size if stat.S_ISREG(known.st_mode) else None,
                content,
            )
    return found


def differences(original: Path, restored: Path) -> list[str]:
    """Every path that is not the same on both sides; empty if the restore is faithful."""
    left, right = facts(original), facts(restored)
    return sorted(repr(path) for path in left.keys() | right.keys() if left.get(path) != right.get(path))


def below(target: Path, original: Path) -> Path:
    """Where a restore puts what lay at the original's full path."""
    return target / original.relative_to("/")

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring to where files came from, among those that people go on working with.

What is newer there than in the snapshot is named beforehand; what is restored is unpacked beside its place
and moved there file by file, so that a cut leaves each file whole, the old one or the restored one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .antivirus.release import PREFIX, SAME_TIME_NS
from .errors import RefusedError, one_line
from .times import parse_instant

# What a restore that was killed left behind is not taken away from one that is still at work.
LEFT_BEHIND = 24 * 3600.0


@dataclass(frozen=True)
class Node:
    """A file of a snapshot: its path on the source, its time in ns since 1970, its size in bytes."""

    path: str
    mtime_ns: int
    size: int


def nodes(messages: Iterable[Mapping[str, Any]]) -> Iterator[Node]:
    """The regular files of what `restic ls --json` printed, those without a time left out."""
    for node in messages:
        path, mtime, size = node.get("path"), node.get("mtime"), node.get("size", 0)
        if node.get("type") != "file" or not isinstance(path, str) or not isinstance(mtime, str):
            continue
        instant = parse_instant(_nanoseconds_cut(mtime), "mtime")
        yield Node(path, _in_ns(instant), size if isinstance(size, int) else 0)


def _nanoseconds_cut(text: str) -> str:
    """restic writes up to nine digits after the point; six are what a datetime holds."""
    head, point, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return text if not point else f"{head}.{tail[:digits][:6]}{tail[digits:]}"


def _in_ns(instant: datetime) -> int:
    whole = instant.replace(microsecond=0)
    return int(whole.timestamp()) * 10**9 + instant.microsecond * 1000


def below(path: str, root: str | None) -> bool:
    return root is None or path == root or path.startswith(root.rstrip("/") + "/")


def newer(files: Iterable[Node], root: str | None = None, base: str = "") -> list[str]:
    """The files below `root` that lie at their place, under `base`, and were changed after the snapshot's."""
    found = []
    for node in files:
        if not below(node.path, root):
            continue
        try:
            there = os.lstat(base + node.path)
        except OSError:
            continue
        if there.st_mtime_ns > node.mtime_ns + SAME_TIME_NS:
            found.append(node.path)
    return found


def refuse_newer(found: Sequence[str]) -> None:
    """RefusedError that names some of the files which people have changed since."""
    if found:
        named = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        raise RefusedError(
            one_line(
                f"{len(found)} files are newer than in the snapshot: {named}"
                " (--overwrite if-newer leaves them as they are, always replaces them)",
                600,
            )
        )


def roots(paths: Sequence[str], path: str | None) -> list[str]:
    """The folders that are restored one by one, each within its own file system: those of the snapshot, or
    the folder that holds the one path that is wanted."""
    if path is not None:
        return [path.rstrip("/") or "/"]
    shortest: list[str] = []
    for one in sorted({one.rstrip("/") or "/" for one in paths}):
        if not any(below(one, above) for above in shortest):
            shortest.append(one)
    return shortest


def folder_for(root: str) -> str:
    """Where to unpack beside the root: the nearest folder that is there."""
    folder = root if os.path.isdir(root) and not os.path.islink(root) else os.path.dirname(root)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def left_behind(folder: str) -> list[str]:
    """Folders of restores that were killed long ago."""
    limit = time.time() - LEFT_BEHIND
    found = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(PREFIX)]
    return [path for path in found if os.path.isdir(path) and os.lstat(path).st_mtime < limit]

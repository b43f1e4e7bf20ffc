# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restored files compared with their snapshot, one by one.

The snapshot is read a second time, as a tar archive, and each file of it hashed next to the one on the disk:
what restic says of its own restore is not taken for it. Devices, pipes and sockets hold no data and take no
part.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

from . import checksums, restic
from .commands import Repository
from .errors import BackupError, one_line

BLOCK = 1 << 20
MOST_NAMED = 100


@dataclass
class Compared:
    """What the snapshot has, how much of it is in the folder, and what differs: the first ones by name."""

    met: int = 0
    files: int = 0
    folders: int = 0
    links: int = 0
    size: int = 0
    differing: int = 0
    differences: list[str] = field(default_factory=list)

    def differs(self, path: str, how: str) -> None:
        self.differing += 1
        if len(self.differences) < MOST_NAMED:
            self.differences.append(f"{one_line(path, 200)}: {how}")


def compare(
    repository: Repository,
    snapshot: str,
    folder: str,
    listing: IO[bytes],
    prefix: str = "",
    progress: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
) -> Compared:
    """Compare what lies in the folder with the snapshot; checksums of all its files go to `listing`.

    Their paths begin with `prefix`. Raises if the snapshot could not be read to its end.
    """
    done = Compared()
    broken = None
    command = repository.dump(snapshot)
    with restic.streamed(command, f"reading {snapshot[:8]} again", keep_open) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK) as archive:
                while (member := archive.next()) is not None:
                    # The archive would remember every member of a stream that is never read again.
                    archive.members.clear()  # type: ignore[attr-defined]
                    _compare_one(archive, member, folder, listing, prefix, done)
                    if progress is not None:
                        progress(f"compared {done.files} files, {done.size / 1e6:.0f} MB")
        except tarfile.TarError as error:
            broken = str(error)
    if broken is not None:
        raise BackupError(f"reading {snapshot[:8]} again: {one_line(broken, 200)}")
    _look_for_more(folder, done)
    return done


def _compare_one(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    folder: str,
    listing: IO[bytes],
    prefix: str,
    done: Compared,
) -> None:
    path = member.name.strip("/")
    if not path:
        return
    there = os.path.join(folder, path)
    try:
        mode = os.lstat(there).st_mode
    except OSError as error:
        mode = 0
        done.differs(path, (error.strerror or "unreadable").lower())
    done.met += mode != 0
    if member.isdir():
        done.folders += 1
        if mode and not stat.S_ISDIR(mode):
            done.differs(path, "is no folder")
    elif member.issym():
        done.links += 1
        if mode and not (stat.S_ISLNK(mode) and os.readlink(there) == member.linkname):
            done.differs(path, "is not the same link")
    elif member.isreg():
        done.files += 1
        done.size += member.size
        digest = _hash_of(archive.extractfile(member))
        if stat.S_ISREG(mode):
            _compare_file(there, path, digest, done)
        elif mode:
            done.differs(path, "is no file")
        listing.write(checksums.line(prefix + path, digest))


def _compare_file(there: str, path: str, digest: str, done: Compared) -> None:
    try:
        descriptor = os.open(there, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            # What the disk has taken is to be read, not what memory still holds of it.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            if _hash_of(file) != digest:
                done.differs(path, "has another content")
    except OSError as error:
        done.differs(path, (error.strerror or "unreadable").lower())


def _hash_of(file: IO[bytes] | None) -> str:
    digest = hashlib.sha256()
    while file is not None and (block := file.read(BLOCK)):
        digest.update(block)
    return digest.hexdigest()


def _look_for_more(folder: str, done: Compared) -> None:
    """Every entry of the snapshot was looked for: where more lie in the folder, some are not from it."""
    there = 0
    for current, folders, files in os.walk(folder):
        for name in (*folders, *files):
            mode = os.lstat(os.path.join(current, name)).st_mode
            there += stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
    if there > done.met:
        done.differs(".", f"{there - done.met} more than the snapshot has")

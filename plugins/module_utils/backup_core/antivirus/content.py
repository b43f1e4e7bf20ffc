# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the contents of a snapshot's files to clamd: unpacked into memory portion by portion, and streamed.

Each call of restic derives the repository's key anew, which takes as long as scanning many files, so there
is one for each portion. What restic cannot unpack is found by halving the portion.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .. import restic
from ..commands import Repository
from ..errors import BackupError
from .changes import File, as_told, pattern_of
from .clamd import Clamd, scan_files
from .settings import Settings
from .verdicts import TOO_LARGE, UNREADABLE, Verdict, not_scanned, worst

UNPACK_TIMEOUT = 6 * 3600.0
# How often a portion that restic stumbles over is halved, before all that is left of it is called unreadable.
MOST_CALLS = 64
_LONGEST_LINE = 1 << 20


def messages(command: restic.Command, what: str, keep_open: Iterable[int]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects that restic prints, one by one: of millions of files there are millions."""
    with restic.streamed(command, what, keep_open) as stream:
        while line := stream.readline(_LONGEST_LINE):
            message = restic.message_in(line)
            if message is not None:
                yield message


def scan_portion(
    repository: Repository,
    snapshot: str,
    portion: Sequence[File],
    settings: Settings,
    clamd: Clamd,
    keep_open: Iterable[int],
) -> dict[str, Verdict]:
    """A verdict for each file of the portion, by its path in the snapshot."""
    verdicts = {file.path: not_scanned(TOO_LARGE) for file in portion if file.size > settings.largest_file}
    calls = MOST_CALLS
    left = [[file.path for file in portion if file.path not in verdicts]]
    while left:
        paths = left.pop()
        if not paths:
            continue
        calls -= 1
        with scratch(settings) as folder:
            if _unpack(repository, snapshot, folder, paths, keep_open):
                verdicts.update(_scan(folder, paths, settings, clamd))
            elif len(paths) == 1 or calls <= len(left):
                verdicts.update({path: not_scanned(UNREADABLE) for path in paths})
            else:
                half = len(paths) // 2
                left += [paths[half:], paths[:half]]
    return verdicts


@contextlib.contextmanager
def scratch(settings: Settings) -> Iterator[str]:
    """An empty folder for one portion. What a killed run left goes first; only one scans at a time."""
    clear(settings)
    folder = os.path.join(settings.scratch, "portion")
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        raise BackupError(
            f"{folder}: {error.strerror} (systemctl status '*ccpp*scan.mount'; the playbook site sets it up)"
        ) from None
    try:
        yield folder
    finally:
        clear(settings)


def clear(settings: Settings) -> None:
    folder = os.path.join(settings.scratch, "portion")
    if not os.path.lexists(folder):
        return
    # Folders come with the modes they had, perhaps without the right to look into them.
    for path, folders, _files in os.walk(folder):
        os.chmod(path, 0o700)
        for name in folders:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(path, name), 0o700, follow_symlinks=False)
    shutil.rmtree(folder)


def _unpack(
    repository: Repository, snapshot: str, folder: str, paths: Sequence[str], keep_open: Iterable[int]
) -> bool:
    """Whether restic could; BackupError when that has nothing to do with these files."""
    command = repository.restore_contents(snapshot, folder, [pattern_of(path) for path in paths])
    result = restic.run(command, UNPACK_TIMEOUT, keep_open=keep_open)
    # 1 is what damaged and impossible files make; other codes are the repository's own troubles.
    return restic.checked(result, f"unpacking {snapshot[:8]}", (restic.OK, 1)).code == restic.OK


def _scan(folder: str, paths: Sequence[str], settings: Settings, clamd: Clamd) -> dict[str, Verdict]:
    wanted = set(paths)
    there: dict[str, list[str]] = {}
    for real in regular_files(folder, own=True):
        told = as_told(os.fsencode(real)[len(os.fsencode(folder)) :])
        # A pattern may have let in more than was asked for; and what is no UTF-8 may be told alike.
        if told in wanted:
            there.setdefault(told, []).append(real)
    found = scan_files(clamd, (real for same in there.values() for real in same), settings.threads)
    return {
        path: worst(found[real] for real in there[path]) if path in there else not_scanned(UNREADABLE)
        for path in paths
    }


def regular_files(folder: str, own: bool = False) -> Iterator[str]:
    """Every regular file below the folder. Links are not followed.

    own: the files are ours alone, so whatever keeps their owner from reading them may be changed.
    """
    for path, folders, names in os.walk(folder, onerror=_fail):
        for name in folders if own else ():
            below = os.path.join(path, name)
            if not os.path.islink(below):
                os.chmod(below, 0o700)
        for name in names:
            file = os.path.join(path, name)
            if stat.S_ISREG(os.lstat(file).st_mode):
                if own:
                    os.chmod(file, 0o600)
                yield file


def _fail(error: OSError) -> None:
    """A folder that cannot be looked into must not pass for an empty one."""
    raise error

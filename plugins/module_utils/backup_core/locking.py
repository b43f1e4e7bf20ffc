# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker at a time: locks on files that the system lifts when their holder ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

from .config import Config, Source
from .errors import BackupError
from .files import give_to_folder_owner, make_folder

_POLL = 0.2
# How long heavy work on one commune gives way to that on others; then it goes on beside them.
TURN_PATIENCE = 120.0


class BusyError(BackupError):
    """Another process holds the lock."""


class FileLock:
    """A lock on a file, waited for at most `patience` seconds; several may hold a shared one together.

    A child that gets `inherited` keeps the lock until it ends too.
    """

    def __init__(self, path: str, what: str, patience: float = 0.0, shared: bool = False) -> None:
        self._path = path
        self._what = what
        self._patience = patience
        self._shared = shared
        self.descriptor = -1

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors to hand to a child (Windows knows no such thing)."""
        return () if sys.platform == "win32" else (self.descriptor,)

    def __enter__(self) -> FileLock:
        make_folder(os.path.dirname(self._path))
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o640)
        give_to_folder_owner(self._path)
        deadline = time.monotonic() + self._patience
        while not _try_lock(self.descriptor, self._shared):
            if time.monotonic() >= deadline:
                os.close(self.descriptor)
                raise BusyError(f"{self._what}: another ccpp-backup is at work on it")
            time.sleep(_POLL)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)


def _try_lock(descriptor: int, shared: bool) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def of_source(config: Config, source: Source, patience: float = 0.0) -> FileLock:
    """Held by whoever changes the source's repository or writes what it holds into the ledger."""
    path = os.path.join(config.state_directory, "locks", f"{source.commune}.{source.name}.lock")
    return FileLock(path, source.series, patience)


def of_prune(config: Config, source: Source, patience: float = 0.0) -> FileLock:
    """Held while snapshots and the data that none needs are being removed."""
    return FileLock(_prune_path(config, source), f"{source.series} (removal)", patience)


def against_prune(config: Config, source: Source, patience: float = 0.0) -> FileLock:
    """Held, together with others, by whoever reads or adds and must not have data removed meanwhile."""
    return FileLock(_prune_path(config, source), f"{source.series} (removal)", patience, shared=True)


def verifying(config: Config, source: Source, patience: float = 0.0) -> FileLock:
    """Held by the one verification of a source that may be at work: it keeps what it has read."""
    path = os.path.join(config.state_directory, "locks", f"{source.commune}.{source.name}.verify.lock")
    return FileLock(path, f"{source.series} (verification)", patience)


def inspecting(config: Config, source: Source, patience: float = 0.0) -> FileLock:
    """Held by the one look at a source's new snapshots that may be at work: it judges them in their order."""
    path = os.path.join(config.state_directory, "locks", f"{source.commune}.{source.name}.inspect.lock")
    return FileLock(path, f"{source.series} (inspection)", patience)


def drilling(config: Config, patience: float = 0.0) -> FileLock:
    """Held by the one drill that may be at work on a server: there is one scratch folder."""
    return FileLock(os.path.join(config.state_directory, "locks", "drill.lock"), "the drills", patience)


def scanning(config: Config, patience: float = 0.0) -> FileLock:
    """Held by the one scan for viruses that may be at work on a server: it takes the memory of one."""
    path = os.path.join(config.state_directory, "locks", "antivirus.scan.lock")
    return FileLock(path, "the antivirus", patience)


@contextmanager
def turn(config: Config, work: str, places: int, patience: float = TURN_PATIENCE) -> Iterator[bool]:
    """One of so many places for heavy work of this kind on the machine; whether one was free in time.

    A courtesy, no lock: whoever has waited `patience` seconds goes on without. So a commune whose server
    keeps its place for ever costs the others that much and no more.
    """
    folder = os.path.join(config.state_directory, "locks")
    deadline = time.monotonic() + patience
    with ExitStack() as held:
        while not any(
            _taken(held, os.path.join(folder, f"{work}.{number}.turn")) for number in range(places)
        ):
            if time.monotonic() >= deadline:
                yield False
                return
            time.sleep(_POLL)
        yield True


def _taken(held: ExitStack, path: str) -> bool:
    try:
        held.enter_context(FileLock(path, path))
    except BusyError:
        return False
    return True


def _prune_path(config: Config, source: Source) -> str:
    return os.path.join(config.state_directory, "locks", f"{source.commune}.{source.name}.prune.lock")

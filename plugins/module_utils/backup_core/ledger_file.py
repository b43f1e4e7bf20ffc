# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger on disk: one writer at a time, nothing acknowledged before it is on the platter."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from .errors import BackupError
from .ledger import Draft, Ledger, parse

_MODE = 0o640
_TORN_SHOWN = 200


class LedgerFile:
    """The ledger at `path`, with its lock at `path`.lock.

    `read` needs no lock: it may see a line that is being written as torn. `append` and `transaction` hold the
    lock, verify the whole chain again under it, and never add to a broken one (LedgerBroken).
    """

    def __init__(self, path: str | os.PathLike[str], lock_timeout: float = 60.0) -> None:
        self.path = os.fspath(path)
        self.lock_timeout = lock_timeout
        self._lock: int | None = None

    def read(self) -> Ledger:
        """The verified ledger; an empty one where the file does not exist yet."""
        return parse(self._bytes(), self.path)

    def append(self, drafts: Iterable[Draft]) -> Ledger:
        """Write the entries durably; returns the ledger with them. On an error nothing of them stays."""
        drafts = list(drafts)
        with self.transaction() as ledger:
            if ledger.torn and drafts:
                drafts.insert(0, self._recover(ledger, drafts[0].at))
            extended, data = ledger.extended(drafts)
            if data:
                self._write(data, ledger.size)
            return extended

    @contextmanager
    def transaction(self) -> Iterator[Ledger]:
        """Hold the lock over reading, deciding and appending. Appends inside it use the same lock."""
        if self._lock is not None:
            yield self.read()
            return
        self._lock = self._acquire()
        try:
            yield self.read()
        finally:
            os.close(self._lock)
            self._lock = None

    def _bytes(self) -> bytes:
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise BackupError(f"{self.path}: cannot read the ledger: {error.strerror}") from None

    def _acquire(self) -> int:
        # Workstations, Windows ones among them, load this package too; only servers keep ledgers.
        import fcntl

        lock = self.path + ".lock"
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        except OSError as error:
            raise BackupError(f"{lock}: cannot lock the ledger: {error.strerror}") from None
        deadline = time.monotonic() + self.lock_timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise BackupError(
                        f"{lock}: another command has held the ledger for {self.lock_timeout:g} s"
                        " (fuser -v names it)"
                    ) from None
                time.sleep(0.05)

    def _write(self, data: bytes, size: int) -> None:
        """Append `data` after the first `size` bytes, the end of the last whole line."""
        try:
            new = not os.path.exists(self.path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, _MODE)
        except OSError as error:
            raise BackupError(f"{self.path}: cannot write the ledger: {error.strerror}") from None
        try:
            if new:
                os.fchmod(descriptor, _MODE)
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, size)
            try:
                written = os.write(descriptor, data)
                if written != len(data):
                    raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                os.fsync(descriptor)
                raise
        except OSError as error:
            raise BackupError(f"{self.path}: cannot write the ledger: {error.strerror}") from None
        finally:
            os.close(descriptor)
        if new:
            _sync_directory(os.path.dirname(self.path) or ".")

    def _recover(self, ledger: Ledger, at: datetime) -> Draft:
        """Keep the torn line aside and say so in the ledger; the next write cuts it off."""
        kept = f"{self.path}.torn-{at.strftime('%Y%m%dT%H%M%S')}-{ledger.size}"
        try:
            with open(kept, "wb") as file:
                os.fchmod(file.fileno(), _MODE)
                file.write(ledger.torn)
                file.flush()
                os.fsync(file.fileno())
            _sync_directory(os.path.dirname(self.path) or ".")
        except OSError as error:
            raise BackupError(f"{kept}: cannot put a torn line aside: {error.strerror}") from None
        return Draft(
            act="recovered",
            who="ccpp-backup",
            at=at,
            why="a write that never ended was cut off",
            fields={
                "kept": os.path.basename(kept),
                "bytes": len(ledger.torn),
                "begins": ledger.torn[:_TORN_SHOWN].decode("utf-8", "replace"),
            },
        )


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

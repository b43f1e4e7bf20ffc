# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast this server reads, hashes and restores: the rates that the recovery planner would else assume.

On a sample of random bytes that is made for it and removed, on the disk of the folder given; what was written
is dropped from the machine's memory before it is read, as far as the file system lets go of it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from . import restic
from .config import RepositoryAccess
from .errors import InputError

FILE_MB = 8
LEAST_MB = 64
MOST_MB = 100_000
# The sample, its copy in a repository, and what is restored; and something to spare.
_ROOM = 3.5
_MB = 1_000_000


@dataclass(frozen=True)
class Rates:
    """MB/s, and on how much they were measured."""

    sample_mb: int
    disk_read_mb_s: float
    sha256_mb_s: float
    restic_backup_mb_s: float
    restic_restore_mb_s: float

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 1) for name, value in asdict(self).items()}


def measure(directory: str, sample_mb: int, say: Callable[[str], None] = lambda text: None) -> Rates:
    """The rates of the disk that holds the folder. BackupError where restic or the disk fails."""
    files = max(1, sample_mb // FILE_MB)
    _refuse_small_disk(directory, files * FILE_MB)
    with tempfile.TemporaryDirectory(prefix=".ccpp-benchmark-", dir=directory) as name:
        place = Path(name)
        say("writing the sample")
        sample = [_written(place / "sample" / f"{number}", FILE_MB) for number in range(files)]
        megabytes = files * FILE_MB
        say("reading it")
        reading = _seconds(lambda: [len(block) for block in _blocks(sample)])
        say("hashing it")
        hashing = _seconds(lambda: _hash(sample))
        say("backing it up")
        access = RepositoryAccess(location=str(place / "repository"), password_file=str(place / "password"))
        (place / "password").write_text(secrets.token_urlsafe(), encoding="ascii")
        repository = restic.Repository(access, None)
        _do(repository.init(), "init")
        what = restic.Backup(paths=(str(place / "sample"),), host="benchmark", full=True)
        backing = _seconds(lambda: _do(repository.backup(what), "backup"))
        (snapshot,) = _do(repository.snapshots(), "snapshots").json()
        for path in (place / "repository").rglob("*"):
            if path.is_file():
                _drop(path)
        say("restoring it")
        restore = repository.restore(snapshot["id"], str(place / "restored"))
        restoring = _seconds(lambda: _do(restore, "restore"))
    return Rates(
        megabytes, *(megabytes / max(taken, 1e-6) for taken in (reading, hashing, backing, restoring))
    )


def _refuse_small_disk(directory: str, megabytes: int) -> None:
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise InputError(f"--directory: {directory}: {error.strerror} (name a folder of the disk)") from None
    if free < megabytes * _MB * _ROOM:
        raise InputError(
            f"--directory: {directory}: {free // _MB} MB are free, {int(megabytes * _ROOM)} are needed"
            " (take a smaller sample with --megabytes)"
        )


def _written(path: Path, megabytes: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        for _block in range(megabytes):
            file.write(os.urandom(_MB))
        file.flush()
        os.fsync(file.fileno())
    _drop(path)
    return path


def _drop(path: Path) -> None:
    """Let the next reader fetch the file from the disk."""
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _blocks(paths: list[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_MB):
                yield block


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for block in _blocks(paths):
        digest.update(block)
    return digest.hexdigest()


def _do(command: restic.Command, what: str) -> restic.Result:
    return restic.checked(restic.run(command), f"benchmark: {what}")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun

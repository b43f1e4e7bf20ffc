# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overwrites whole disks with zeros, and tells them to let go of what they held."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator

from ..errors import BackupError

# ioctls of block devices (linux/fs.h).
_BLKZEROOUT = 0x127F
_BLKDISCARD = 0x1277
# What is zeroed before progress is noted: seconds on a disk, a restart loses no more.
STEP = 4 << 30
_SAMPLE = 1 << 20
_SAMPLES = 64


def wipe(path: str, begin: int, noted: Callable[[int], None]) -> bool:
    """Overwrite the disk with zeros from an offset on, read samples back, then discard everything.

    `noted` is told each offset reached. Returns whether the disk can discard; one that cannot is overwritten
    all the same. BackupError when the disk is in use (mounted, say), or does not read as zeros afterwards.
    """
    try:
        # With O_EXCL the kernel refuses a device that is mounted or part of a file system that is.
        descriptor = os.open(path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        raise BackupError(f"{path}: cannot be overwritten: {error.strerror}") from None
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        for offset in range(begin, size, STEP):
            length = min(STEP, size - offset)
            fcntl.ioctl(descriptor, _BLKZEROOUT, struct.pack("=QQ", offset, length))
            os.fsync(descriptor)
            noted(offset + length)
        for offset in samples(size):
            if os.pread(descriptor, _SAMPLE, offset).strip(b"\0"):
                raise BackupError(f"{path}: byte {offset} and on is not zero although it was overwritten")
        return _discarded(descriptor, size)
    finally:
        os.close(descriptor)


def samples(size: int) -> Iterator[int]:
    """Offsets spread over the disk, its beginning and its end among them."""
    last = max(size - _SAMPLE, 0)
    yield from sorted({last * number // (_SAMPLES - 1) for number in range(_SAMPLES)})


def _discarded(descriptor: int, size: int) -> bool:
    try:
        fcntl.ioctl(descriptor, _BLKDISCARD, struct.pack("=QQ", 0, size))
    except OSError:
        return False
    return True

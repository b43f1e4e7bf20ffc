# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs a folder of restored files into one file for download: there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
import zipfile
from functools import partial

from .errors import InputError, shown

SUFFIXES = (".zip", ".tar.gz", ".tar")


def check(path: str) -> None:
    """InputError unless the archive can be made there and nothing lies there yet."""
    if not os.path.isabs(path):
        raise InputError(f"--archive: {shown(path)} is not an absolute path")
    if not path.endswith(SUFFIXES):
        raise InputError(f"--archive: {shown(path)} does not end in {', '.join(SUFFIXES)}")
    if os.path.lexists(path):
        raise InputError(f"--archive: {path} is there already (choose another name)")
    if not os.path.isdir(os.path.dirname(path)):
        raise InputError(f"--archive: {os.path.dirname(path)} is not a folder")


def pack(folder: str, path: str) -> list[str]:
    """Write all that is in the folder; returns what this kind of archive cannot hold."""
    temporary = f"{path}.part"
    left_out: list[str] = []
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            if path.endswith(".zip"):
                with zipfile.ZipFile(
                    file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, strict_timestamps=False
                ) as packed:
                    _zip(folder, packed, left_out)
            else:
                mode = "w:gz" if path.endswith(".gz") else "w:"
                with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload]
                    for name in sorted(os.listdir(folder)):
                        tar.add(os.path.join(folder, name), name, filter=partial(_exact, folder))
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return left_out


def _exact(folder: str, member: tarfile.TarInfo) -> tarfile.TarInfo:
    """With its time to the nanosecond, which a float does not hold."""
    seconds, rest = divmod(os.lstat(os.path.join(folder, member.name)).st_mtime_ns, 10**9)
    member.pax_headers = {**member.pax_headers, "mtime": f"{seconds}.{rest:09d}"}
    return member


def _zip(folder: str, packed: zipfile.ZipFile, left_out: list[str]) -> None:
    for above, folders, names in os.walk(folder):
        for name in sorted([*folders, *names]):
            path = os.path.join(above, name)
            inside = os.path.relpath(path, folder)
            mode = os.lstat(path).st_mode
            try:
                inside.encode()
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    packed.write(path, inside)
                    continue
            except UnicodeEncodeError:
                pass
            left_out.append(inside)

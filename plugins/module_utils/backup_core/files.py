# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that must be there whole or not at all, and belong to the service."""

from __future__ import annotations

import os
import sys


def write_durably(path: str, body: bytes) -> None:
    """Replace the file's content; after a crash it is the old one or the new one, on the disk."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    give_to_folder_owner(temporary)
    os.replace(temporary, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def give_to_folder_owner(path: str) -> None:
    """What root makes by hand in the service's folders must not shut the service out afterwards."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    folder = os.stat(os.path.dirname(path))
    if os.stat(path).st_uid != folder.st_uid:
        os.chown(path, folder.st_uid, folder.st_gid)


def make_folder(path: str) -> None:
    """The folder, and those above it, belonging to whom the first one that was there belongs."""
    if os.path.isdir(path):
        return
    make_folder(os.path.dirname(path))
    os.makedirs(path, mode=0o750, exist_ok=True)
    give_to_folder_owner(path)

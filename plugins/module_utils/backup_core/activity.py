# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is at work on this server that a restart would cut off. Needs the right to look everywhere."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from .config import Config, Source

# A restic client renews its lock every 5 minutes; a killed one leaves it behind.
LOCK_RENEWED = 600.0
SOCKETS = "/run/ccpp-backup/"
# Held while packages are installed (apt, dpkg, unattended-upgrades).
PACKAGE_LOCK = "/var/lib/dpkg/lock-frontend"

_CONNECTED = "03"
# struct flock of Linux on 64 bits: type, whence, start, length, pid.
_FLOCK = "hhqqi4x"


def at_work(config: Config) -> list[str]:
    """One sentence for each thing that is; empty when the server is idle."""
    found = [f"{name}: ccpp-backup is at work on it" for name in _locked(config)]
    for source in config.select():
        found += [f"{source.series}: {what}" for what in _coming_in(source, time.time())]
    count = connections(Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace"))
    if count:
        found.append(f"the repository server is answering ({count} connections)")
    if _packages_locked():
        found.append("packages are being installed")
    return found


def connections(table: str) -> int:
    """How many requests stand open to the repository servers, from the content of /proc/net/unix (proc(5)).

    nginx keeps one open for a minute after the last request.
    """
    rows = (line.split() for line in table.splitlines()[1:])
    return sum(1 for row in rows if len(row) > 7 and row[5] == _CONNECTED and row[7].startswith(SOCKETS))


def _locked(config: Config) -> Iterator[str]:
    folder = os.path.join(config.state_directory, "locks")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".lock"))
    except FileNotFoundError:
        return
    for name in names:
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield name.removesuffix(".lock").removesuffix(".prune").replace(".", "/", 1)
        finally:
            os.close(descriptor)


def _coming_in(source: Source, now: float) -> Iterator[str]:
    """A client's lock in a repository on this server, unless it has stopped renewing it."""
    if source.repository.location is None:
        return
    try:
        with os.scandir(os.path.join(source.repository.location, "locks")) as entries:
            ages = [now - entry.stat().st_mtime for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return
    fresh = [age for age in ages if age < LOCK_RENEWED]
    if fresh:
        yield f"a client is at work in the repository (its lock is {max(min(fresh), 0):.0f} s old)"


def _packages_locked() -> bool:
    try:
        descriptor = os.open(PACKAGE_LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
    finally:
        os.close(descriptor)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The antivirus' settings on a server: antivirus.json, written by the role antivirus and read strictly."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..config import directory
from ..errors import InputError, shown
from ..fields import CURE, Fields, absolute, integer, one_of, read_json, texts

ON_DETECTION = ("hold", "alert")
# What the databases of ClamAV itself come as; others are named with their extension.
OFFICIAL = (".cvd", ".cld")
_DATABASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,80}")


@dataclass(frozen=True)
class Settings:
    """Sizes in bytes. `databases` are those that must be there: without one of them every scan fails.

    scratch: a private folder in memory for what is being scanned; `room` bytes of files at a time.
    """

    socket: str
    scratch: str
    largest_file: int
    room: int
    threads: int
    database_directory: str
    databases: tuple[str, ...]
    on_detection: str
    old_after_days: int
    stale_after_days: int


def _positive(value: object, where: str) -> int:
    number = integer(value, where)
    if number < 1:
        raise InputError(f"{where}: {number} is not 1 or more ({CURE})")
    return number


def _databases(value: object, where: str) -> tuple[str, ...]:
    names = texts(value, where)
    for name in names:
        if _DATABASE.fullmatch(name) is None:
            raise InputError(f"{where}: {shown(name)} is no name of a database ({CURE})")
    if not names:
        raise InputError(f"{where}: no database is named, and without one nothing is ever found ({CURE})")
    return names


def load(folder: str | None = None) -> Settings | None:
    """The settings; None where the machine has no antivirus."""
    path = Path(folder if folder is not None else directory()) / "antivirus.json"
    if not path.exists():
        return None
    fields = Fields(read_json(path), str(path))
    settings = Settings(
        socket=fields.take("socket", absolute),
        scratch=fields.take("scratch", absolute),
        largest_file=fields.take("largest_file", _positive),
        room=fields.take("room", _positive),
        threads=fields.take("threads", _positive),
        database_directory=fields.take("database_directory", absolute),
        databases=fields.take("databases", _databases),
        on_detection=fields.take("on_detection", one_of(ON_DETECTION)),
        old_after_days=fields.take("old_after_days", _positive),
        stale_after_days=fields.take("stale_after_days", _positive),
    )
    fields.done()
    return settings


def database_file(settings: Settings, name: str) -> str | None:
    """The file of a database, where it is there and holds something."""
    candidates = [name] if os.path.splitext(name)[1] else [name + extension for extension in OFFICIAL]
    for candidate in candidates:
        path = os.path.join(settings.database_directory, candidate)
        if os.path.isfile(path) and os.path.getsize(path) > 0:
            return path
    return None

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/ccpp-backup/store.json: what this machine's store is, for the units that look after it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..config import directory
from ..errors import InputError
from ..files import write_durably
from .model import Wanted


@dataclass(frozen=True)
class Settings:
    wanted: Wanted
    uuid: str | None = None
    """The file system that is the store; None before it was made."""

    def text(self) -> str:
        value = {
            "disks": list(self.wanted.disks),
            "single": self.wanted.single,
            "label": self.wanted.label,
            "mount_point": self.wanted.mount_point,
            "uuid": self.uuid,
        }
        return json.dumps(value, indent=2) + "\n"


def path() -> str:
    return os.path.join(directory(), "store.json")


def load() -> Settings | None:
    """The settings, or None where the role ccpp.backup.storage has not been."""
    try:
        value = json.loads(Path(path()).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path()}: cannot be read: {error} (the role ccpp.backup.storage writes it)"
        ) from None
    try:
        wanted = Wanted(
            disks=tuple(str(name) for name in value["disks"]),
            single=bool(value["single"]),
            label=str(value["label"]),
            mount_point=str(value["mount_point"]),
        )
        return Settings(wanted, value["uuid"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{path()}: {error} is missing (the role ccpp.backup.storage writes it)") from None


def save(settings: Settings) -> None:
    write_durably(path(), settings.text().encode())
    os.chmod(path(), 0o644)

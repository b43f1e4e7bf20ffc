# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the paper recovery kit of a commune, and records for whom. Runs on the controller.

The passwords go from the vault file to the PDF within this action: no task's arguments or results hold them.
"""

from __future__ import annotations

import os
import pathlib
from datetime import UTC, datetime
from typing import Any

from ansible_collections.ccpp.backup.plugins.filter.commune_part import commune_places
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError, shown
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.times import paris_day
from ansible_collections.ccpp.backup.plugins.module_utils.commune import kit, kit_pdf, kit_record, secrets
from ansible_collections.ccpp.backup.plugins.plugin_utils import files, vault
from ansible_collections.ccpp.backup.plugins.plugin_utils.controller import ControllerAction

_ARGUMENTS = {
    "commune": {"type": "dict", "required": True},
    "recipient": {"type": "str"},
    "service": {
        "type": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "phone": {"type": "str", "required": True},
            "mail": {"type": "str", "required": True},
            "days": {"type": "list", "elements": "str", "default": []},
            "first_hour": {"type": "str"},
            "last_hour": {"type": "str"},
        },
    },
    "local_disks": {"type": "bool", "default": False},
    "remote_disks": {"type": "bool", "default": False},
    "directory": {"type": "path", "required": True},
    "secrets_directory": {"type": "path"},
    "again": {"type": "bool", "default": False},
}


class ActionModule(ControllerAction):
    """Action behind the module recovery_kit."""

    arguments = _ARGUMENTS
    speaker = "recovery_kit"

    def work(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        commune = given["commune"]
        recipient = kit_record.checked_recipient(given["recipient"] or commune["name"])
        folder = vault.directory(given["secrets_directory"], task_vars, self._templar)
        file = folder / f"{commune['slug']}.yml"
        with files.named(file):
            kept = vault.read(self._loader._vault, file)
        stored = secrets.kit_passwords(kept, commune["sources"])
        if stored is None:
            if self._task.check_mode:
                return {"changed": True, "recipient": recipient}
            raise InputError(f"{file}: not every source has its passwords yet; onboard the commune first")
        content = _kit(given, stored)
        record = _Record(folder / f"{commune['slug']}.kits.yml")
        with files.locked(folder):
            before = record.read()
            if kit_record.is_current(before, recipient, content.fingerprint) and not given["again"]:
                return {"changed": False, "recipient": recipient, "fingerprint": content.fingerprint}
            made = kit_record.Made(content.fingerprint, recipient, paris_day(datetime.now(UTC)))
            pdf = pathlib.Path(given["directory"]) / f"{commune['slug']}-{len(before) + 1}.pdf"
            drawn = kit_pdf.draw(content, recipient, made.on)
            if not self._task.check_mode:
                _write(pdf, drawn)
                record.write((*before, made))
        result = {
            "changed": True,
            "recipient": recipient,
            "fingerprint": content.fingerprint,
            "path": str(pdf),
        }
        if self._task.diff:
            result["diff"] = record.diff(before, (*before, made))
        return result


def _kit(arguments: dict[str, Any], passwords: dict[str, kit.Passwords]) -> kit.Kit:
    given = arguments["service"]
    for day in given["days"]:
        if day not in kit.WEEKDAYS:
            raise InputError(f"service.days: {shown(day)} is not a weekday (use {', '.join(kit.WEEKDAYS)})")
    hours = (given["first_hour"], given["last_hour"])
    service = kit.Service(
        *(given[name] for name in ("name", "owner", "phone", "mail")),
        days=tuple(given["days"]),
        hours=hours if all(hours) else None,
    )
    sites = (
        kit.Site(arguments[f"{site}_disks"], commune_places(arguments["commune"], site)[0]["path"])
        for site in ("local", "remote")
    )
    return kit.kit(arguments["commune"], passwords, service, *sites)


class _Record:
    """The file that says which kits were made."""

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file

    def read(self) -> tuple[kit_record.Made, ...]:
        with files.named(self._file):
            return kit_record.load(self._file.read_bytes() if self._file.exists() else None)

    def write(self, record: tuple[kit_record.Made, ...]) -> None:
        files.write(self._file, kit_record.text(record).encode(), 0o644)

    def diff(self, *records: tuple[kit_record.Made, ...]) -> dict[str, str]:
        before, after = (kit_record.text(record) if record else "" for record in records)
        name = str(self._file)
        return {"before": before, "after": after, "before_header": name, "after_header": name}


def _write(pdf: pathlib.Path, content: bytes) -> None:
    """For its owner alone; and git leaves the folder alone, wherever it is."""
    if not pdf.parent.exists():
        os.makedirs(pdf.parent, mode=0o700)
        files.write(pdf.parent / ".gitignore", b"*\n", 0o600)
    files.write(pdf, content, 0o600)

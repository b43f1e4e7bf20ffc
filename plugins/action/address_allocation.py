# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives addresses to the communes that have none, in the file that the inventory reads. On the controller."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import addresses, folder, leaving
from ansible_collections.ccpp.backup.plugins.plugin_utils import files
from ansible_collections.ccpp.backup.plugins.plugin_utils.controller import ControllerAction

_ARGUMENTS = {
    "source": {"type": "path", "required": True},
    "release": {"type": "str"},
}


class ActionModule(ControllerAction):
    """Action behind the module address_allocation."""

    arguments = _ARGUMENTS
    speaker = "address_allocation"

    def work(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        source = pathlib.Path(given["source"])
        options = self._options(source)
        file = source.parent / os.path.expanduser(str(options.get("allocation", "allocation.yml")))
        with files.locked(file.parent):
            return self._allocate(source, options, file, given["release"])

    def _options(self, source: pathlib.Path) -> dict[str, Any]:
        options = self._loader.load_from_file(os.path.abspath(source), cache="none")
        if not isinstance(options, dict) or options.get("plugin") != "ccpp.backup.communes":
            raise InputError(f"{source}: not a source of the plugin ccpp.backup.communes")
        return options

    def _allocate(
        self, source: pathlib.Path, options: dict[str, Any], file: pathlib.Path, leaver: str | None
    ) -> dict[str, Any]:
        communes = folder.files(source.parent / os.path.expanduser(str(options.get("communes", "communes"))))
        found = folder.validate(folder.read((str(path), path) for path in communes))
        if found.lines:
            raise InputError(found.lines[0])
        # A commune that has left keeps its file, for its fees, and needs no addresses.
        present = {slug: one for slug, one in found.communes.items() if one["state"] != leaving.LEFT}
        before = file.read_text(encoding="utf-8") if file.exists() else None
        allocation, after = self._completed(source, options, file, before, present, leaver)
        changed = after != before
        if changed and not self._task.check_mode:
            mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
            files.write(file, after.encode(), mode)
        result = {"changed": changed, "path": str(file), "communes": sorted(allocation.communes)}
        if self._task.diff:
            headers = {"before_header": str(file), "after_header": str(file)}
            result["diff"] = {"before": before or "", "after": after, **headers}
        return result

    def _completed(
        self,
        source: pathlib.Path,
        options: dict[str, Any],
        file: pathlib.Path,
        before: str | None,
        communes: dict[str, dict[str, Any]],
        leaver: str | None,
    ) -> tuple[addresses.Allocation, str]:
        with files.named(source):
            pools = addresses.Pools.from_mapping(options.get("pools"))
        with files.named(file):
            known = addresses.load(None if before is None else before.encode())
            wrong = addresses.mistakes(known, pools)
            if wrong:
                raise InputError(wrong[0])
            if leaver:
                known = addresses.release(known, leaver, communes)
        with files.named(source):
            allocation = addresses.allocate(known, pools, communes)
        return (
            allocation,
            before if before is not None and allocation == known and not leaver else allocation.text(),
        )

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the public keys of a commune's tunnels in a file on the controller."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError, shown
from ansible_collections.ccpp.backup.plugins.module_utils.commune import document, folder, links
from ansible_collections.ccpp.backup.plugins.plugin_utils import files
from ansible_collections.ccpp.backup.plugins.plugin_utils.controller import ControllerAction

_ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "commune": {"type": "str", "required": True},
    "tunnels": {"type": "int", "default": 2},
    "local": {"type": "list", "elements": "str", "default": []},
    "remote": {"type": "list", "elements": "str", "default": []},
    "accept": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "read", "absent"], "default": "present"},
}
_NONE: dict[str, list[str]] = {side: [] for side in links.SIDES}
_MAX_BYTES = 64 * 1024


class ActionModule(ControllerAction):
    """Action behind the module link_record."""

    arguments = _ARGUMENTS
    speaker = "link_record"

    def work(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        slug = given["commune"]
        if not folder.SLUG.fullmatch(slug):
            raise InputError(f"commune: {shown(str(slug))} is not the short name of a commune")
        return self._recorded(pathlib.Path(os.path.expanduser(given["directory"])) / f"{slug}.yml", given)

    def _recorded(self, file: pathlib.Path, arguments: dict[str, Any]) -> dict[str, Any]:
        before = file.read_text(encoding="utf-8") if file.exists() else None
        if arguments["state"] == "absent":
            if before is not None and not self._task.check_mode:
                file.unlink()
            return self._result(file, before, None, _NONE)
        known = _NONE if before is None else _read(before, arguments["tunnels"], str(file))
        if arguments["state"] == "read":
            return {"changed": False, "path": str(file), "keys": known}
        given = links.keys_of(
            {side: arguments[side] for side in links.SIDES}, arguments["tunnels"], str(file)
        )
        if not arguments["accept"] and not self._task.check_mode:
            _refuse_other(known, given, file)
        keys = given if before is None or given != known else known
        after = before if before is not None and keys == known else _text(arguments["commune"], keys)
        if after != before and not self._task.check_mode:
            file.parent.mkdir(parents=True, exist_ok=True)
            files.write(file, (after or "").encode(), 0o644)
        return self._result(file, before, after, keys)

    def _result(
        self, file: pathlib.Path, before: str | None, after: str | None, keys: dict[str, list[str]]
    ) -> dict[str, Any]:
        headers = {"before_header": str(file), "after_header": str(file)}
        diff = {"before": before or "", "after": after or "", **headers}
        return {"changed": before != after, "path": str(file), "keys": keys, "diff": diff}


def _read(text: str, tunnels: int, where: str) -> dict[str, list[str]]:
    return links.keys_of(document.load(text.encode(), _MAX_BYTES).value, tunnels, where)


def _refuse_other(known: dict[str, list[str]], given: dict[str, list[str]], file: pathlib.Path) -> None:
    for side in links.SIDES:
        for number, (old, new) in enumerate(zip(known[side], given[side], strict=False)):
            if old != new:
                raise InputError(
                    f"{file}: {side}[{number}]: {side.upper()} has the key {new}, on file is {old};"
                    " if the server was rebuilt, run again with -e links_accept_keys=true, and if it was not,"
                    " find out who answers there"
                )


def _text(slug: str, keys: dict[str, list[str]]) -> str:
    lines = [
        f"# Public keys of the tunnels of {slug}. Written by the role ccpp.backup.links; keep it in git."
    ]
    lines += [f"{side}:" + "".join(f"\n  - {key}" for key in keys[side]) for side in links.SIDES]
    return "\n".join(lines) + "\n"

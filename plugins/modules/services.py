#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring systemd units in line with what is on disk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Bring systemd units in line with what is on disk
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Enables, starts, restarts, reloads or stops units, all in one call.
  - Restarts what runs with another unit file, or another file that it reads, than those on disk.
  - What a unit was started with is kept in C(/run/ccpp-backup-services). Where something else has started it,
    it is restarted when one of these files is newer.
  - So a run makes good what another, cut off between writing a file and restarting the service, left undone.
  - Has systemd read its unit files again where it knows others than those on disk, also of what timers,
    sockets and paths among these units start.
options:
  services:
    description: The units, in the order in which they are started.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Full name of the unit, with its suffix.
        type: str
        required: true
      enabled:
        description: Whether it starts with the machine; left as it is when not given.
        type: bool
      running:
        description: Whether it runs now.
        type: bool
        default: true
      files:
        description:
          - Files that it reads when it starts, or is reloaded.
          - Its unit file and drop-ins count always.
        type: list
        elements: path
        default: []
      on_change:
        description:
          - What makes it read its files again while it runs.
          - With V(reload) a changed unit file still restarts it.
        type: str
        choices: [restart, reload, nothing]
        default: restart
      changed:
        description:
          - An earlier task changed something that it reads.
          - In check mode the files are still the old ones, so this is what predicts the restart.
        type: bool
        default: false
attributes:
  check_mode:
    description: Predicts every call; a unit that is not there yet would be enabled and started.
    support: full
  diff_mode:
    description: Lists what would be done.
    support: full
"""

EXAMPLES = r"""
- name: Run nginx, with the certificate as it is now
  ccpp.backup.services:
    services:
      - name: nginx.service
        enabled: true
        on_change: reload
        files: [/etc/nginx/nginx.conf, /etc/ssl/private/server.pem]
"""

RETURN = r"""
actions:
  description: The calls of systemctl that were made, or in check mode would be; empty when all was in line.
  returned: always
  type: list
  elements: str
  sample: [daemon-reload, restart nginx.service]
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.services import (
    PROPERTIES,
    Disk,
    Mark,
    State,
    Step,
    Wanted,
    kept,
    mark_of,
    parse_states,
    some_unknown,
    stale,
    steps,
    triggered,
    unknown,
)

MARKS = "/run/ccpp-backup-services"


def last_change(path: str) -> float | None:
    """Return when a file was last written, in seconds since 1970; None where there is none."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return None


def digest(paths: Sequence[str]) -> str:
    """Return the SHA-256 of the names and contents of files; of one that is not there, that it is not."""
    whole = hashlib.sha256()
    for path in paths:
        try:
            with open(path, "rb") as stream:
                content = hashlib.sha256(stream.read()).hexdigest()
        except FileNotFoundError:
            content = "absent"
        whole.update(f"{path}\0{content}\0".encode())
    return whole.hexdigest()


DISK = Disk(last_change, digest)


def read_marks(wanted: Sequence[Wanted]) -> dict[str, Mark]:
    """Return what the units have read, of those of which that is known."""
    marks = {}
    for unit in wanted:
        try:
            with open(os.path.join(MARKS, f"{unit.name}.json"), encoding="utf-8") as stream:
                value = json.load(stream)
            marks[unit.name] = Mark(value["start"], value["own"], dict(value["files"]))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return marks


def write_mark(name: str, mark: Mark) -> None:
    """Keep what a unit was started with, until the machine starts anew."""
    os.makedirs(MARKS, mode=0o700, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=MARKS)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(asdict(mark), stream)
    os.replace(temporary, os.path.join(MARKS, f"{name}.json"))


def systemctl(module: AnsibleModule, *arguments: str) -> str:
    """Run systemctl and return what it prints; end the module with its complaint when it fails."""
    code, out, err = module.run_command(
        ["systemctl", *arguments], environ_update={"LC_ALL": "C", "TZ": "UTC"}
    )
    if code != 0:
        words = " ".join((err or out).split())
        module.fail_json(msg=f"systemctl {' '.join(arguments)}: exit code {code}: {words}")
    return str(out)


def look(module: AnsibleModule, names: Sequence[str]) -> dict[str, State]:
    """Return the units' states by name."""
    if not names:
        return {}
    properties = ",".join(PROPERTIES)
    return parse_states(
        names, systemctl(module, "show", "--timestamp=us+utc", f"--property={properties}", "--", *names)
    )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "services": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "enabled": {"type": "bool"},
                    "running": {"type": "bool", "default": True},
                    "files": {"type": "list", "elements": "path", "default": []},
                    "on_change": {
                        "type": "str",
                        "choices": ["restart", "reload", "nothing"],
                        "default": "restart",
                    },
                    "changed": {"type": "bool", "default": False},
                },
            }
        },
        supports_check_mode=True,
    )
    wanted = [Wanted(**{**spec, "files": tuple(spec["files"])}) for spec in module.params["services"]]
    done: list[Step] = []
    names = [unit.name for unit in wanted]
    states, marks = look(module, names), read_marks(wanted)
    other = stale({**states, **look(module, triggered(states))}, wanted, DISK, marks)
    if other:
        done.append(Step("daemon-reload"))
    if (other or some_unknown(states, wanted)) and not module.check_mode:
        systemctl(module, "daemon-reload")
        states = look(module, names)
    missing = unknown(states, wanted)
    if missing and not module.check_mode:
        module.fail_json(msg=f"systemd cannot load {', '.join(missing)}")
    found = {unit.name: mark_of(unit, states[unit.name], DISK) for unit in wanted}
    for step in steps(wanted, states, DISK, marks):
        done.append(step)
        if not module.check_mode:
            systemctl(module, step.verb, "--", *step.units)
    if not module.check_mode:
        states = look(module, names)
        for unit in wanted:
            mark = kept(unit, found[unit.name], states[unit.name], marks.get(unit.name))
            if mark is not None:
                write_mark(unit.name, mark)
    actions = [" ".join((step.verb, *step.units)) for step in done]
    module.exit_json(
        changed=bool(actions),
        actions=actions,
        diff={"before": "", "after": "".join(f"{action}\n" for action in actions)},
    )


if __name__ == "__main__":
    main()

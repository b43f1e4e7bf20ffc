# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An administrator who edits the communes' files, in a copy of the scenario's inventory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ccpp_testbed.host import CHECKOUT
from ccpp_testbed.steps import Controller

INVENTORY = Path(__file__).resolve().parent.parent / "inventory"
COMMAND = CHECKOUT / "roles/agent/files/ccpp-backup"

Fields = dict[str, Any]


@dataclass(frozen=True)
class Office(Controller):
    """`folder` is the inventory that is edited; `overlays` come on top of where the machines are."""

    folder: Path
    overlays: tuple[Path, ...] = ()

    def inventory(self) -> list[str]:
        files = (self.folder, self.state / "hosts.yml", *self.overlays)
        return [word for file in files for word in ("-i", str(file))]

    def file(self, slug: str) -> Path:
        return self.folder / "communes" / f"{slug}.yml"

    def edit(self, slug: str, change: Callable[[Fields], object]) -> None:
        """Change a commune's file as its administrator would."""
        fields = yaml.safe_load(self.file(slug).read_text(encoding="utf-8"))
        change(fields)
        self.file(slug).write_text(yaml.safe_dump(fields, allow_unicode=True), encoding="utf-8")

    def log(self, playbook: str) -> str:
        return (self.state / f"{playbook}.log").read_text(encoding="utf-8")

    def ask(self, *words: str) -> Any:
        """What `ccpp-backup` answers here, from the checkout."""
        done = subprocess.run(
            [sys.executable, str(COMMAND), *words, "--json"], capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)

    def status(self, machine: str, commune: str, source: str) -> Fields:
        """What a server says of one source."""
        said = self.run(
            machine, f"ccpp-backup status --commune {commune} --source {source} --json", good=(0, 3)
        )
        (found,) = json.loads(said)["sources"]
        return dict(found)

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of a departure share: an administrator who lets one commune go."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from ccpp_testbed.host import TestbedError
from ccpp_testbed.steps import Controller, Recap
from office import INVENTORY, Office

PLAYBOOK = "ccpp.backup.offboard"


@dataclass(frozen=True)
class Leaving(Office):
    """The inventory is a copy, since the playbook writes into the commune's file."""

    slug: str = ""

    @property
    def own_file(self) -> Path:
        return self.file(self.slug)

    @property
    def departure(self) -> Path:
        return self.state / "departures" / self.slug

    def offboard(self, *arguments: str, **variables: Any) -> Recap:
        return self.playbook(PLAYBOOK, "-e", json.dumps({"commune": self.slug, **variables}), *arguments)

    def refused(self, **variables: Any) -> str:
        """What the playbook says when it refuses, on one line."""
        with pytest.raises(TestbedError):
            self.offboard(**variables)
        said = self.log(PLAYBOOK)
        return " ".join(said[said.index("fatal: ") :].split())

    def state_written(self) -> str:
        return str(yaml.safe_load(self.own_file.read_text(encoding="utf-8"))["state"])

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.departure / "departure.json").read_text(encoding="utf-8"))
        return found

    def printed(self) -> str:
        """The text of the certificate, read by a program that is not ours."""
        self.run("remote", "apt-get install --yes --no-install-recommends poppler-utils")
        encoded = subprocess.run(
            ["base64", self.departure / "attestation.pdf"], capture_output=True, text=True, check=True
        ).stdout
        script = "base64 -d > /tmp/a.pdf && pdftotext -layout /tmp/a.pdf - && rm /tmp/a.pdf"
        return self.run("remote", script, stdin=encoded)


def today() -> date:
    return datetime.now(ZoneInfo("Europe/Paris")).date()


def leaving(controller: Controller, slug: str) -> Leaving:
    """With the scenario's files as they stand, but that the commune has given notice."""
    admin = Leaving(controller.name, controller.state / "inventory", slug=slug)
    shutil.rmtree(admin.folder, ignore_errors=True)
    shutil.copytree(INVENTORY, admin.folder)
    lines = admin.own_file.read_text(encoding="utf-8").splitlines(True)
    text = "".join(line for line in lines if not line.startswith("state:"))
    admin.own_file.write_text(f"state: leaving # convention résiliée\n{text}", encoding="utf-8")
    shutil.rmtree(admin.departure, ignore_errors=True)
    return admin

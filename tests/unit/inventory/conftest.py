# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune that uses every field, and Ansible commands over an inventory of the test's own."""

from __future__ import annotations

import copy
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from ansible_collections.ccpp.backup.plugins.module_utils.commune import addresses, folder

LABEL = "inventory/communes/rozoy.yml"
ROOT = pathlib.Path(__file__).parents[3]

FULL: dict[str, Any] = {
    "name": "Rozoy-l'Exemple",
    "insee": "99002",
    "tier": 4,
    "state": "joining",
    "workstations": 3,
    "archive_gb": 350,
    "contract": {"start": "2024-01-01", "years": 5},
    "contacts": {"name": "Accueil", "phone": "01 99 00 00 02", "mail": "mairie@rozoy.example.org"},
    "opening": {
        "weekdays": ["mon", "thu"],
        "even_weeks": ["wed"],
        "odd_weeks": ["sat"],
        "nth_weekdays": ["1 sat", "last fri"],
        "closures": ["2026-12-24", "2026-08-01..2026-08-15"],
        "extra_days": ["2026-06-28"],
        "public_holidays": "metropolitan",
        "good_friday": False,
    },
    "policy": {"full_months": 12},
    "planning": {"growth_percent_per_year": 10, "volumes_on": "2026-03-01"},
    "recovery": {"hours": 36, "accept": "courier"},
    "server": {
        "address": "192.0.2.40",
        "port": 2222,
        "lan": "192.168.1.0/24",
        "disks": ["/dev/disk/by-id/ata-EXAMPLE_1", "/dev/disk/by-id/ata-EXAMPLE_2"],
        "single_disk": False,
    },
    "uplinks": [
        {"kind": "fibre", "down_mbit": 500, "up_mbit": 200.5},
        {"kind": "4g", "down_mbit": 50, "up_mbit": 10},
    ],
    "sources": {
        "accueil": {
            "kind": "linux",
            "address": "192.0.2.41",
            "port": 22,
            "paths": ["/home", "/srv"],
            "exclude": ["*.tmp"],
            "priority": 1,
            "size_gb": 80.5,
            "change_percent_per_day": 2,
        },
        "compta": {
            "kind": "windows",
            "address": "pc-compta.example.org",
            "paths": ["C:\\Users", "D:\\Données"],
        },
        "partage": {"kind": "smb", "share": "//nas.example.org/mairie", "priority": 2},
        "serveur": {"kind": "path", "paths": ["/var/lib/archives"]},
    },
}

Lines = Callable[..., list[str]]


@pytest.fixture
def full() -> dict[str, Any]:
    return copy.deepcopy(FULL)


@pytest.fixture
def example() -> str:
    """The example commune that stands in the inventory."""
    return (ROOT / "inventory/communes/saint-exemple.yml").read_text(encoding="utf-8")


@pytest.fixture
def lines() -> Lines:
    """What is said about a file with this content, without the file's name in front."""

    def said(content: str | bytes | dict[str, Any], label: str = LABEL) -> list[str]:
        if isinstance(content, dict):
            content = yaml.safe_dump(content, allow_unicode=True)
        if isinstance(content, str):
            content = content.encode()
        found = folder.validate({label: content})
        assert all(line.startswith(f"{label}: ") for line in found.lines)
        assert bool(found.lines) != bool(found.communes)
        return [line.removeprefix(f"{label}: ") for line in found.lines]

    return said


@dataclass
class Checkout:
    """A folder with an inventory like the real one, and the Ansible commands run on it."""

    path: pathlib.Path

    def add(self, slug: str, content: str) -> None:
        """A commune's file, and addresses for the commune."""
        (self.path / f"communes/{slug}.yml").write_text(content, encoding="utf-8")
        self.allocate()

    def allocate(self) -> None:
        """What `make allocate` does, without Ansible."""
        file = self.path / "allocation.yml"
        pools = addresses.Pools.from_mapping(yaml.safe_load((self.path / "ccpp.yml").read_text())["pools"])
        known = addresses.load(file.read_bytes() if file.exists() else None)
        slugs = [path.stem for path in folder.files(self.path / "communes")]
        file.write_text(addresses.allocate(known, pools, slugs).text(), encoding="utf-8")

    def run(self, command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`ansible-<command> -i ccpp.yml arguments` with this checkout's ansible.cfg."""
        return self.python("-m", "ansible", command, "-i", "ccpp.yml", *arguments, **environment)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.path / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            **environment,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env={**kept, **given},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    shutil.copy(ROOT / "inventory/ccpp.yml", tmp_path)
    (tmp_path / "communes").mkdir()
    shutil.copy(ROOT / "inventory/communes/saint-exemple.yml", tmp_path / "communes")
    shutil.copy(ROOT / "inventory/allocation.yml", tmp_path)
    return Checkout(tmp_path)

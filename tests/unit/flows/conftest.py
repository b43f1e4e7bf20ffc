# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow matrix as it is, and zones as a LOCAL server sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "firewall"


@pytest.fixture
def data() -> dict[str, Any]:
    matrix: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__firewall_matrix"]
    return matrix


@pytest.fixture
def zones() -> dict[str, Any]:
    return {
        "lan": ["192.168.1.0/24", "2001:db8:1::/64"],
        "admin": ["10.84.0.0/24"],
        "inside": ["10.83.0.1", "10.83.4.0", "10.83.8.0"],
        "others": ["10.83.0.0/22", "10.83.4.0/22", "10.83.8.0/22"],
        "outside": ["198.51.100.20", "2001:db8:ffff::20"],
        "names": "any",
        "time": "any",
        "mirror": "any",
    }


@pytest.fixture
def flow() -> dict[str, Any]:
    return {"name": "x", "from": "lan", "to": "local", "protocol": "tcp", "ports": 443, "why": "Because"}

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's configuration on disk, and a repository that is nothing but its folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.clock import Clock
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import load
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.workplace import Workplace

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def agent(base: Path, site: str = "local") -> dict[str, Any]:
    return {
        "site": site,
        "server": f"saint-exemple-{site}",
        "state_directory": str(base / "state"),
        "cache_directory": str(base / "cache"),
        "service_user": "ccpp-backup",
    }


def commune(base: Path) -> dict[str, Any]:
    return {
        "commune": "saint-exemple",
        "name": "Saint-Exemple-sur-Noye",
        "opening": {"weekdays": ["mon", "tue", "wed", "thu", "fri"], "public_holidays": "none"},
        "policy": {},
        "contacts": {"phone": "03 00 00 00 00", "mail": ""},
        "sources": {
            "accueil": {
                "kind": "linux",
                "paths": ["/home"],
                "exclude": ["*.tmp"],
                "priority": 1,
                "repository": {
                    "location": str(base / "repositories" / "accueil"),
                    "password_file": str(base / "password"),
                    "cacert": None,
                },
                "ledger": str(base / "ledgers" / "accueil.jsonl"),
                "reports": str(base / "reports"),
                "report_url": None,
                "upstream": None,
            }
        },
    }


@pytest.fixture
def agent_value(tmp_path: Path) -> dict[str, Any]:
    return agent(tmp_path)


@pytest.fixture
def commune_value(tmp_path: Path) -> dict[str, Any]:
    return commune(tmp_path)


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Writes agent.json and one commune's file; returns their folder."""

    def write(agent_value: Any = None, commune_value: Any = None, name: str = "saint-exemple") -> Path:
        etc = tmp_path / "etc"
        (etc / "communes").mkdir(parents=True, exist_ok=True)
        first = agent(tmp_path) if agent_value is None else agent_value
        second = commune(tmp_path) if commune_value is None else commune_value
        (etc / "agent.json").write_text(json.dumps(first), encoding="utf-8")
        (etc / "communes" / f"{name}.json").write_text(json.dumps(second), encoding="utf-8")
        return etc

    return write


class Bench:
    """A place to work at, whose repository is made of plain files with the right names."""

    def __init__(self, base: Path, etc: Path, now: datetime = NOON) -> None:
        self.base = base
        self.etc = etc
        self.repository = base / "repositories" / "accueil"
        for kind in ("data", "index", "keys", "locks", "snapshots"):
            (self.repository / kind).mkdir(parents=True)
        (self.repository / "config").write_bytes(b"c" * 40)
        for folder in ("ledgers", "reports", "state"):
            (base / folder).mkdir()
        (base / "password").write_text("secret\n", encoding="ascii")
        self.place = self.at(now)

    def at(self, now: datetime) -> Workplace:
        config = load(str(self.etc))
        return Workplace(config, config.one(None, None), Clock(now))

    def put(self, kind: str, body: bytes) -> str:
        """An object under its right name."""
        name = hashlib.sha256(body).hexdigest()
        (self.repository / kind / name).write_bytes(body)
        return name

    def snapshot(self, at: datetime, outcome: str = "ok", label: str = "") -> str:
        """A snapshot with its receipt."""
        name = self.put("snapshots", f"snapshot of {at} {label}".encode().ljust(80))
        fields = {
            "snapshot": name,
            "series": "saint-exemple/accueil",
            "received_at": at.isoformat(),
            "claimed_at": at.isoformat(),
            "kind": "incremental",
            "outcome": outcome,
            "size": 10,
            "files": 1,
            "added": 1,
            "paths": ["/home"],
            "host": "accueil",
        }
        self.place.ledger_file().append([Draft("receipt", "test", at, None, fields)])
        return name

    def acts(self, act: str) -> list[dict[str, Any]]:
        return [dict(entry.fields) for entry in self.place.ledger().entries if entry.act == act]


@pytest.fixture
def bench(tmp_path: Path, write_config: Callable[..., Path]) -> Bench:
    return Bench(tmp_path, write_config())

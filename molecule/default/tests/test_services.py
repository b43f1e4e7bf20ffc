# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that should run by itself does, and nothing else listens."""

from __future__ import annotations

from typing import Any

import pytest

UNITS = {
    "local": [
        "ccpp-backup.target",
        "ccpp-backup-receive.path",
        "ccpp-backup-receive.timer",
        "ccpp-backup-drill.timer",
        "ccpp-backup-inspect.timer",
        "ccpp-backup-retain.timer",
        "ccpp-backup-status.timer",
        "ccpp-backup-verify.timer",
        "ccpp-backup-writer.socket",
        "ccpp-backup-reader.socket",
        "nginx.service",
    ],
    "remote": [
        "ccpp-backup.target",
        "ccpp-backup-replicate.timer",
        "ccpp-backup-drill.timer",
        "ccpp-backup-inspect.timer",
        "ccpp-backup-retain.timer",
        "ccpp-backup-status.timer",
        "ccpp-backup-verify.timer",
    ],
    "workstation": ["ccpp-backup.target", "ccpp-backup-run.timer"],
}
# 179: BGP, which the firewall lets in through tunnels alone.
LISTENING = {"local": {22, 8443}, "remote": {22, 179}, "workstation": {22}}
MACHINES = sorted(UNITS)


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("machine", "unit"), [(name, unit) for name in MACHINES for unit in UNITS[name]], indirect=["machine"]
)
def test_unit_is_active(machine: Any, unit: str) -> None:
    state = machine.run("systemctl is-active %s", unit).stdout.strip()
    assert state == "active", machine.run("journalctl --no-pager --lines=20 --unit=%s", unit).stdout


@pytest.mark.parametrize(
    ("machine", "unit"), [(name, UNITS[name][0]) for name in MACHINES], indirect=["machine"]
)
def test_unit_starts_at_boot(machine: Any, unit: str) -> None:
    assert machine.run("systemctl is-enabled %s", unit).stdout.strip() == "enabled"


@pytest.mark.parametrize("machine", MACHINES, indirect=True)
def test_no_unit_has_failed(machine: Any) -> None:
    failed = machine.run("systemctl list-units --failed --plain --no-legend").stdout
    assert failed == "", machine.run("journalctl --no-pager --lines=40 --priority=warning").stdout


@pytest.mark.parametrize(("machine", "name"), [(name, name) for name in MACHINES], indirect=["machine"])
def test_only_known_ports_are_open_to_the_network(machine: Any, name: str) -> None:
    rows = [
        line.split()
        for line in machine.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    ]
    addresses = [row[3].rpartition(":") for row in rows]
    loopback = ("127.", "[::1]")
    assert {int(port) for host, _colon, port in addresses if not host.startswith(loopback)} == LISTENING[name]


def test_repository_server_is_reached_through_nginx_alone(local: Any) -> None:
    assert "restic-rest-ser" not in local.check_output(
        "ss --listening --tcp --udp --numeric --processes --no-header"
    )
    sockets = local.check_output(
        "stat --format='%a %U' /run/ccpp-backup/writer.sock /run/ccpp-backup/reader.sock"
    )
    assert sockets.splitlines() == ["600 www-data"] * 2

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of every scenario share: the machines, seen over SSH as the administrator sees them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "testbed"))

from ccpp_testbed import access, topology
from ccpp_testbed.steps import Controller

SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME", "default")

# Sends one request and prints what came back, or why nothing did: every method and header is ours to choose.
REQUEST = """
import base64, http.client, json, ssl, sys
wanted = json.load(sys.stdin)
context = ssl.create_default_context(cafile=wanted["cacert"])
try:
    if wanted["tls"]:
        connection = http.client.HTTPSConnection(wanted["host"], wanted["port"], timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection(wanted["host"], wanted["port"], timeout=10)
    headers = {}
    if wanted["user"]:
        credentials = f"{wanted['user']}:{wanted['password']}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
    headers.update(wanted["headers"])
    body = None if wanted["body"] is None else base64.b64decode(wanted["body"])
    connection.request(wanted["method"], wanted["path"], body, headers)
    answer = connection.getresponse()
    print(json.dumps({"status": answer.status, "text": answer.read(4096).decode("latin-1")}))
except (OSError, http.client.HTTPException) as error:
    print(json.dumps({"status": None, "text": f"{type(error).__name__}: {error}"}))
"""

Machine = Any
"""A testinfra host; its methods come from plugins, so that it has no useful type."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the journal of the machines when a test failed: a service that does not work has said why."""
    if not terminalreporter.stats.get("failed"):
        return
    controller = Controller(SCENARIO)
    for machine in topology.load(SCENARIO).machines:
        terminalreporter.section(f"journal of {machine}")
        command = "journalctl --no-pager --lines=40 --priority=info --unit='ccpp-backup*' --unit=nginx"
        terminalreporter.write_line(controller.run(machine, command, good=tuple(range(256))))


@pytest.fixture(scope="session")
def controller() -> Controller:
    return Controller(SCENARIO)


def machine(name: str) -> Machine:
    config = access.state_directory(SCENARIO) / "ssh_config"
    return testinfra.get_host(f"ssh://{name}?ssh_config={config}&sudo=true")


@pytest.fixture(scope="session")
def machine_named() -> Callable[[str], Machine]:
    """Any machine of the scenario's topology."""
    return machine


@pytest.fixture(scope="session")
def local() -> Machine:
    return machine("local")


@pytest.fixture(scope="session")
def remote() -> Machine:
    return machine("remote")


@pytest.fixture(scope="session")
def workstation() -> Machine:
    return machine("workstation")


@pytest.fixture(scope="session")
def lan_address() -> str:
    """Where the workstations reach LOCAL."""
    return topology.load(SCENARIO).machines["local"].addresses["lan"][0]


@pytest.fixture(scope="session")
def pull_address() -> str:
    """Where REMOTE reaches LOCAL."""
    return topology.load(SCENARIO).machines["local"].addresses["wan1"][0]


@pytest.fixture(scope="session")
def secret(controller: Controller) -> Callable[[str, str], str]:
    """Read a secret file where it is kept: secret("workstation", "accueil.password")."""

    def read(name: str, file: str) -> str:
        return controller.run(name, f"cat /etc/ccpp-backup/secrets/saint-exemple/{file}").strip()

    return read


@pytest.fixture(scope="session")
def request_from(controller: Controller) -> Callable[..., tuple[int | None, str]]:
    """Send an HTTP request from a machine; the status (None: no answer) and the text that came back."""

    def send(name: str, method: str, host: str, path: str, **given: Any) -> tuple[int | None, str]:
        wanted = {"port": 8443, "tls": True, "cacert": "/etc/ccpp-backup/ca.pem", "headers": {}}
        wanted |= {"user": None, "password": None, "body": None} | given
        wanted |= {"method": method, "host": host, "path": path}
        # The program goes in the command, what it shall do (a password, too) by standard input.
        quoted = "'" + REQUEST.replace("'", "'\\''") + "'"
        answer = json.loads(controller.run(name, f"python3 -c {quoted}", stdin=json.dumps(wanted)))
        return answer["status"], answer["text"]

    return send

# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages are updated one server at a time, never during a backup; a server that got worse ends the run."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Callable, Iterator

import pytest
from ccpp_testbed import machines
from ccpp_testbed.host import TestbedError
from ccpp_testbed.steps import Controller

PATCH = "ccpp.backup.patch"
# A package of nobody's in a mirror of its own; what its installation does is the test's to say.
PUBLISH = """
set -e
rm -rf /srv/example; mkdir -p /srv/example/tree/DEBIAN
cd /srv/example
printf '%s\\n' 'Package: example' "Version: $1" 'Architecture: all' 'Maintainer: A. Tester <a@example.org>' \
    'Description: Nothing' > tree/DEBIAN/control
printf '#!/bin/sh\\n%s\\n' "$2" > tree/DEBIAN/postinst
chmod 755 tree/DEBIAN/postinst
dpkg-deb --build tree example.deb > /dev/null
{ cat tree/DEBIAN/control; echo "Filename: ./example.deb"; echo "Size: $(stat -c %s example.deb)";
  echo "SHA256: $(sha256sum example.deb | cut -d' ' -f1)"; echo; } > Packages
apt-get update > /dev/null 2>&1
"""
ASIDE = """
mkdir -p /root/aside && mv /etc/apt/sources.list* /root/aside/ && mkdir /etc/apt/sources.list.d
echo 'deb [trusted=yes] file:/srv/example ./' > /etc/apt/sources.list
"""
BACK = """
rm -rf /etc/apt/sources.list* && mv /root/aside/* /etc/apt/; rm -rf /srv/example /root/aside
DEBIAN_FRONTEND=noninteractive dpkg --purge example
"""

Publish = Callable[..., None]


@pytest.fixture(scope="module")
def publish(controller: Controller) -> Iterator[Publish]:
    """publish("2.0", "touch /run/x", "local2"): the mirror of this machine now has this version."""
    used = ("local2", "remote")

    def new(version: str, does: str = ":", *names: str) -> None:
        for machine in names or used:
            script = f"set -- {shlex.quote(version)} {shlex.quote(does)}\n{PUBLISH}"
            controller.run(machine, "sh -s", stdin=script)

    for machine in used:
        controller.run(machine, "sh -s", stdin=ASIDE)
    new("1.0")
    for machine in used:
        controller.run(machine, "dpkg --install /srv/example/example.deb")
    yield new
    for machine in used:
        controller.run(machine, "sh -s", stdin=BACK)


def version(controller: Controller, machine: str) -> str:
    return controller.run(machine, "dpkg-query --show --showformat='${Version}' example")


def said(controller: Controller) -> str:
    return " ".join((controller.state / f"{PATCH}.log").read_text(encoding="utf-8").split())


def at_rest(controller: Controller, machine: str) -> bool:
    return "paused by" in controller.run(machine, "ccpp-backup maintenance", good=(0, 3))


def test_check_mode_tells_and_changes_nothing(controller: Controller, publish: Publish) -> None:
    publish("2.0")
    recap = controller.playbook(PATCH, "--limit=bourg-exemple-local", "--check")
    assert recap.changed == 1
    assert version(controller, "local2") == "1.0"


def test_servers_are_updated_one_at_a_time(controller: Controller, publish: Publish) -> None:
    publish("2.0")
    controller.playbook(PATCH, "--limit=bourg-exemple-local,remote")
    assert [version(controller, machine) for machine in ("local2", "remote")] == ["2.0", "2.0"]
    updates = re.findall(r"TASK \[Update its packages\] \**\s+changed: \[(\S+)\]", said(controller))
    assert sorted(updates) == ["bourg-exemple-local", "remote"]
    # The last task for the first server comes before the first task for the second one.
    hosts = re.findall(r"(?:ok|changed): \[([a-z-]+)\]", said(controller))
    assert hosts == sorted(hosts, key=updates.index)
    assert not any(at_rest(controller, machine) for machine in ("local2", "remote"))


def test_a_server_that_asks_for_a_restart_gets_it_and_works(controller: Controller, publish: Publish) -> None:
    publish("3.0", "touch /run/reboot-required", "local2")
    before = controller.run("local2", "stat --format=%Y /proc/1")
    firmware = threading.Thread(target=machines.start_again, args=(controller.name, "local2"), daemon=True)
    firmware.start()
    controller.playbook(PATCH, "--limit=bourg-exemple-local")
    firmware.join()
    assert controller.run("local2", "stat --format=%Y /proc/1") != before
    assert version(controller, "local2") == "3.0"
    assert not at_rest(controller, "local2")


def test_a_server_that_is_worse_afterwards_ends_the_run(controller: Controller, publish: Publish) -> None:
    publish("4.0", "systemctl stop nginx", "local2")
    publish("4.0", ":", "remote")
    try:
        with pytest.raises(TestbedError, match="failed with exit code"):
            controller.playbook(PATCH, "--limit=bourg-exemple-local,remote", "-e", "patch_patience=1")
        line = said(controller)
        assert (
            "bourg-exemple-local: updated, but not as well as before: nginx.service is not active any more"
            in line
        )
        assert version(controller, "local2") == "4.0"
        assert version(controller, "remote") != "4.0"
        assert not at_rest(controller, "local2")
    finally:
        controller.run("local2", "systemctl start nginx")


def test_a_server_at_work_is_left_alone(controller: Controller) -> None:
    packages = controller.run("local", "dpkg-query --show | sha256sum")
    controller.run("workstation", "mkdir -p /home/mairie && head -c 2G /dev/urandom > /home/mairie/long.bin")
    controller.run("workstation", "systemd-run --quiet --unit=long-backup ccpp-backup run --today-anyway")
    try:
        with pytest.raises(TestbedError, match="failed with exit code"):
            controller.playbook(PATCH, "--limit=saint-exemple-local", "-e", "patch_wait=0")
    finally:
        controller.run("workstation", "systemctl stop long-backup; rm -f /home/mairie/long.bin")
    assert "saint-exemple-local: not patched, nothing was changed: " in said(controller)
    assert "still at work" in said(controller)
    assert controller.run("local", "dpkg-query --show | sha256sum") == packages
    assert not at_rest(controller, "local")

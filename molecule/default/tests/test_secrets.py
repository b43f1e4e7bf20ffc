# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No machine holds, shows or logs a secret that it has no use for."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from ccpp_testbed.steps import Controller

Secret = Callable[[str, str], str]

FOLDER = "/etc/ccpp-backup/secrets/saint-exemple"
MACHINES = ["local", "remote", "workstation"]
OWNERS = {"local": "ccpp-backup", "remote": "ccpp-backup", "workstation": "root"}


def files(controller: Controller, machine: str) -> list[str]:
    return controller.run(machine, f"ls {FOLDER}").split()


def values(controller: Controller, machine: str) -> set[str]:
    """Passwords a machine has files of: whole ones, and those within locations."""
    found = set()
    for line in controller.run(machine, f"cat {FOLDER}/*").split():
        found.add(line.rpartition("@")[0].rpartition(":")[2] if line.startswith("rest:") else line)
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_secret_files_are_their_users_alone(controller: Controller, name: str) -> None:
    listed = controller.run(name, f"stat --format='%a %U %F' {FOLDER} {FOLDER}/*").splitlines()
    assert listed[0] == f"700 {OWNERS[name]} directory"
    assert set(listed[1:]) == {f"600 {OWNERS[name]} regular file"}


@pytest.mark.parametrize("name", MACHINES)
def test_nobody_else_can_read_them(controller: Controller, name: str) -> None:
    found = controller.run(name, f"runuser -u nobody -- cat {FOLDER}/* 2>/dev/null || true")
    assert found == ""


def test_private_key_of_the_server_is_roots(local: Any) -> None:
    key = local.file("/etc/ccpp-backup/tls/server.key")
    assert (key.user, oct(key.mode)[-2:]) == ("root", "00")


def test_a_workstation_knows_its_own_password_only(controller: Controller) -> None:
    assert files(controller, "workstation") == ["accueil.location", "accueil.password"]


def test_local_knows_nothing_that_works_at_remote(controller: Controller, secret: Secret) -> None:
    known = controller.run(
        "local", "grep --recursive --no-filename '' /etc/ccpp-backup /var/lib/ccpp-backup || true"
    )
    assert secret("remote", "accueil.password") not in known


@pytest.mark.parametrize("name", MACHINES)
def test_no_secret_is_in_the_journal_or_a_world_readable_file(controller: Controller, name: str) -> None:
    patterns = "".join(f"{value}\n" for value in sorted(values(controller, name)))
    assert len(patterns) > 40
    command = (
        "cat > /run/patterns; chmod 600 /run/patterns; journalctl --no-pager --output=cat"
        " | grep --count --fixed-strings --file=/run/patterns;"
        " find /etc /srv /var /tmp /usr/local /home -xdev -type f -perm -004 -size -5M -print0"
        " | xargs -0 grep --files-with-matches --fixed-strings --file=/run/patterns; rm /run/patterns"
    )
    assert controller.run(name, command, stdin=patterns).split() == ["0"]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("workstation", "ccpp-backup run --today-anyway"),
        ("workstation", "ccpp-backup restore --list"),
        ("local", "ccpp-backup receive"),
        ("local", "ccpp-backup verify"),
        ("remote", "ccpp-backup replicate"),
        ("remote", "ccpp-backup verify"),
    ],
    ids=lambda value: value.removeprefix("ccpp-backup "),
)
def test_no_secret_is_ever_in_a_command_line(controller: Controller, name: str, command: str) -> None:
    watch = (
        f"{command} >/dev/null 2>&1 & worker=$!;"
        " while kill -0 $worker 2>/dev/null; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; done;"
        " wait $worker"
    )
    seen = controller.run(name, f"bash -c {shlex.quote(watch)}", good=(0, 3))
    assert "ccpp-backup" in seen
    assert [value for value in values(controller, name) if value in seen] == []

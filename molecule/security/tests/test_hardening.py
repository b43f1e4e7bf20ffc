# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server lets people and programs do: SSH, time, updates, kernel, journal, units, users."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator

import pytest
from ccpp_testbed import exposure
from ccpp_testbed.reachable import Places
from ccpp_testbed.steps import Controller

PLACES = Places("security")
SERVERS = ("local", "remote")
# What a person of bad will would try, and what old clients still speak.
REFUSED = {
    "kex": "diffie-hellman-group14-sha1 diffie-hellman-group14-sha256 ecdh-sha2-nistp256",
    "encryption": "aes128-cbc 3des-cbc aes128-ctr aes256-ctr",
    "mac": "hmac-sha1 hmac-md5 umac-64 hmac-sha2-256",
    "host key": "ssh-rsa ssh-dss ecdsa-sha2-nistp256",
}
SSH = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=10"


@pytest.fixture(scope="module")
def key_of_root(controller: Controller) -> Iterator[str]:
    """A key of the stranger's that root and the administrator of both servers have among theirs."""
    key = "/root/.ssh/known"
    controller.run(
        "stranger", f"mkdir -p /root/.ssh; test -e {key} || ssh-keygen -q -t ed25519 -N '' -f {key}"
    )
    public = controller.run("stranger", f"cat {key}.pub")
    homes = ("/root", "/home/admin")
    for server in SERVERS:
        for home in homes:
            user = home.rpartition("/")[2]
            controller.run(
                server,
                f"install -d -m 700 -o {user} {home}/.ssh; cat >> {home}/.ssh/authorized_keys;"
                f" chown {user} {home}/.ssh/authorized_keys; chmod 600 {home}/.ssh/authorized_keys",
                stdin=public,
            )
    yield key
    for server in SERVERS:
        for home in homes:
            controller.run(server, f"sed -i '\\|{public.split()[1]}|d' {home}/.ssh/authorized_keys")


@pytest.mark.parametrize("server", SERVERS)
def test_ssh_lets_in_keys_of_administrators_and_nothing_else(
    controller: Controller, key_of_root: str, server: str
) -> None:
    (address, _v6) = PLACES.addresses(server, "admin")

    def tried(user: str, *options: str) -> str:
        return controller.run(
            "stranger", f"{SSH} {' '.join(options)} {user}@{address} id -un 2>&1", good=(0, 255)
        )

    assert tried("admin", f"-i {key_of_root}").splitlines()[-1] == "admin"
    # The same key is root's too.
    assert "Permission denied (publickey)" in tried("root", f"-i {key_of_root}")
    # The server does not so much as ask for a password.
    assert "Permission denied (publickey)" in tried(
        "admin", "-o PreferredAuthentications=password,keyboard-interactive"
    )
    assert "Permission denied (publickey)" in tried("nobody", f"-i {key_of_root}")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_ssh_speaks_modern_algorithms_only(controller: Controller, server: str, kind: str) -> None:
    (address, _v6) = PLACES.addresses(server, "admin")
    said = controller.run("stranger", f"nmap -n -Pn -p22 --script ssh2-enum-algos {address}")
    assert "mlkem768x25519-sha256" in said, "nothing was listed"
    offered = {line.strip("| _") for line in said.splitlines()}
    assert not offered & set(REFUSED[kind].split())


@pytest.mark.parametrize("server", SERVERS)
def test_time_comes_from_several_sources_and_its_state_is_known(controller: Controller, server: str) -> None:
    controller.run(server, "chronyc -n -h 127.0.0.1 waitsync 60 0 0 1")
    sources = controller.run(server, "chronyc -n -c -h 127.0.0.1 sources").splitlines()
    assert len(sources) >= 3
    assert sum(line.split(",")[1] in "*+" for line in sources) >= 2, sources
    said = json.loads(controller.run(server, "ccpp-backup maintenance --json", good=(0, 3)))
    assert said["clock"] == {"synchronised": True, "doubt": None}


def test_a_clock_that_nobody_confirms_is_told(controller: Controller) -> None:
    controller.run("local", "systemctl stop chrony")
    try:
        controller.run(
            "local", "timeout 20 sh -c 'while chronyc -h 127.0.0.1 tracking; do sleep 1; done'", good=(0, 1)
        )
        said = controller.run("local", "ccpp-backup maintenance", good=(3,))
        assert "clock: synchronised" not in said
    finally:
        controller.run("local", "systemctl start chrony")


@pytest.mark.parametrize("server", SERVERS)
def test_security_updates_come_by_themselves_and_nothing_else_does(
    controller: Controller, server: str
) -> None:
    said = controller.run(server, "unattended-upgrade --dry-run --debug 2>&1 | grep 'Allowed origins'")
    assert re.findall(r"origin=\S+", said) == ["origin=Debian,codename=trixie-security,label=Debian-Security"]
    wanted = {
        "APT::Periodic::Update-Package-Lists": "1",
        "APT::Periodic::Unattended-Upgrade": "1",
        "Unattended-Upgrade::Automatic-Reboot": "false",
    }
    dump = controller.run(server, "apt-config dump")
    assert [f'{name} "{value}";' for name, value in wanted.items() if f'{name} "{value}";' not in dump] == []
    for timer in ("apt-daily", "apt-daily-upgrade"):
        found = controller.run(server, f"cat /etc/systemd/system/{timer}.timer.d/ccpp-backup.conf")
        assert re.search(r"^OnCalendar=\*-\*-\* 0[01]:", found, re.MULTILINE)


# A Thursday on which Saint-Exemple is open, and Bourg-Exemple is not.
@pytest.mark.parametrize(
    ("now", "may"),
    [
        ("2026-11-26T10:00:00+01:00", False),
        ("2026-11-26T16:30:00+01:00", False),
        ("2026-11-27T02:30:00+01:00", True),
        ("2026-11-29T15:00:00+01:00", True),
    ],
    ids=["morning", "afternoon", "night", "sunday"],
)
def test_a_restart_waits_for_hours_in_which_the_town_hall_is_closed(
    controller: Controller, now: str, may: bool
) -> None:
    controller.run("local", "touch /run/reboot-required")
    try:
        said = controller.run("local", f"ccpp-backup maintenance reboot --dry-run --now {now}", good=(0, 3))
    finally:
        controller.run("local", "rm -f /run/reboot-required")
    assert ("would restart now" in said or "would wait for" in said) is may, said


def test_a_restart_waits_for_a_backup(controller: Controller) -> None:
    night = "--now 2026-11-27T02:30:00+01:00"
    controller.run(
        "workstation", "mkdir -p /home/mairie && head -c 400M /dev/urandom > /home/mairie/film.bin"
    )
    controller.run("workstation", "systemd-run --quiet --unit=slow-backup ccpp-backup run --today-anyway")
    controller.run("local", "touch /run/reboot-required")
    try:
        said = ""
        while (
            controller.run("workstation", "systemctl is-active slow-backup", good=(0, 3, 4)).strip()
            == "active"
        ):
            said += controller.run("local", f"ccpp-backup maintenance reboot --dry-run {night}", good=(0, 3))
            if "would wait for" in said:
                break
        assert "would wait for" in said
    finally:
        controller.run("local", "rm -f /run/reboot-required")
        controller.run("workstation", "while systemctl is-active --quiet slow-backup; do sleep 0.5; done")


@pytest.mark.parametrize("server", SERVERS)
def test_the_kernel_has_the_parameters_that_were_written_down(controller: Controller, server: str) -> None:
    lines = controller.run(server, "cat /etc/sysctl.d/99-ccpp-backup.conf").splitlines()
    written = dict(
        line.split(" = ", 1) for line in lines if " = " in line and not line.startswith(("#", "-"))
    )
    plain = {name: value for name, value in written.items() if "*" not in name}
    assert len(plain) >= 20
    # A LOCAL server forwards nothing, and takes no way from anybody.
    assert plain["net.ipv4.ip_forward"] == "0"
    assert plain["net.ipv4.conf.all.accept_redirects"] == "0"
    said = controller.run(server, f"sysctl {' '.join(plain)}").splitlines()
    assert {key: " ".join(value.split()) for key, value in (line.split(" = ", 1) for line in said)} == plain
    each = controller.run(
        server, "sysctl --all --pattern 'net.ipv6.conf.*accept_(ra|redirects)$'"
    ).splitlines()
    assert each
    assert [line for line in each if not line.endswith(" = 0")] == []


@pytest.mark.parametrize("server", SERVERS)
def test_the_journal_stays_within_limits(controller: Controller, server: str) -> None:
    said = controller.run(server, "systemd-analyze cat-config systemd/journald.conf")
    for name in (
        "Storage=persistent",
        "SystemMaxUse=",
        "SystemKeepFree=",
        "MaxRetentionSec=",
        "RateLimitBurst=",
    ):
        assert re.search(rf"^{name}", said, re.MULTILINE), name


def test_what_a_town_hall_writes_down_is_out_of_its_reach_soon(controller: Controller) -> None:
    marker = secrets.token_hex(8)
    controller.run("local", f"logger -t somebody 'seen at the town hall: {marker}' && journalctl --sync")
    controller.run("remote", "systemctl start ccpp-backup-journal.service")
    controller.run("remote", f"grep --recursive --text --quiet {marker} /var/lib/ccpp-backup/")


@pytest.mark.parametrize("server", SERVERS)
def test_our_units_are_confined(controller: Controller, server: str) -> None:
    scores = exposure.of_our_units(controller, server)
    assert len(scores) >= 5
    assert max(scores.values()) < exposure.LIMIT, scores


def test_each_program_has_a_user_of_its_own_that_cannot_log_in(controller: Controller) -> None:
    users = {
        unit: controller.run("local", f"systemctl show --value --property=User {unit}").strip()
        for unit in ("ccpp-backup-writer.service", "ccpp-backup-receive.service")
    }
    assert users == {
        "ccpp-backup-writer.service": "ccpp-rest",
        "ccpp-backup-receive.service": "ccpp-backup",
    }
    for user in users.values():
        shell = controller.run("local", f"getent passwd {user}").strip().rpartition(":")[2]
        assert shell.endswith(("nologin", "false"))
        assert controller.run("local", f"getent shadow {user}").split(":")[1].startswith(("!", "*"))


@pytest.mark.parametrize("server", SERVERS)
def test_our_programs_have_profiles_that_apparmor_takes(controller: Controller, server: str) -> None:
    profiles = ("ccpp-backup-agent", "ccpp-backup-rest-server")
    for profile in profiles:
        controller.run(server, f"apparmor_parser --skip-kernel-load --skip-cache /etc/apparmor.d/{profile}")
    enabled = controller.run(server, "cat /sys/module/apparmor/parameters/enabled", good=(0, 1)).strip()
    if enabled == "Y":
        loaded = controller.run(server, "cat /sys/kernel/security/apparmor/profiles")
        assert all(profile in loaded for profile in profiles)

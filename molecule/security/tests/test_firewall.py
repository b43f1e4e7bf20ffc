# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How rules get in, and what they outlive: mistakes, a backup, links, a start without network."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ccpp_testbed import access, machines, scanning
from ccpp_testbed.host import TestbedError
from ccpp_testbed.reachable import Places
from ccpp_testbed.steps import Controller

from ansible_collections.ccpp.backup.plugins.module_utils.flows import live

SCENARIO = "security"
PLACES = Places(SCENARIO)
FIREWALL = "ccpp.backup.firewall"
UNIT = "ccpp-backup-firewall.service"
# What a short look from a town hall's network asks for: all that is well known, and the repository.
PORTS = "1-1024,8443,51000"

# Opens connections until one gets no answer within a second; prints how many did.
KNOCK = """
import socket, sys, time
host, port, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
begun, count = time.monotonic(), 0
while count < most:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        break
    count += 1
print(count, time.monotonic() - begun)
"""

# Tries to connect, over and over; prints how many got in and how many tried.
HAMMER = """
import socket, sys, time
until, tried, entered = time.monotonic() + float(sys.argv[3]), 0, 0
while time.monotonic() < until:
    tried += 1
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.05).close()
        entered += 1
    except OSError:
        pass
print(entered, tried)
"""


def rules(controller: Controller, machine: str, table: str = "ccpp_backup") -> list[object]:
    """A table as the kernel has it, without counts and without who tried lately."""
    return live.canonical(json.loads(controller.run(machine, f"nft --json list table inet {table}")))


def failing(controller: Controller, playbook: str, *arguments: str) -> str:
    """What a run that must fail said, on one line."""
    with pytest.raises(TestbedError, match="failed with exit code"):
        controller.playbook(playbook, *arguments)
    return " ".join((controller.state / f"{playbook}.log").read_text(encoding="utf-8").split())


def program(text: str, *arguments: object) -> str:
    return f"python3 -c {shlex.quote(text)} {' '.join(str(one) for one in arguments)}"


@contextmanager
def meanwhile(action: threading.Thread) -> Iterator[None]:
    action.start()
    try:
        yield
    finally:
        action.join()


def town_hall_is_as_the_matrix_says(controller: Controller, server: str, network: str) -> None:
    for address in PLACES.addresses(server, network):
        found = scanning.tcp(controller, "stranger", [address], PORTS)[address]
        assert found == {8443}, address


def test_rules_that_lock_the_administrator_out_undo_themselves_within_a_minute(
    controller: Controller,
) -> None:
    before = rules(controller, "local2")
    looks: list[bool] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            looks.append(access.answers(SCENARIO, "local2"))

    since = controller.run("local2", "date +%s").strip()
    with meanwhile(threading.Thread(target=look)):
        try:
            nowhere = json.dumps({"service_admin_networks": ["203.0.113.0/24"]})
            said = failing(controller, FIREWALL, "--limit=bourg-exemple-local", "-e", nowhere)
        finally:
            over.set()
    assert "the new rules let no new SSH connection in, so the machine took the former ones back" in said
    assert False in looks, "nobody was ever locked out, so that nothing is proven"
    assert access.answers(SCENARIO, "local2")
    assert rules(controller, "local2") == before

    journal = controller.run(
        "local2", f"journalctl --since=@{since} --output=json --unit='ccpp-backup-firewall-undo-*'"
    )
    entries = [json.loads(line) for line in journal.splitlines()]
    started = [int(one["__MONOTONIC_TIMESTAMP"]) for one in entries if one.get("JOB_TYPE") == "start"]
    # From the start of the timer, before the rules were loaded, to the end of what took them back.
    assert len(started) >= 2, journal
    assert max(started) - min(started) < 60_000_000


def test_a_run_that_the_kernel_would_refuse_replaces_nothing(controller: Controller) -> None:
    before = rules(controller, "local2")
    flow = {
        "name": "odd",
        "from": "lan",
        "to": "local",
        "protocol": "icmp",
        "types": "no-such-message",
        "why": "x",
    }
    said = failing(
        controller, FIREWALL, "--limit=bourg-exemple-local", "-e", json.dumps({"firewall_flows": [flow]})
    )
    assert "nothing was replaced" in said
    assert rules(controller, "local2") == before


FLOW = {"name": "extra", "from": "lan", "to": "local", "protocol": "tcp", "ports": 443, "why": "A test"}
IMPOSSIBLE = [
    (
        {"firewall_flows": [FLOW | {"from": "mars"}]},
        "firewall_flows: extra: from: there is no zone 'mars'; use one of local, remote, lan, admin",
    ),
    (
        {"firewall_flows": [FLOW | {"ports": 70000}]},
        "firewall_flows: extra: ports: 70000 is not a port; use 1 to 65535",
    ),
    (
        {"commune_lan_networks": ["10.103.0.0/16"]},
        "overlaps with 10.103.0.0/16 of lan; an address is in one zone",
    ),
]


@pytest.mark.parametrize(("given", "line"), IMPOSSIBLE, ids=["zone", "port", "overlap"])
def test_an_impossible_flow_ends_the_run_before_any_machine_is_touched(
    controller: Controller, given: dict[str, object], line: str
) -> None:
    # Each module that Ansible runs on a machine leaves such a line.
    count = "journalctl --output=cat | grep --count '^Invoked with '"
    before = controller.run("local2", count, good=(0, 1))
    said = failing(controller, "ccpp.backup.site", "--limit=bourg-exemple-local", "-e", json.dumps(given))
    assert line in said
    assert "Traceback" not in said
    assert int(before) > 0
    assert controller.run("local2", count, good=(0, 1)) == before


def test_another_programs_table_was_left_alone(controller: Controller) -> None:
    for machine in ("local", "local2", "remote"):
        listed = controller.run(machine, "nft list table inet somebody_elses")
        assert "203.0.113.9" in listed
        assert "@banned drop" in listed


def test_it_can_be_taken_away_and_brought_back_beside_another_programs_table(controller: Controller) -> None:
    other, own = rules(controller, "local2", "somebody_elses"), rules(controller, "local2")
    controller.playbook(FIREWALL, "--limit=bourg-exemple-local", "-e", '{"firewall_enabled": false}')
    assert "ccpp_backup" not in controller.run("local2", "nft list tables")
    assert rules(controller, "local2", "somebody_elses") == other
    controller.playbook(FIREWALL, "--limit=bourg-exemple-local")
    assert rules(controller, "local2") == own
    assert rules(controller, "local2", "somebody_elses") == other


def test_reloads_let_nothing_slip_and_drop_nothing(controller: Controller) -> None:
    address, seconds = PLACES.addresses("local", "lan")[0], 12
    over = threading.Event()
    reloads: list[str] = []

    def reload() -> None:
        while not over.is_set():
            reloads.append(controller.run("local", f"systemctl reload {UNIT}"))

    hammer = program(HAMMER, address, 22, seconds)
    ping = f"ping -q -i 0.01 -w {seconds} {address}"
    with meanwhile(threading.Thread(target=reload)):
        try:
            said = controller.run("stranger", f"{ping} > /tmp/ping & {hammer}; wait; cat /tmp/ping")
        finally:
            over.set()
    entered, tried = (int(word) for word in said.splitlines()[0].split())
    assert len(reloads) >= 3
    assert tried > 50
    assert entered == 0
    assert " 0% packet loss" in said, said


def test_a_reload_does_not_break_a_backup(controller: Controller) -> None:
    controller.run(
        "workstation", "mkdir -p /home/mairie && head -c 300M /dev/urandom > /home/mairie/plan.bin"
    )
    over = threading.Event()
    reloads: list[str] = []

    def reload() -> None:
        while not over.wait(0.2):
            reloads.append(controller.run("local", f"systemctl reload {UNIT}"))

    with meanwhile(threading.Thread(target=reload)):
        try:
            controller.run("workstation", "ccpp-backup run --today-anyway")
            reloaded = len(reloads)
            controller.run("local", "ccpp-backup receive")
            controller.run("remote", "ccpp-backup replicate --commune saint-exemple --source accueil")
        finally:
            over.set()
    assert reloaded >= 3
    controller.run("local", "ccpp-backup verify --source accueil")
    listed = json.loads(
        controller.run("remote", "ccpp-backup restore --list --json --commune saint-exemple --source accueil")
    )
    assert listed["snapshots"], "REMOTE has no copy of what was backed up meanwhile"


def test_new_rules_do_not_break_a_backup(controller: Controller) -> None:
    controller.run("workstation", "head -c 300M /dev/urandom > /home/mairie/photo.bin")
    done: list[str] = []
    backup = threading.Thread(
        target=lambda: done.append(
            controller.run("workstation", "ccpp-backup run --today-anyway && echo done")
        )
    )
    with meanwhile(backup):
        controller.playbook(
            FIREWALL, "--limit=saint-exemple-local", "-e", json.dumps({"firewall_flows": [FLOW]})
        )
        assert "in_extra" in controller.run("local", "nft list counters table inet ccpp_backup")
    assert done
    assert done[0].rstrip().endswith("done")
    controller.playbook(FIREWALL, "--limit=saint-exemple-local")


def test_rules_outlive_links_that_go_down_and_up(controller: Controller) -> None:
    before = rules(controller, "local")
    for network in ("lan", "wan1", "wan2"):
        controller.run("local", f"ip link set {network} down")
    controller.run("local", f"systemctl reload {UNIT}")
    assert rules(controller, "local") == before
    for network in ("lan", "wan1", "wan2"):
        controller.run("local", f"ip link set {network} up")
    assert rules(controller, "local") == before
    # Going down took the IPv6 address away with it.
    for address in PLACES.addresses("local", "lan", "wan1", "wan2"):
        if ":" in address:
            network = next(
                one for one in ("lan", "wan1", "wan2") if address in PLACES.addresses("local", one)
            )
            controller.run("local", f"ip address replace {address}/64 dev {network} nodad")
    town_hall_is_as_the_matrix_says(controller, "local", "lan")


# A network that fails at start, for all that waits for one.
BROKEN = """[Unit]
Before=network.target network-online.target
After=network-pre.target
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/false
[Install]
RequiredBy=network.target network-online.target
"""


def test_rules_are_there_after_a_start_whose_network_fails(controller: Controller) -> None:
    before = rules(controller, "local2")
    path = "/etc/systemd/system/broken-network.service"
    controller.run("local2", f"cat > {path} && systemctl enable broken-network.service", stdin=BROKEN)
    controller.run("local2", "systemctl reboot", good=(0, 255))
    try:
        machines.start_again(SCENARIO, "local2")
        state = controller.run(
            "local2", "systemctl is-active network-online.target network.target", good=(3,)
        )
        assert state.split() == ["inactive", "inactive"], (
            "the network did not fail, so that nothing is proven"
        )
        assert rules(controller, "local2") == before
        moments = controller.run(
            "local2",
            f"systemctl show --value --property=ActiveEnterTimestampMonotonic {UNIT};"
            " systemctl show --value --property=InactiveExitTimestampMonotonic broken-network.service",
        )
        firewall, network = (int(word) for word in moments.split())
        assert 0 < firewall < network, "the rules came after the network"
        town_hall_is_as_the_matrix_says(controller, "local2", "lan2")
    finally:
        controller.run(
            "local2",
            f"systemctl disable broken-network.service; rm -f {path}; systemctl daemon-reload;"
            " systemctl reset-failed; systemctl start network-online.target",
        )


@pytest.mark.parametrize(
    ("server", "network", "port", "flow"),
    [("remote", "admin", 22, "ssh"), ("local", "lan", 8443, "repository")],
    ids=["ssh", "https"],
)
def test_who_knocks_too_often_is_left_outside_and_others_are_not(
    controller: Controller, server: str, network: str, port: int, flow: str
) -> None:
    limit = {"ssh": (60, 120), "repository": (120, 240)}[flow]
    for version, address in zip((4, 6), PLACES.addresses(server, network), strict=True):
        controller.run(server, f"nft flush set inet ccpp_backup rate_{flow}_v{version}")
        said = controller.run("stranger", program(KNOCK, address, port, 1000))
        count, seconds = int(said.split()[0]), float(said.split()[1])
        assert limit[1] <= count <= limit[1] + limit[0] * seconds / 60 + 2, address
        too_many = json.loads(controller.run(server, "nft --json list counter inet ccpp_backup too_many"))
        assert too_many["nftables"][1]["counter"]["packets"] > 0
        peer = "workstation" if network == "lan" else None
        if peer is not None:
            assert controller.run(peer, program(KNOCK, address, port, 1)).startswith("1 ")
        assert access.answers(SCENARIO, server)
        controller.run(server, f"nft flush set inet ccpp_backup rate_{flow}_v{version}")


def test_every_refusal_is_counted_and_logged_within_a_rate(controller: Controller) -> None:
    def refused() -> int:
        said = json.loads(controller.run("remote", "nft --json list counter inet ccpp_backup refused_in"))
        return int(said["nftables"][1]["counter"]["packets"])

    before = refused()
    (address, _v6) = PLACES.addresses("remote", "wan1")
    scanning.tcp(controller, "stranger", [address], "1-500")
    assert refused() - before >= 500
    # The kernel writes what a container refuses into no log; what it was told is there to be read.
    for chain in ("refuse_in", "refuse_out", "refuse_forward", "too_many"):
        listed = controller.run("remote", f"nft list chain inet ccpp_backup {chain}")
        assert 'limit rate 12/minute burst 30 packets log prefix "ccpp-firewall' in listed

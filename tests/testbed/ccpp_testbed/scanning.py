# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one machine lets another reach: every TCP port by nmap, UDP by what arrives above the firewall.

A witness on the scanned machine, a table of its own before every other, counts the ports that were really
tried: a scan whose packets were lost on the way says nothing.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import shlex
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from . import access
from .steps import Controller

ALL_TCP = 65535
# What nmap calls a port that sent an answer, be it a refusal: the firewall let the packet through.
_LET_THROUGH = ("open", "closed", "unfiltered")

_WITNESS = """
table inet witness {{ }}
delete table inet witness
table inet witness {{
  set v4 {{ type ipv4_addr . inet_proto . inet_service; size 4194304; flags dynamic; }}
  set v6 {{ type ipv6_addr . inet_proto . inet_service; size 4194304; flags dynamic; }}
  counter tcp_ports {{ }}
  counter udp_ports {{ }}
  chain prerouting {{
    type filter hook prerouting priority raw - 10; policy accept;
    ip saddr {{ {v4} }} meta l4proto {{ tcp, udp }} ip daddr . meta l4proto . th dport != @v4 jump new_v4
    ip6 saddr {{ {v6} }} meta l4proto {{ tcp, udp }} ip6 daddr . meta l4proto . th dport != @v6 jump new_v6
  }}
  chain new_v4 {{
    add @v4 {{ ip daddr . meta l4proto . th dport }}
    meta l4proto tcp counter name tcp_ports
    meta l4proto udp counter name udp_ports
  }}
  chain new_v6 {{
    add @v6 {{ ip6 daddr . meta l4proto . th dport }}
    meta l4proto tcp counter name tcp_ports
    meta l4proto udp counter name udp_ports
  }}
}}
"""

# Lets everything through, and has the kernel go on following the connections there are: rules that come back
# would take a packet of an unknown one for something new.
_OPEN = """
table inet ccpp_backup { }
delete table inet ccpp_backup
table inet ccpp_backup {
  chain input { type filter hook input priority filter; policy accept; ct state new counter; }
  chain output { type filter hook output priority filter; policy accept; ct state new counter; }
}
"""

# Reads what the kernel hands to programs, which is after the firewall, until its standard input ends.
_RECORDER = """
import json, select, socket, sys
mark, seen, sources = sys.argv[1].encode(), {}, []
for family in (socket.AF_INET, socket.AF_INET6):
    one = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
    one.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    sources.append(one)
print("ready", flush=True)
while True:
    ready, _, _ = select.select([*sources, sys.stdin], [], [])
    for one in set(ready) - {sys.stdin}:
        packet = one.recv(2048)
        if one.family == socket.AF_INET:
            packet = packet[(packet[0] & 15) * 4:]
        found, _, address = packet[8:].partition(b" ")
        if found == mark:
            seen.setdefault(address.decode(), set()).add(int.from_bytes(packet[2:4], "big"))
    if sys.stdin in ready and len(ready) == 1:
        break
print(json.dumps({address: sorted(ports) for address, ports in seen.items()}))
"""

_SENDER = """
import json, socket, sys, time
wanted = json.load(sys.stdin)
for _again in range(2):
    for address in wanted["addresses"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            for number, port in enumerate(wanted["ports"]):
                one.sendto(f"{wanted['mark']} {address}".encode(), (address, port))
                if number % 100 == 0:
                    time.sleep(0.005)
"""


def tcp(
    controller: Controller, scanner: str, addresses: Iterable[str], ports: str = "-", rate: int = 20000
) -> dict[str, set[int]]:
    """Of these TCP ports of each address (of all 65,535 unless said), those that answer the scanner.

    nmap's SYN scan as root. Nothing is asked first, so that a machine that does not answer is scanned too;
    a machine that is busy loses packets when they come fast (`rate`: a second), as the witness tells.
    """
    found: dict[str, set[int]] = {}
    wanted = list(addresses)
    for version in (4, 6):
        chosen = [one for one in wanted if ipaddress.ip_address(one).version == version]
        if chosen:
            speed = f"--min-rate {rate} --max-retries 1 --max-rtt-timeout 500ms --min-hostgroup 64"
            options = f"-n -Pn -sS -p{ports} -T4 {speed} {'-6' if version == 6 else ''} -oX -"
            said = controller.run(scanner, f"nmap {options} {' '.join(chosen)}")
            found |= _answers(said)
    if set(found) != set(wanted):
        raise AssertionError(f"nmap says nothing of {sorted(set(wanted) - set(found))}")
    return found


def _answers(xml: str) -> dict[str, set[int]]:
    found = {}
    for host in ET.fromstring(xml).iter("host"):
        address = next(one.attrib["addr"] for one in host.iter("address") if one.attrib["addrtype"] != "mac")
        summed = [one.attrib["state"] for one in host.iter("extraports")]
        if set(summed) & set(_LET_THROUGH):
            raise AssertionError(f"{address}: so many ports answer that nmap does not list them: {summed}")
        found[address] = {
            int(port.attrib["portid"])
            for port in host.iter("port")
            if next(port.iter("state")).attrib["state"] in _LET_THROUGH
        }
    return found


def udp(
    controller: Controller, scanner: str, target: str, addresses: Iterable[str], ports: Iterable[int]
) -> dict[str, set[int]]:
    """Of these UDP ports of each address of the target's, where a program hears the scanner."""
    wanted = {"addresses": list(addresses), "ports": sorted(set(ports)), "mark": secrets.token_hex(8)}
    program = f"sudo python3 -c {shlex.quote(_RECORDER)} {wanted['mark']}"
    with subprocess.Popen(
        access.ssh_command(controller.name, target, program),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as recorder:
        assert recorder.stdin
        assert recorder.stdout
        if recorder.stdout.readline() != "ready\n":
            raise AssertionError(f"{target}: nothing listens for the scan")
        controller.run(scanner, f"python3 -c {shlex.quote(_SENDER)}", stdin=json.dumps(wanted))
        time.sleep(1)
        recorder.stdin.close()
        heard = json.loads(recorder.stdout.read())
    return {address: set(heard.get(address, ())) for address in wanted["addresses"]}


@contextmanager
def witness(controller: Controller, target: str, scanners: Iterable[str]) -> Iterator[None]:
    """Count on the target, before its firewall, what comes from these addresses."""
    known = list(scanners)
    sources = {
        f"v{version}": ", ".join(one for one in known if ipaddress.ip_address(one).version == version)
        for version in (4, 6)
    }
    # An empty set is no set of nft's; addresses for documentation are nobody's.
    rules = _WITNESS.format(v4=sources["v4"] or "192.0.2.1", v6=sources["v6"] or "2001:db8::1")
    controller.run(target, "nft --file -", stdin=rules)
    try:
        yield
    finally:
        controller.run(target, "nft delete table inet witness")


def tried(controller: Controller, target: str) -> Mapping[str, int]:
    """How many different ports (of different addresses) the witness saw, by protocol."""
    listing = json.loads(controller.run(target, "nft --json list counters table inet witness"))
    counters = [entry["counter"] for entry in listing["nftables"] if "counter" in entry]
    return {one["name"].removesuffix("_ports"): one["packets"] for one in counters}


@contextmanager
def taken_over(controller: Controller, *machines: str) -> Iterator[None]:
    """Servers in the hands of somebody who switched their firewall off: only the others' still protect."""
    for machine in machines:
        controller.run(machine, "nft --file -", stdin=_OPEN)
    try:
        yield
    finally:
        for machine in machines:
            controller.run(machine, "systemctl restart ccpp-backup-firewall.service")

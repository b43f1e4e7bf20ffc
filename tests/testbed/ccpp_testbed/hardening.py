# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard the servers are, by the tools of others, beside a Debian that nothing was done to."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from . import exposure, scanning
from .host import CHECKOUT, TestbedError, say
from .reachable import Places
from .steps import Controller, note

SCENARIO = "security"
BEFORE = "stranger"
AFTER = ("local", "remote")
PROFILES = ("minimal", "intermediary", "enhanced")
EXCEPTIONS = CHECKOUT / "docs" / "hardening.md"
TOOLS = "lynis openscap-scanner openscap-common ssg-debian testssl.sh bsdextrautils bind9-dnsutils"

# Debian 13's ssg-debian knows Debian 11 and 12. The rules are the same; only the test whether this is the
# system that they were written for is widened by one version.
_DATASTREAM = r"""
cd /usr/share/xml/scap/ssg/content
sed 's/\^12\.\[0-9\]+\$/^1[23].[0-9]+$/' ssg-debian12-ds.xml > /root/debian-ds.xml
! cmp -s ssg-debian12-ds.xml /root/debian-ds.xml
"""
_RULE = re.compile(r"^Rule\s+(\S+)$.*?^Result\s+(\S+)$", re.MULTILINE | re.DOTALL)
# Severities of testssl.sh that are findings; the others are information.
_FINDINGS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


def install(controller: Controller, machine: str) -> None:
    command = f"DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends {TOOLS}"
    controller.run(machine, f"{command} < /dev/null")


def versions(controller: Controller) -> str:
    shown = "dpkg-query --show --showformat='${Package} ${Version}\\n'"
    said = controller.run(BEFORE, f"{shown} lynis openscap-scanner ssg-debian nmap testssl.sh")
    return ", ".join(said.splitlines())


def lynis(controller: Controller, machine: str) -> int:
    """lynis's hardening index, 0 to 100."""
    said = controller.run(machine, "lynis audit system --quick --no-colors", good=(0, 1, 78))
    found = re.search(r"Hardening index : (\d+)", said)
    if found is None:
        raise TestbedError(f"{machine}: lynis gave no index: {said[-200:]}")
    return int(found[1])


def anssi(controller: Controller, machine: str, profile: str) -> dict[str, str]:
    """Result by rule of a profile of ANSSI-BP-028, without those that are not for this machine."""
    controller.run(machine, _DATASTREAM)
    name = f"xccdf_org.ssgproject.content_profile_anssi_bp28_{profile}"
    # 2: some rule failed.
    said = controller.run(machine, f"oscap xccdf eval --profile {name} /root/debian-ds.xml", good=(0, 2))
    found = {rule.rpartition("content_rule_")[2]: result for rule, result in _RULE.findall(said)}
    if not found:
        raise TestbedError(f"{machine}: OpenSCAP checked no rule of {profile}")
    return {rule: result for rule, result in found.items() if result not in ("notapplicable", "notselected")}


def https(controller: Controller, address: str) -> tuple[Counter[str], list[str]]:
    """testssl.sh of the repository's port, from a workstation's network: findings by severity, and which."""
    # It opens more connections than the firewall takes from one machine in a minute.
    forgive = (
        "timeout 1800 sh -c 'while nft flush set inet ccpp_backup rate_repository_v4; do sleep 0.5; done'"
    )
    controller.run("local", f"systemd-run --quiet --collect --unit=forgive -- {forgive}")
    command = f"testssl --quiet --color 0 --warnings off --jsonfile /root/tls.json {address}:8443"
    controller.run(BEFORE, f"rm -f /root/tls.json; {command}", good=tuple(range(256)))
    controller.run("local", "systemctl stop forgive.service")
    entries = json.loads(controller.run(BEFORE, "cat /root/tls.json"))
    if not any(entry["id"] == "TLS1_3" for entry in entries):
        raise TestbedError(f"testssl.sh did not reach {address}:8443")
    findings = [entry for entry in entries if entry["severity"] in _FINDINGS]
    return Counter(entry["severity"] for entry in findings), [
        f"{entry['severity']} {entry['id']}: {entry['finding']}" for entry in findings
    ]


def explained() -> set[str]:
    """The rules that docs/hardening.md gives a reason for."""
    return set(re.findall(r"^\| `(\w+)` \|", EXCEPTIONS.read_text(encoding="utf-8"), re.MULTILINE))


def measure() -> list[str]:
    """Print every figure; the failed rules that nobody has given a reason for."""
    controller, places = Controller(SCENARIO), Places(SCENARIO)
    machines = (BEFORE, *AFTER)
    for machine in machines:
        install(controller, machine)
    say(f"with {versions(controller)}")
    note(f"{'':24}" + "".join(f"{name:>12}" for name in ("untouched", *AFTER)))
    indexes = {machine: lynis(controller, machine) for machine in machines}
    note(f"{'lynis, of 100':24}" + "".join(f"{indexes[machine]:>12}" for machine in machines))
    failed: dict[str, set[str]] = {machine: set() for machine in machines}
    for profile in PROFILES:
        cells = []
        for machine in machines:
            results = anssi(controller, machine, profile)
            passed = sum(result == "pass" for result in results.values())
            failed[machine] |= {
                rule for rule, result in results.items() if result not in ("pass", "notchecked")
            }
            cells.append(f"{passed} of {len(results)}")
        note(f"{'ANSSI-BP-028 ' + profile:24}" + "".join(f"{cell:>12}" for cell in cells))
    for line in _from_outside(controller, places):
        note(line)
    left = sorted(set().union(*(failed[machine] for machine in AFTER)))
    note(f"rules that fail afterwards: {', '.join(left) or 'none'}")
    return [
        f"{rule} fails, and docs/hardening.md gives no reason" for rule in left if rule not in explained()
    ]


def _from_outside(controller: Controller, places: Places) -> Iterator[str]:
    """nmap, testssl.sh, and systemd's own figures."""
    for machine, network in (("workstation", "lan"), ("local", "lan"), ("remote", "wan1")):
        address = places.addresses(machine, network)[0]
        ports = sorted(scanning.tcp(controller, BEFORE, [address])[address])
        yield f"nmap, all TCP ports of {machine} from its {network}: {', '.join(map(str, ports)) or 'none'}"
    counts, findings = https(controller, places.addresses("local", "lan")[0])
    yield f"testssl.sh, HTTPS of local: {', '.join(f'{n} {s}' for s, n in counts.items()) or 'no finding'}"
    yield from (f"  {line}" for line in findings)
    for machine in AFTER:
        for unit, score in exposure.of_our_units(controller, machine).items():
            yield f"systemd-analyze security, {machine}: {score:3.1f} {unit}"

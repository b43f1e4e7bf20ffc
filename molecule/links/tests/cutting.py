# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts the first path of a commune, one way or another, and measures at REMOTE what that does.

All machines have one kernel, and so one clock: what they note can be compared.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from ccpp_testbed.steps import Controller

LOCAL, REMOTE = "10.83.0.2", "10.83.0.1"
# The name of the CCPP's second line, in topology.toml.
FRONT = "vpn2.ccpp.example.org"
# Of the path that carries the traffic.
CUTS_IN_ALL = int(os.environ.get("CCPP_LINKS_CUTS", "60"))
# For a machine that is too busy to keep the bars.
SLACK = float(os.environ.get("CCPP_LINKS_SLACK", "1"))
BACK_WITHIN, RETURN_GAP = 2.0 * SLACK, 0.5 * SLACK
PATIENCE = 60 * max(1.0, SLACK)
# On the wire outside neighbours find each other; nothing else is let pass.
# Listeners of multicast (MLD) come with an option before ICMPv6, which the filter does not look behind.
OUTSIDE = (
    "not (udp portrange 51000-52999) and not arp and not icmp6 and not igmp"
    " and not (ip6[6] = 0 and ip6[40] = 58)"
    # An end that has just started says that nothing listens there yet.
    " and not icmp[icmptype] = icmp-unreach"
)
WANS = ("wan1", "wan2", "ccpp1", "ccpp2")
# The main path dies in the middle, in one direction or both, or at one of its ends, whose interface goes.
_DROP = "add table inet cut; add chain inet cut f {{ type filter hook forward priority 0; }}; {}"
_RULE = "add rule inet cut f iifname {} oifname {} drop"
_ROUTES = "systemctl restart testbed-routes.service"


def _dropped(*ways: tuple[str, str]) -> str:
    return f"nft '{_DROP.format('; '.join(_RULE.format(*way) for way in ways))}'"


@dataclass(frozen=True)
class Cut:
    """A way to cut a path: on a machine, with a command and one that takes it back."""

    name: str
    machine: str
    cut: str
    mend: str


_MENDED = "nft delete table inet cut"
CUTS = (
    Cut("in the middle", "router", _dropped(("wan1", "ccpp1"), ("ccpp1", "wan1")), _MENDED),
    Cut("towards the CCPP only", "router", _dropped(("wan1", "ccpp1")), _MENDED),
    Cut("towards the commune only", "router", _dropped(("ccpp1", "wan1")), _MENDED),
    Cut("at the commune", "local", "ip link set wan1 down", f"ip link set wan1 up && {_ROUTES}"),
    Cut("at the CCPP", "remote", "ip link set ccpp1 down", f"ip link set ccpp1 up && {_ROUTES}"),
)
BOTH = Cut(
    "both",
    "router",
    _dropped(("wan1", "ccpp1"), ("ccpp1", "wan1"), ("wan2", "ccpp2"), ("ccpp2", "wan2")),
    _MENDED,
)


def moment(controller: Controller, machine: str, command: str) -> float:
    """Run a command and return when it had taken effect, in seconds since 1970."""
    return float(controller.run(machine, f"{command} && date +%s.%N").split()[-1])


def way(controller: Controller) -> str:
    """The interface by which REMOTE now reaches LOCAL's loopback; empty when by none."""
    said = controller.run("remote", f"ip -json route get {LOCAL}", good=(0, 2))
    return str(json.loads(said)[0].get("dev", "")) if said.strip().startswith("[") else ""


def wait_for(what: Callable[[], bool], patience: float, why: str) -> None:
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline, f"not within {patience:.0f} s: {why}"
        time.sleep(0.2)


_ANSWER = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from ", re.MULTILINE)
_DOWN = re.compile(r"^(\d+\.\d+) .*BFD [Dd]own", re.MULTILINE)
_STAMP = re.compile(r"^\[(\S+)\] (.*)$", re.MULTILINE)


@dataclass
class Watch:
    """What REMOTE saw while paths were cut: answers to pings, changes of the route, deaths told by BFD."""

    answers: list[float]
    routes: list[tuple[float, str]]
    deaths: list[float]

    def gap(self, begin: float, end: float) -> float:
        """The longest time without an answer between two instants, in seconds."""
        inside = [one for one in self.answers if begin - 1 <= one <= end + 1]
        gaps = [other - one for one, other in itertools.pairwise(inside) if other > begin and one < end]
        return max(gaps, default=end - begin)

    def detected(self, cut: float) -> float | None:
        return next((one - cut for one in self.deaths if one > cut), None)

    def switched(self, cut: float) -> float | None:
        return next((at - cut for at, text in self.routes if at > cut and LOCAL in text), None)


@contextmanager
def watching(controller: Controller) -> Iterator[list[Watch]]:
    """Watch at REMOTE; what was seen is in the list afterwards."""
    controller.run("remote", "systemctl stop 'cuts-*'; systemctl reset-failed 'cuts-*'", good=(0, 1, 5))
    began = controller.run("remote", "date +%s").strip()
    ping = f"ping -D -n -i 0.05 -W 1 -I {REMOTE} {LOCAL} > /run/cuts.ping 2>&1"
    monitor = "ip -tshort monitor route > /run/cuts.route 2>&1"
    for name, command in (("ping", ping), ("route", monitor)):
        controller.run(
            "remote", f"systemd-run --quiet --collect --unit cuts-{name} -E TZ=UTC sh -c 'exec {command}'"
        )
    seen: list[Watch] = []
    try:
        time.sleep(1)
        yield seen
        time.sleep(1)
    finally:
        controller.run("remote", "systemctl kill --signal INT cuts-ping cuts-route; sleep 0.5")
    answers = [float(one) for one in _ANSWER.findall(controller.run("remote", "cat /run/cuts.ping"))]
    routes = [
        (_seconds(stamp), text)
        for stamp, text in _STAMP.findall(controller.run("remote", "cat /run/cuts.route"))
    ]
    told = controller.run("remote", f"journalctl -u frr -o short-unix --since @{began} --no-pager")
    seen.append(Watch(answers, routes, [float(one) for one in _DOWN.findall(told)]))


def _seconds(stamp: str) -> float:
    whole, _dot, part = stamp.partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp() + float(f"0.{part or 0}")


def figures(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and maximum, in words."""
    return (
        f"median {statistics.median(seconds):.2f} s, p95 {high(seconds):.2f} s, max {max(seconds):.2f} s"
        f" ({len(seconds)})"
    )


def high(seconds: Sequence[float]) -> float:
    """The 95th percentile."""
    return (
        statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else float(seconds[0])
    )


def main_way(controller: Controller) -> str:
    settings = json.loads(controller.run("remote", "cat /etc/ccpp-backup/links/communes/saint-exemple.json"))
    return str(settings["tunnels"][0]["name"])


def name_front(controller: Controller, address: str) -> None:
    """Give the name of the CCPP's second line an address, at LOCAL."""
    # /etc/hosts is mounted into the machine, and so cannot be replaced.
    edit = f"sed '/{FRONT}/d' /etc/hosts > /run/hosts; echo {address} {FRONT} >> /run/hosts"
    controller.run("local", f"{edit}; cat /run/hosts > /etc/hosts")


def wait_whole(controller: Controller, first: str, patience: float = PATIENCE) -> None:
    def alive() -> bool:
        said = json.loads(controller.run("remote", "vtysh -c 'show bfd peers json'"))
        return all(one["status"] == "up" for one in said) and way(controller) == first

    wait_for(alive, patience, "both paths alive, the first one carrying")


def tell(capsys: pytest.CaptureFixture[str], *lines: str) -> None:
    """Print figures, which are wanted of tests that pass."""
    with capsys.disabled():
        sys.stdout.write("".join(f"\n{line}" for line in lines))

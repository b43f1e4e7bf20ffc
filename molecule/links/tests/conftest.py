# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests of the links share: both paths alive at the beginning, and an eye on the wires."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ccpp_testbed.steps import Controller

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cutting
from cutting import OUTSIDE, WANS


@pytest.fixture(scope="session")
def first(controller: Controller) -> str:
    """REMOTE's interface of the first path."""
    return cutting.main_way(controller)


@pytest.fixture(scope="session", autouse=True)
def captured(controller: Controller) -> Iterator[None]:
    """Look at all lines from outside as long as anything is tested: whatever is not WireGuard is noted."""
    # IPv6 addresses would go with a line that is cut, and the testbed's routes with them.
    for machine, lines in (("local", WANS[:2]), ("remote", WANS[2:])):
        kept = " ".join(f"net.ipv6.conf.{line}.keep_addr_on_down=1" for line in lines)
        controller.run(machine, f"sysctl -qw {kept}")
    controller.run("router", "systemctl stop 'outside-*'; systemctl reset-failed 'outside-*'", good=(0, 1, 5))
    for wan in WANS:
        # Each packet is looked at where it comes from; what the router says to the servers is not theirs.
        own = controller.run("router", f"cat /sys/class/net/{wan}/address").strip()
        dump = f"exec tshark -n -l -i {wan} -f {shlex.quote(f'not ether src {own} and {OUTSIDE}')}"
        dump += f" > /run/outside.{wan} 2> /run/outside.{wan}.err"
        controller.run(
            "router", f"systemd-run --quiet --collect --unit outside-{wan} sh -c {shlex.quote(dump)}"
        )
    yield
    controller.run("router", "systemctl stop 'outside-*' || true")


@pytest.fixture(autouse=True)
def whole(controller: Controller, first: str) -> Iterator[None]:
    """Begin with both paths alive, and leave none cut."""
    cutting.wait_whole(controller, first)
    yield
    controller.run("router", "nft delete table inet cut 2>/dev/null || true")

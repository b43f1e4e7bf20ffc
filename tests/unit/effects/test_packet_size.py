# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest packet that a tunnel's line carries is found, also when it shrinks in the middle of the day."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.links import look, settings

PEER = "10.83.4.0"
MTU = 1432


def tunnel(paid: bool = False) -> settings.Tunnel:
    return settings.Tunnel(
        commune="aa",
        number=1,
        name="wg-1",
        kind="4g" if paid else "fibre",
        paid=paid,
        peer=PEER,
        peer_key="key",
        port=51672,
        loopback="10.83.0.1",
        mtu=MTU,
        endpoints=(),
    )


class Line:
    """A line that carries packets up to a size, and what programs say of the tunnel over it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.carries = MTU
        self.mtu = MTU
        self.sent = 0
        monkeypatch.setattr(look, "ask", self.ask)
        monkeypatch.setattr(look, "_mtu", lambda _tunnel: self.mtu)
        monkeypatch.setattr(look.os.path, "exists", lambda _path: True)

    def ask(self, *command: str, good: Sequence[int] = (0,)) -> str:
        assert 0 in good
        match command:
            case ("vtysh", *_):
                return json.dumps([{"peer": PEER, "status": "up", "uptime": 60}])
            case ("wg", "show", "all", "dump"):
                return "wg-1\tkey\t(none)\t198.51.100.1:51672\tall\t1\t2\t3\t25\n"
            case ("ip", "-json", *_):
                return "[]"
            case ("ip", "link", "set", "dev", "wg-1", "mtu", size):
                self.mtu = int(size)
                return ""
            case ("ping", *options):
                whole = int(options[options.index("-s") + 1]) + look.PING_HEADERS if "-s" in options else 84
                self.sent += whole
                return f"{100 if whole > self.carries else 0}% packet loss"
        raise AssertionError(command)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(monkeypatch)


@pytest.mark.parametrize(("carries", "found"), [(1500, MTU), (MTU, MTU), (1400, 1392), (1280, 1280)])
def test_the_first_look_finds_what_gets_through(line: Line, carries: int, found: int) -> None:
    line.carries = carries
    look.Looker(settings.Links(tunnels=(tunnel(),)), {}).look()
    assert line.mtu == found


def test_a_path_through_which_nothing_gets_keeps_its_size(line: Line) -> None:
    line.carries = 0
    look.Looker(settings.Links(tunnels=(tunnel(),)), {}).look()
    assert line.mtu == MTU


def test_a_line_that_carries_less_than_before_is_noticed_at_the_next_look(line: Line) -> None:
    looker = look.Looker(settings.Links(tunnels=(tunnel(),)), {})
    looker.look()
    line.carries = 1340
    looker.look()
    assert line.mtu == 1332


def test_a_paid_line_is_asked_at_each_fourth_look(line: Line) -> None:
    looker = look.Looker(settings.Links(tunnels=(tunnel(paid=True),)), {})
    looker.look()
    line.carries = 1340
    sizes = []
    for _look in range(4):
        line.sent = 0
        looker.look()
        sizes.append((line.mtu, line.sent > 0))
    assert sizes == [(MTU, False)] * 3 + [(1332, True)]

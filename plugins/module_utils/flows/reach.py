# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the matrix says of one packet, without a word of nftables: what the tests hold a port scan against."""

from __future__ import annotations

from collections.abc import Mapping

from .matrix import SERVERS, Matrix, Ports
from .networks import INSIDE, OTHERS, OUTSIDE, Networks


def ports(
    matrix: Matrix,
    server: str,
    networks: Mapping[str, Networks],
    switches: Mapping[str, bool],
    peer: str,
    protocol: str,
    *,
    incoming: bool = True,
    inside: bool = False,
) -> tuple[Ports, ...]:
    """The ports of this protocol on which the server hears the peer (incoming), or the peer the server.

    `peer`: an address. `inside`: whether it stands in a tunnel. A flow that asks for the sender's own port is
    left out: who tries from any other port gets nothing.
    """
    if networks[OTHERS].holds(peer):
        return ()
    found: set[Ports] = set()
    for flow in matrix.effective(switches):
        if protocol not in flow.protocols or flow.inside != inside or flow.from_ports:
            continue
        for end in flow.peers(server, incoming):
            zone = (INSIDE if flow.inside else OUTSIDE) if end in SERVERS else end
            on_link = zone in matrix.zones and matrix.zones[zone].kind == "link"
            if on_link or (zone in networks and networks[zone].holds(peer)):
                found.update(flow.ports)
    return tuple(sorted(found))

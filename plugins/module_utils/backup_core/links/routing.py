# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each line's own routing table: the routes that the main table has over this line, and no other way out.

Pure: from what ip(8) prints to the ip(8) commands that are missing. A line by DHCP or PPPoE changes its
routes as it likes; what it changes is copied. What has no way over its line is refused, never sent another
way: neither over the other line nor into a tunnel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .settings import Line

FAMILIES = (4, 6)
# Comes last in each table, whatever else is in it.
DEAD_END_METRIC = 4294967294
_COPIED = ("gateway", "dev", "prefsrc", "metric", "mtu", "onlink")

Route = dict[str, Any]


def wanted(main: Sequence[Mapping[str, Any]], line: Line, family: int) -> list[Route]:
    """The routes of a line's table, from the main table as `ip -json route show table main` prints it."""
    routes = [_copied(one) for one in main if one.get("dev") == line.interface and _usable(one)]
    if line.gateway is not None and family == 4 and any(one["dst"] != "default" for one in routes):
        routes = [one for one in routes if one["dst"] != "default"]
        routes.append({"dst": "default", "gateway": line.gateway, "dev": line.interface, "onlink": True})
    return [*routes, {"type": "unreachable", "dst": "default", "metric": DEAD_END_METRIC}]


def _usable(route: Mapping[str, Any]) -> bool:
    dead = {"dead", "linkdown"} & set(route.get("flags") or ())
    return (
        route.get("type", "unicast") == "unicast" and not dead and not str(route["dst"]).startswith("fe80:")
    )


def _copied(route: Mapping[str, Any]) -> Route:
    kept = {"dst": route["dst"], **{name: route[name] for name in _COPIED if route.get(name) is not None}}
    if "onlink" in (route.get("flags") or ()):
        kept["onlink"] = True
    return kept


def normal(route: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A route in the one form in which two of them compare; IPv6 says the metric that it gave itself."""
    kept = {"type": route.get("type", "unicast"), **_copied(route)}
    if kept["type"] == "unreachable":
        kept = {"type": "unreachable", "dst": route["dst"], "metric": route.get("metric", DEAD_END_METRIC)}
    if kept.get("metric") == 1024:
        del kept["metric"]
    return tuple(sorted((name, str(value)) for name, value in kept.items()))


def changes(
    present: Sequence[Mapping[str, Any]], desired: Sequence[Route], table: int, family: int
) -> Iterator[list[str]]:
    """Arguments of ip(8) that bring a table in line: first what is missing, then what is too much."""
    there = {normal(one): one for one in present}
    must = {normal(one): one for one in desired}
    # Networks before what is reached through them.
    for key in sorted(must.keys() - there.keys(), key=lambda key: "gateway" in dict(key)):
        yield [f"-{family}", "route", "replace", *_words(must[key]), "table", str(table)]
    for key in there.keys() - must.keys():
        if not _replaced(there[key], desired):
            yield [f"-{family}", "route", "del", *_words(_identity(there[key])), "table", str(table)]


def _replaced(route: Mapping[str, Any], desired: Sequence[Route]) -> bool:
    """Whether `ip route replace` has put another route in this one's stead: same destination and metric."""
    return any(_slot(one) == _slot(route) for one in desired)


def _slot(route: Mapping[str, Any]) -> tuple[str, int]:
    metric = route.get("metric", 0)
    return str(route["dst"]), 0 if metric == 1024 else int(metric)


def _identity(route: Mapping[str, Any]) -> Route:
    return {name: route[name] for name in ("type", "dst", "gateway", "dev", "metric") if name in route}


def _words(route: Mapping[str, Any]) -> list[str]:
    words = [route["type"]] if route.get("type") == "unreachable" else []
    words.append(str(route["dst"]))
    if words[0] == "unreachable":
        return [*words, "metric", str(route.get("metric", DEAD_END_METRIC))]
    for name, word in (
        ("gateway", "via"),
        ("dev", "dev"),
        ("prefsrc", "src"),
        ("metric", "metric"),
        ("mtu", "mtu"),
    ):
        if route.get(name) is not None:
            words += [word, str(route[name])]
    return [*words, "onlink"] if route.get("onlink") else words


def rules(present: Sequence[Mapping[str, Any]], line: Line, family: int) -> Iterator[list[str]]:
    """Arguments of ip(8) that send what is marked with a table's number to that table."""
    marked = [
        one
        for one in present
        if str(one.get("table")) == str(line.table) and int(str(one.get("fwmark", "0")), 0) == line.table
    ]
    if not marked:
        number = str(line.table)
        yield [f"-{family}", "rule", "add", "fwmark", number, "lookup", number, "priority", number]

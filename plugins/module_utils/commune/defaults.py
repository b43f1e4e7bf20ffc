# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune's file leaves to the service: defaults, and what follows from a validated file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ..backup_core.planning import PUSHING
from .check import schema

# What the convention says of the servers (R2).
SERVER_YEARS = 5
# Kinds of lines whose volume costs, or ends.
PAID = ("4g", "5g", "satellite")


def complete(slug: str, given: dict[str, Any]) -> dict[str, Any]:
    """The `commune` variable: the file's content, every default filled in, and the end of the contract.

    >>> complete("x", ...)["contract"]
    {'start': '2024-01-01', 'years': 5, 'end': '2028-12-31'}
    """
    properties = schema()["properties"]
    definitions = schema()["definitions"]
    return {
        "slug": slug,
        "name": given["name"],
        "insee": given["insee"],
        "tier": given["tier"],
        "state": given.get("state", properties["state"]["default"]),
        "contract": _contract(_filled(given["contract"], properties["contract"])),
        "contacts": dict(given["contacts"]),
        "opening": dict(given["opening"]),
        "policy": dict(given.get("policy") or {}),
        "planning": dict(given.get("planning") or {}),
        "recovery": _filled(given.get("recovery") or {}, properties["recovery"]),
        **_volumes(given),
        "server": _server(_filled(given["server"], properties["server"]), given["contract"]["start"]),
        "uplinks": [_uplink(line, properties["uplinks"]["items"]) for line in given["uplinks"]],
        "links": _filled(given.get("links") or {}, properties["links"]),
        "sources": {
            name: _source(source, definitions["source"]) for name, source in sorted(given["sources"].items())
        },
    }


def last_day(start: date, years: int) -> date:
    """The last day of a term of whole years: the eve of the anniversary of its first day."""
    try:
        return start.replace(year=start.year + years) - timedelta(days=1)
    except ValueError:  # begun on 29 February, ends in a year without one
        return date(start.year + years, 2, 28)


def _contract(contract: dict[str, Any]) -> dict[str, Any]:
    end = last_day(date.fromisoformat(contract["start"]), contract["years"])
    return {**contract, "end": end.isoformat()}


def _server(server: dict[str, Any], begins: str) -> dict[str, Any]:
    """`life_end` is the last day of the server's life, `SERVER_YEARS` from when it came into service (R2)."""
    since = server.get("in_service", begins)
    return {**server, "life_end": last_day(date.fromisoformat(since), SERVER_YEARS).isoformat()}


def _uplink(line: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    return {"paid": line["kind"] in PAID, **_filled(line, rule)}


def _volumes(given: dict[str, Any]) -> dict[str, Any]:
    """`archive_gb` has no default: nobody has counted the archives does not mean that there are none."""
    counted = {} if "archive_gb" not in given else {"archive_gb": given["archive_gb"]}
    return {"workstations": given.get("workstations", workstations(given["sources"])), **counted}


def workstations(sources: dict[str, Any]) -> int:
    """How many of the sources are workstations."""
    return sum(1 for source in sources.values() if source["kind"] in PUSHING)


def _source(source: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    filled = _filled(source, rule)
    if "address" not in source:
        filled.pop("port", None)
    return filled


def _filled(given: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    filled = dict(given)
    for name, field in rule["properties"].items():
        if "$ref" in field:
            field = schema()["definitions"][field["$ref"].removeprefix("#/definitions/")]
        if "default" in field and name not in filled:
            default = field["default"]
            filled[name] = list(default) if isinstance(default, list) else default
    return filled

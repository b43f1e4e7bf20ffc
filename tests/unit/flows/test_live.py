# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two listings of the same rules are the same, whatever the kernel adds. The rest needs a kernel."""

from __future__ import annotations

from typing import Any

from ansible_collections.ccpp.backup.plugins.module_utils.flows import live


def listing(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"nftables": [{"metainfo": {"version": "1.1.3"}}, *entries]}


def rule(handle: int, ports: list[Any], verdict: str = "accept") -> dict[str, Any]:
    match = {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": ports}}
    return {"rule": {"chain": "input", "handle": handle, "expr": [{"match": match}, {verdict: None}]}}


def a_set(flags: list[str], elements: list[Any]) -> dict[str, Any]:
    return {"set": {"name": "s", "flags": flags, "handle": 7, "elem": elements}}


def test_handles_counts_and_the_order_of_a_set_make_no_difference() -> None:
    counter = {"counter": {"name": "c", "handle": 1, "packets": 5, "bytes": 300}}
    again = {"counter": {"name": "c", "handle": 9, "packets": 0, "bytes": 0}}
    assert live.canonical(listing(rule(3, [22, 80]), counter)) == live.canonical(
        listing(rule(8, [80, 22]), again)
    )


def test_what_a_dynamic_set_has_learnt_makes_no_difference() -> None:
    learnt = a_set(["timeout", "dynamic"], ["192.0.2.1"])
    assert live.canonical(listing(learnt)) == live.canonical(listing(a_set(["timeout", "dynamic"], [])))


def test_another_element_verdict_or_order_of_rules_makes_one() -> None:
    first, second = rule(1, [22]), rule(2, [80])
    for one, other in (
        (listing(a_set(["interval"], ["192.0.2.1"])), listing(a_set(["interval"], ["192.0.2.2"]))),
        (listing(rule(1, [22])), listing(rule(1, [22], "drop"))),
        (listing(first, second), listing(second, first)),
        (listing(first), listing(first, second)),
    ):
        assert live.canonical(one) != live.canonical(other)
